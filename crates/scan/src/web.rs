//! The view of a stranger: addresses asked without credentials, bounded in rate, size and time. Redirects to private
//! addresses are refused; loopback is asked only when the user named it.

use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use cordon_domain::Reach;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::limits::{ADDRESSES_MAX, ANSWER_BYTES_MAX, REDIRECTS_MAX, REQUEST_S, REQUESTS_PER_S};
use crate::tally::Tally;

/// Which hosts may be asked.
#[derive(Clone, Debug, Default)]
pub struct Permission {
    /// Hosts that the user listed.
    pub hosts: BTreeSet<String>,
    /// The user says they may ask the hosts they name.
    pub is_authorised: bool,
}

/// An answer of 200.
#[derive(Debug)]
pub struct Answer {
    /// The address that answered.
    pub url: String,
    /// The body, within a bound.
    pub body: Vec<u8>,
}

/// Asks addresses as a stranger.
pub struct Stranger {
    agent: ureq::Agent,
    permission: Permission,
    named: BTreeSet<String>,
    last: HashMap<String, Instant>,
}

/// Resolves names, and refuses private addresses of hosts that the user did not name.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    named: BTreeSet<String>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let named = uri.host().is_some_and(|host| self.named.contains(host));
        if found.iter().any(|address| !may_reach(address.ip(), named)) {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(found)
    }
}

/// Public addresses may be reached; loopback when its host was named; other private ones never.
fn may_reach(address: IpAddr, is_named: bool) -> bool {
    match Reach::of(address) {
        Reach::Public => true,
        Reach::Loopback => is_named,
        Reach::Private | Reach::Nowhere => false,
    }
}

impl Stranger {
    /// Prepares to ask; `named` are the addresses that the user wrote down.
    #[must_use]
    pub fn new(permission: Permission, named: &[String]) -> Self {
        let named: BTreeSet<String> = named.iter().filter_map(|url| host_of(url)).collect();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(REQUEST_S)))
            .max_redirects(0)
            // A proxy would resolve names itself, past the guard.
            .proxy(None)
            .http_status_as_error(false)
            .user_agent(concat!("cordon/", env!("CARGO_PKG_VERSION"), " (a stranger's view, asked for by the owner)"))
            .build();
        let guarded = Guarded { inner: DefaultResolver::default(), named: named.clone() };
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), guarded);
        Self { agent, permission, named, last: HashMap::new() }
    }

    /// Lists the addresses behind what the user named: a sitemap gives those it lists, another address itself.
    pub fn addresses(&mut self, named: &[String], tally: &Tally) -> Vec<String> {
        let mut found = Vec::new();
        let mut open: Vec<String> = named.iter().rev().cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some(url) = open.pop() {
            if seen.contains(&url) {
                continue;
            }
            if seen.len() >= ADDRESSES_MAX {
                tally.skip(shown(&url).as_bytes(), format!("addresses beyond {ADDRESSES_MAX}"));
                break;
            }
            seen.insert(url.clone());
            let is_sitemap =
                url.split(['?', '#']).next().is_some_and(|path| path.ends_with(".xml") && path.contains("sitemap"));
            if !is_sitemap {
                found.push(url);
                continue;
            }
            match self.ask(&url) {
                Ok(Some(answer)) => {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    let listed: Vec<String> = text
                        .split("<loc>")
                        .skip(1)
                        .filter_map(|rest| rest.split("</loc>").next())
                        .map(|url| url.trim().replace("&amp;", "&"))
                        .collect();
                    open.extend(listed.into_iter().rev());
                }
                Ok(None) => tally.skip(shown(&url).as_bytes(), "the sitemap does not answer a stranger"),
                Err(reason) => tally.skip(shown(&url).as_bytes(), reason),
            }
        }
        found
    }

    /// Asks one address; `None` when it does not answer 200.
    ///
    /// # Errors
    ///
    /// The host may not be asked, cannot be reached, redirects to where it must not, or sends too much.
    pub fn ask(&mut self, url: &str) -> Result<Option<Answer>, String> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let host = host_of(&url).ok_or("is no http or https address")?;
            let listed = self.permission.hosts.contains(&host);
            let allowed = listed || self.permission.is_authorised && self.named.contains(&host);
            if !allowed {
                return Err(format!("`{host}` is not a host that you listed"));
            }
            self.wait(&host);
            let answer = self.agent.get(&url).call().map_err(|error| match error {
                ureq::Error::HostNotFound => format!("`{host}` is unknown or has a private address"),
                other => other.to_string(),
            })?;
            match answer.status().as_u16() {
                200 => {
                    let mut body = Vec::new();
                    answer
                        .into_body()
                        .into_reader()
                        .take(ANSWER_BYTES_MAX + 1)
                        .read_to_end(&mut body)
                        .map_err(|error| error.to_string())?;
                    if body.len() as u64 > ANSWER_BYTES_MAX {
                        return Err(format!("answers with more than {ANSWER_BYTES_MAX} bytes"));
                    }
                    return Ok(Some(Answer { url, body }));
                }
                301 | 302 | 303 | 307 | 308 => {
                    let target = answer
                        .headers()
                        .get("location")
                        .and_then(|value| value.to_str().ok())
                        .ok_or("redirects to nowhere")?;
                    url = join(&url, target);
                }
                _ => return Ok(None),
            }
        }
        Err(format!("redirects more than {REDIRECTS_MAX} times"))
    }

    fn wait(&mut self, host: &str) {
        let pause = Duration::from_secs(1) / REQUESTS_PER_S;
        if let Some(last) = self.last.get(host) {
            std::thread::sleep(pause.saturating_sub(last.elapsed()));
        }
        self.last.insert(host.to_owned(), Instant::now());
    }
}

/// An address as reports name it: without credentials, and without the values of its query, which can be credentials.
#[must_use]
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) =
        address.split_once('/').map_or((address, None), |(authority, path)| (authority, Some(path)));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    let names: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| format!("{}=****", pair.split('=').next().unwrap_or_default()))
        .collect();
    let query = if names.is_empty() { String::new() } else { format!("?{}", names.join("&")) };
    format!("{scheme}://{host}{path}{query}")
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host =
        if host.starts_with('[') { host.split(']').next()?.trim_start_matches('[') } else { host.split(':').next()? };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Resolves a redirect against the address it came from.
fn join(base: &str, target: &str) -> String {
    if target.starts_with("http://") || target.starts_with("https://") {
        return target.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    if let Some(rest) = target.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if target.starts_with('/') {
        return format!("{scheme}://{authority}{target}");
    }
    let folder = rest.split(['?', '#']).next().unwrap_or(rest).rsplit_once('/').map_or(authority, |(folder, _)| folder);
    format!("{scheme}://{folder}/{target}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_and_loopback_needs_a_name() {
        for address in ["10.0.0.1", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(!may_reach(address.parse().expect("an address"), true), "{address}");
        }
        assert!(may_reach("127.0.0.1".parse().expect("an address"), true));
        assert!(!may_reach("127.0.0.1".parse().expect("an address"), false));
        assert!(!may_reach("::ffff:127.0.0.1".parse().expect("an address"), false));
        assert!(may_reach("93.184.216.34".parse().expect("an address"), false));
    }

    #[test]
    fn addresses_are_named_without_what_opens_them() {
        let (scheme, user) = ("https://", "me:pw@");
        assert_eq!(shown(&format!("{scheme}{user}h.org/a/b?sv=1&sig=abc")), "https://h.org/a/b?sv=****&sig=****");
        assert_eq!(shown("http://h.org"), "http://h.org");
    }

    #[test]
    fn hosts_and_redirects() {
        assert_eq!(host_of("https://user@Host.org:8443/x"), Some("host.org".to_owned()));
        assert_eq!(host_of("http://[::1]:80/"), Some("::1".to_owned()));
        assert_eq!(host_of("ftp://x/"), None);
        assert_eq!(join("https://a.org/b/c?d", "e"), "https://a.org/b/e");
        assert_eq!(join("https://a.org/b/c", "/e"), "https://a.org/e");
        assert_eq!(join("https://a.org", "//b.org/e"), "https://b.org/e");
    }

    #[test]
    fn hosts_that_were_not_listed_are_not_asked() {
        let mut stranger = Stranger::new(Permission::default(), &["http://127.0.0.1:1/".to_owned()]);
        assert!(stranger.ask("http://127.0.0.1:1/").is_err_and(|reason| reason.contains("listed")));
    }
}
