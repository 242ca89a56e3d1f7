//! What an organisation says of its identity provider, in a file.

use std::collections::{BTreeMap, BTreeSet};

use cordon_domain::{Reach, Role, Scope};
use openidconnect::IssuerUrl;
use serde::Deserialize;
use ureq::tls::{Certificate, PemItem, parse_pem};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::error::IdentityError;
use crate::limits::{GROUPS_KNOWN_MAX, PROVIDER_AUTHORITIES_MAX, PROVIDER_TEXT_CHARS_MAX};

/// What an organisation says of its identity provider.
pub struct ProviderSettings {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) issuer: IssuerUrl,
    pub(crate) client_id: String,
    pub(crate) secret: Option<Zeroizing<String>>,
    pub(crate) reach: Reach,
    /// The authorities that its certificate may be of, instead of those the program brings.
    pub(crate) authorities: Option<Vec<Certificate<'static>>>,
    pub(crate) scopes: Vec<String>,
    /// The classes of sign-in that are asked for (`acr_values`).
    pub(crate) classes: Vec<String>,
    pub(crate) groups_claim: String,
    pub(crate) phishing_resistant: BTreeSet<String>,
    pub(crate) second_factor: BTreeSet<String>,
    pub(crate) groups: BTreeMap<String, Vec<(Role, Scope)>>,
}

/// Another file that the settings name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The client's secret: for one user's eyes.
    Secret,
    /// Certificates of authorities, as PEM.
    Authorities,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<String>,
    ca_file: Option<String>,
    #[serde(default)]
    private_network: bool,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    acr_values: Vec<String>,
    #[serde(default = "groups_claim")]
    groups_claim: String,
    #[serde(default = "phishing_resistant")]
    phishing_resistant: BTreeSet<String>,
    #[serde(default = "second_factor")]
    second_factor: BTreeSet<String>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
}

fn groups_claim() -> String {
    "groups".to_owned()
}

/// The classes of OpenID's Extended Authentication Profile.
fn phishing_resistant() -> BTreeSet<String> {
    ["phr", "phrh"].map(str::to_owned).into()
}

/// What says that there were several methods (RFC 8176); one of them alone says nothing of that.
fn second_factor() -> BTreeSet<String> {
    ["mfa"].map(str::to_owned).into()
}

fn wrong<T>(what: impl Into<String>) -> Result<T, IdentityError> {
    Err(IdentityError::Settings(what.into()))
}

impl ProviderSettings {
    /// Reads the file; `beside` reads another file that it names.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Settings`] with what is wrong.
    pub fn read(
        text: &str,
        beside: impl Fn(Beside, &str) -> Result<Zeroizing<String>, String>,
    ) -> Result<Self, IdentityError> {
        let written: Written = toml::from_str(text).map_err(|error| IdentityError::Settings(error.to_string()))?;
        let issuer =
            IssuerUrl::new(written.issuer.clone()).map_err(|error| IdentityError::Settings(error.to_string()))?;
        let reach = reach_of(issuer.url(), written.private_network)?;
        let groups = written.groups.iter().map(|(group, roles)| {
            let roles: Result<Vec<_>, _> = roles.iter().map(|role| role_of(role)).collect();
            roles.map(|roles| (group.clone(), roles))
        });
        let groups: BTreeMap<_, _> = groups.collect::<Result<_, _>>()?;
        let short = |text: &String| (1..=PROVIDER_TEXT_CHARS_MAX).contains(&text.chars().count());
        if !short(&written.name) || !short(&written.client_id) || !groups.keys().all(short) {
            return wrong(format!("names, `client-id` and groups have from 1 to {PROVIDER_TEXT_CHARS_MAX} characters"));
        }
        if groups.values().flatten().collect::<BTreeSet<_>>().len() > GROUPS_KNOWN_MAX {
            return wrong(format!("groups have at most {GROUPS_KNOWN_MAX} roles together"));
        }
        let read = |what: Beside, name: Option<&str>| {
            name.map(|name| beside(what, name)).transpose().map_err(IdentityError::Settings)
        };
        let authorities = read(Beside::Authorities, written.ca_file.as_deref())?;
        Ok(Self {
            secret: read(Beside::Secret, written.client_secret_file.as_deref())?,
            authorities: authorities.map(|pem| authorities_in(&pem)).transpose()?,
            name: written.name,
            issuer,
            client_id: written.client_id,
            reach,
            scopes: written.scopes,
            classes: written.acr_values,
            groups_claim: written.groups_claim,
            phishing_resistant: written.phishing_resistant,
            second_factor: written.second_factor,
            groups,
        })
    }

    /// Returns every role that a group has.
    #[must_use]
    pub fn roles(&self) -> BTreeSet<(Role, Scope)> {
        self.groups.values().flatten().cloned().collect()
    }

    /// Tells whether people and requests may be sent to an address.
    pub(crate) fn may_ask(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.reach == Reach::Loopback && is_local(url)
    }
}

fn is_local(url: &Url) -> bool {
    let web = matches!(url.scheme(), "http" | "https");
    web && match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads certificates, of which there is at least one, and nothing else.
fn authorities_in(pem: &str) -> Result<Vec<Certificate<'static>>, IdentityError> {
    let mut found = Vec::new();
    for item in parse_pem(pem.as_bytes()).take(PROVIDER_AUTHORITIES_MAX + 1) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => return wrong("`ca-file` holds more than certificates: a private key does not belong there"),
            Err(error) => return wrong(format!("`ca-file` is no PEM: {error}")),
        }
    }
    match found.len() {
        0 => wrong("`ca-file` holds no certificate: give the authority's, as PEM"),
        1..=PROVIDER_AUTHORITIES_MAX => Ok(found),
        _ => wrong(format!("`ca-file` holds more than {PROVIDER_AUTHORITIES_MAX} certificates")),
    }
}

fn reach_of(issuer: &Url, private: bool) -> Result<Reach, IdentityError> {
    match (issuer.scheme(), is_local(issuer)) {
        (_, true) => Ok(Reach::Loopback),
        ("https", false) if private => Ok(Reach::Private),
        ("https", false) => Ok(Reach::Public),
        _ => wrong(format!("`{issuer}` is not encrypted: an issuer is `https://...`, or on this machine")),
    }
}

fn role_of(text: &str) -> Result<(Role, Scope), IdentityError> {
    let Some((role, scope)) = text.split_once(':') else {
        return wrong(format!("`{text}` is no role: write ROLE:SCOPE, as reader:project:gemini"));
    };
    let role = role.parse::<Role>().map_err(|error| IdentityError::Settings(error.to_string()))?;
    match scope.parse::<Scope>() {
        Ok(Scope::Version(_)) => wrong(format!("`{text}`: a group has no role on a single version")),
        Ok(scope) => Ok((role, scope)),
        Err(error) => wrong(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = 'Example ID'\nissuer = 'https://id.example.org'\nclient-id = 'cordon'\n";

    fn read(more: &str) -> Result<ProviderSettings, String> {
        let beside = |_, path: &str| Ok(Zeroizing::new(format!("what stands in {path}")));
        ProviderSettings::read(&format!("{LEAST}{more}"), beside).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_says_which_roles_groups_have() {
        let settings =
            read("client-secret-file = 'a'\n[groups]\nml = ['reader:project:gemini', 'auditor:everything']\n");
        let settings = settings.expect("read");
        assert_eq!(settings.roles().len(), 2);
        assert_eq!(settings.secret.as_ref().map(|secret| secret.as_str()), Some("what stands in a"));
        assert_eq!((settings.reach, settings.groups_claim.as_str()), (Reach::Public, "groups"));
        assert_eq!(read("private-network = true\n").expect("read").reach, Reach::Private);
        for (wrong, why) in [
            ("group = 1\n", "unknown field"),
            ("[groups]\nml = ['reader']\n", "ROLE:SCOPE"),
            ("[groups]\nml = ['king:everything']\n", "is no role"),
            ("[groups]\nml = ['reader:ov_00000000000000000000000000000001']\n", "single version"),
            ("[groups]\n'' = ['reader:everything']\n", "characters"),
            ("ca-file = 'a'\n", "no certificate"),
        ] {
            assert!(read(wrong).err().expect("refused").contains(why), "{wrong}");
        }
        let failing =
            ProviderSettings::read(&format!("{LEAST}client-secret-file = 'a'"), |_, _| Err("no file".to_owned()));
        assert!(failing.is_err_and(|error| error.to_string().contains("no file")));
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_in_the_file_is_read_or_refused(text in ".{0,200}", keys in proptest::collection::vec("[a-z-]{1,20} = ('.{0,20}'|[0-9]{1,3}|true)", 0..6)) {
            let _ = read(&text);
            let _ = read(&keys.join("\n"));
        }
    }

    #[test]
    fn authorities_are_certificates_and_nothing_else() {
        let block = |of: &str| format!("-----BEGIN {of}-----\nAAAA\n-----END {of}-----\n");
        let (one, key) = (block("CERTIFICATE"), block("PRIVATE KEY"));
        assert_eq!(authorities_in(&format!("a note\n{one}{one}")).expect("read").len(), 2);
        for (text, why) in [
            (String::new(), "no certificate"),
            (one.replace("AAAA", "?"), "no PEM"),
            (format!("{one}{key}"), "private key"),
            (one.repeat(PROVIDER_AUTHORITIES_MAX + 1), "more than"),
        ] {
            assert!(authorities_in(&text).map(drop).expect_err("refused").to_string().contains(why), "{why}");
        }
    }

    #[test]
    fn an_issuer_is_encrypted_or_on_this_machine() {
        let reach = |text: &str| reach_of(&Url::parse(text).expect("an address"), false).ok();
        assert_eq!(reach("https://id.example.org"), Some(Reach::Public));
        assert_eq!(reach("http://localhost:9000"), Some(Reach::Loopback));
        assert_eq!(reach("http://127.0.0.1:9000/x"), Some(Reach::Loopback));
        for text in ["http://id.example.org", "ftp://id.example.org", "ftp://localhost", "javascript://localhost/x"] {
            assert_eq!(reach(text), None, "{text}");
        }
        let settings = read("").expect("read");
        let may = |text: &str| settings.may_ask(&Url::parse(text).expect("an address"));
        assert!(may("https://elsewhere.example.org/token") && !may("http://id.example.org/token"));
        assert!(!may("http://localhost/token"), "of a public provider");
    }
}
