//! A bucket: what is in it, and putting something there.

use std::collections::BTreeMap;

use cordon_domain::id::hex;
use serde::{Deserialize, Serialize};

use crate::answers::{Element, Next, Page, Version, tags};
use crate::client::{Answer, Asked, Client, again};
use crate::error::BucketError;
use crate::limits::{PAGE_MAX, PIECE_BYTES, STRANGER_ASKS_MAX, TRIES_MAX};
use crate::put::Putting;

/// Headers that belong to an object, and go with it.
const KEPT: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// Before what a writer says of an object.
const OWN: &str = "x-amz-meta-";

/// Under this name a vault tells a label, and takes one.
pub(crate) const LABEL: &str = "cordon-label";

/// A bucket of a place.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) whose: Whose,
}

/// Whose a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of a vault of Cordon: it tells labels.
    Vault,
    /// Of another store.
    Other,
}

/// What a bucket does with earlier versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// It never kept them.
    Never,
    /// It has some, and a new one takes the place of the one before.
    Suspended,
    /// It keeps them.
    Kept,
}

impl Versioning {
    /// What of each name a list tells.
    #[must_use]
    pub const fn keeps(self) -> Keeps {
        match self {
            Self::Never => Keeps::Latest,
            Self::Suspended | Self::Kept => Keeps::Versions,
        }
    }
}

/// What is copied of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeps {
    /// What it leads to.
    Latest,
    /// Earlier versions, and marks of deletions.
    Versions,
}

/// What is said of an object beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Headers that go with it, in lower case and in order.
    pub headers: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Said {
    /// Returns what its writer, or the place where it lies, says under a name.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<&str> {
        self.headers.get(&format!("{OWN}{name}")).map(String::as_str)
    }

    /// Says something under a name.
    pub fn say(&mut self, name: &str, value: String) {
        self.headers.insert(format!("{OWN}{name}"), value);
    }
}

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// All of them.
    All,
    /// So many, from there on.
    From(u64, u64),
}

impl Bucket {
    /// Names a bucket. Whether it is there is not asked.
    ///
    /// # Errors
    ///
    /// [`BucketError::Named`] for what is no name of a bucket.
    pub fn new(client: Client, name: &str, whose: Whose) -> Result<Self, BucketError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        let is_name =
            (3..=63).contains(&name.len()) && name.bytes().all(plain) && name.as_bytes().first() != Some(&b'.');
        match is_name {
            true => Ok(Self { client, name: name.to_owned(), whose }),
            false => Err(BucketError::Named(format!("`{name}` is no name of a bucket"))),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom it is asked.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn asked(&self, method: &'static str, key: &str) -> Asked<'static> {
        let path = if key.is_empty() { self.name.clone() } else { format!("{}/{key}", self.name) };
        Asked { method, path, ..Asked::default() }
    }

    /// Tells what it does with earlier versions. A store that does not know of any keeps none.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn versioning(&self) -> Result<Versioning, BucketError> {
        let query = vec![("versioning", String::new())];
        match self.client.ask(&Asked { query, ..self.asked("GET", "") }) {
            Ok(answer) => Ok(match answer.read(Element::read)?.text("Status") {
                "" => Versioning::Never,
                "Enabled" => Versioning::Kept,
                _ => Versioning::Suspended,
            }),
            Err(BucketError::Refused { status: 501, .. }) => Ok(Versioning::Never),
            Err(error) => Err(error),
        }
    }

    /// Lets it keep earlier versions.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn keep_versions(&self) -> Result<(), BucketError> {
        let body =
            b"<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status>\
                     </VersioningConfiguration>";
        let query = vec![("versioning", String::new())];
        self.client.ask(&Asked { query, body, ..self.asked("PUT", "") }).map(|_| ())
    }

    /// Tells whether it is there, for whoever asks.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn is_there(&self) -> Result<bool, BucketError> {
        match self.client.ask(&self.asked("HEAD", "")) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes it, with headers that the store understands.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn make(&self, headers: &[(&'static str, String)]) -> Result<(), BucketError> {
        let headers = headers.to_vec();
        self.client.ask(&Asked { headers, ..self.asked("PUT", "") }).map(|_| ())
    }

    /// Asks for a page of a list.
    pub(crate) fn page(&self, keeps: Keeps, prefix: &str, next: Option<&Next>) -> Result<Page, BucketError> {
        let mut query = vec![("encoding-type", "url".to_owned()), ("max-keys", PAGE_MAX.to_string())];
        query.extend((!prefix.is_empty()).then(|| ("prefix", prefix.to_owned())));
        match keeps {
            Keeps::Versions => {
                query.push(("versions", String::new()));
                let marks = next.map(|next| [("key-marker", &next.key), ("version-id-marker", &next.version)]);
                let marks = marks.into_iter().flatten().filter(|(_, value)| !value.is_empty());
                query.extend(marks.map(|(name, value)| (name, value.clone())));
                self.client.ask(&Asked { query, ..self.asked("GET", "") })?.read(Page::of_versions)
            }
            Keeps::Latest => {
                query.push(("list-type", "2".to_owned()));
                query.extend(next.map(|next| ("continuation-token", next.key.clone())));
                self.client.ask(&Asked { query, ..self.asked("GET", "") })?.read(Page::of_names)
            }
        }
    }

    /// Reads bytes of a version, as long as it is what the list told, and what is said of it; with which version that is.
    pub(crate) fn read(&self, version: &Version, bytes: Bytes) -> Result<(Vec<u8>, Said, Version), BucketError> {
        let (mut asked, most) = (
            self.unchanged("GET", version),
            match bytes {
                Bytes::All => version.bytes,
                Bytes::From(_, many) => many,
            },
        );
        if let Bytes::From(first, many) = bytes {
            asked.headers.push(("range", format!("bytes={first}-{}", first.saturating_add(many).saturating_sub(1))));
        }
        again(TRIES_MAX, || {
            let answer = self.client.once(&asked).map_err(|error| changed(error, version))?;
            let said = self.said_in(&answer)?;
            let id = version.id.clone().or_else(|| version_of(&answer));
            let read = answer.bytes(most)?;
            match read.len() as u64 == most {
                true => Ok((read, said, Version { id, ..version.clone() })),
                false => Err(BucketError::Changed(version.shown())),
            }
        })
    }

    /// Asks what is said of a version, as long as it is what the list told.
    pub(crate) fn said(&self, version: &Version) -> Result<Said, BucketError> {
        let answer = self.client.ask(&self.unchanged("HEAD", version)).map_err(|error| changed(error, version))?;
        self.said_in(&answer)
    }

    /// Asks what is said of what a name leads to, and which version that is.
    pub(crate) fn look(&self, key: &str) -> Result<Option<(Said, String)>, BucketError> {
        match self.client.ask(&self.asked("HEAD", key)) {
            Ok(answer) => Ok(Some((self.said_in(&answer)?, version_of(&answer).unwrap_or_default()))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the mark behind which a name is hidden now.
    pub(crate) fn mark(&self, key: &str) -> Result<Option<String>, BucketError> {
        let page = self.page(Keeps::Versions, key, None)?;
        let latest = page.versions.into_iter().find(|version| version.key == key && version.is_latest);
        Ok(latest.filter(|latest| latest.is_mark).map(|latest| latest.id.unwrap_or_default()))
    }

    /// Reads the tags of a version. A store that knows of none has none.
    pub(crate) fn tags(&self, version: &Version) -> Result<BTreeMap<String, String>, BucketError> {
        let mut asked = self.of_version("GET", version);
        asked.query.insert(0, ("tagging", String::new()));
        match self.client.ask(&asked) {
            Ok(answer) => Ok(answer.words(tags)?.into_iter().collect()),
            Err(BucketError::Refused { status: 501, .. }) => Ok(BTreeMap::new()),
            Err(BucketError::Refused { code, .. }) if code == "NoSuchTagSet" => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }

    /// Puts an object there, at once. Returns the version that it is; nothing where the bucket keeps no versions.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn put(&self, key: &str, bytes: &[u8], said: &Said) -> Result<String, BucketError> {
        let mut putting = Putting::begin(self, key, said);
        putting.take(bytes, true)?;
        putting.end()
    }

    /// Reads what a name leads to, of at most one piece's bytes.
    ///
    /// # Errors
    ///
    /// [`BucketError`], where the store refuses or is not there.
    pub fn fetch(&self, key: &str) -> Result<Vec<u8>, BucketError> {
        self.client.ask(&self.asked("GET", key))?.bytes(PIECE_BYTES)
    }

    /// Hides what a name leads to. Returns the mark.
    pub(crate) fn hide(&self, key: &str) -> Result<String, BucketError> {
        let answer = self.client.once(&self.asked("DELETE", key))?;
        // A store that says that something is gone already may say so to hide what is there.
        let is_hidden = answer.header("x-amz-delete-marker") == Some("true");
        let what = || format!("the deletion of `{key}`");
        let mark = version_of(&answer).filter(|_| is_hidden);
        mark.ok_or_else(|| BucketError::Answer { what: what(), why: "it does not say that the name is hidden" })
    }

    fn of_version(&self, method: &'static str, version: &Version) -> Asked<'static> {
        let query = version.id.iter().map(|id| ("versionId", id.clone())).collect();
        Asked { query, ..self.asked(method, &version.key) }
    }

    fn unchanged(&self, method: &'static str, version: &Version) -> Asked<'static> {
        let tag = (!version.tag.is_empty()).then(|| ("if-match", version.tag.clone()));
        Asked { headers: tag.into_iter().collect(), ..self.of_version(method, version) }
    }

    /// What a stranger gets of it.
    ///
    /// # Errors
    ///
    /// [`BucketError::Unreachable`], where nobody answers.
    pub fn to_strangers(&self, names: &[String]) -> Result<Strangers, BucketError> {
        let stranger = Self { client: self.client.as_stranger(), ..self.clone() };
        let gets = |asked: &Asked<'_>| match stranger.client.once(asked) {
            Ok(_) => Ok(Gets::It),
            Err(BucketError::Refused { status: 401 | 403 | 404, .. }) => Ok(Gets::Nothing),
            Err(BucketError::Refused { .. }) => Ok(Gets::Unknown),
            Err(error) => Err(error),
        };
        let query = vec![("list-type", "2".to_owned()), ("max-keys", "1".to_owned())];
        let list = gets(&Asked { query, ..stranger.asked("GET", "") })?;
        let mut told = Strangers { list, asked: 0, read: 0, unknown: 0 };
        for key in names.iter().take(STRANGER_ASKS_MAX) {
            let got = gets(&stranger.asked("HEAD", key))?;
            told.asked += 1;
            told.read += usize::from(got == Gets::It);
            told.unknown += usize::from(got == Gets::Unknown);
        }
        Ok(told)
    }

    /// What an answer says of an object. A vault lets nobody keep its answers; what it says of that and does not vary is said of
    /// the answer, and not of the object.
    fn said_in(&self, answer: &Answer) -> Result<Said, BucketError> {
        let mut said = Said::default();
        let unusable = |why| BucketError::Answer { what: answer.what().to_owned(), why };
        if answer.header("x-amz-missing-meta").is_some_and(|many| many != "0") {
            return Err(unusable("it leaves out some of what is said of the object"));
        }
        for (name, value) in &answer.headers {
            let name = name.as_str();
            if KEPT.contains(&name) || name.starts_with(OWN) {
                let value = value.to_str().map_err(|_| unusable("what is said of the object is no plain text"))?;
                said.headers.insert(name.to_owned(), value.to_owned());
            }
        }
        if self.whose == Whose::Vault && answer.header("vary") != Some("*") {
            said.headers.remove("cache-control");
        }
        Ok(said)
    }
}

/// Whether somebody gets something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gets {
    /// They do.
    It,
    /// They are refused.
    Nothing,
    /// The store neither gave nor refused it: it was busy, led elsewhere, or failed.
    #[default]
    Unknown,
}

/// What strangers get of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    /// Whether they are told what is in it.
    pub list: Gets,
    /// How many objects were asked for.
    pub asked: usize,
    /// How many of them they get.
    pub read: usize,
    /// Of how many that is not known.
    pub unknown: usize,
}

/// One that is not what the list told is another by now.
fn changed(error: BucketError, version: &Version) -> BucketError {
    match error {
        BucketError::Refused { status: 412, .. } => BucketError::Changed(version.shown()),
        error => error,
    }
}

/// The version that an answer is about.
pub(crate) fn version_of(answer: &Answer) -> Option<String> {
    answer.header("x-amz-version-id").map(str::to_owned)
}

/// An object's tags, as a header says them.
pub(crate) fn tagging(tags: &BTreeMap<String, String>) -> Option<String> {
    let coded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs = tags.iter().map(|(name, value)| format!("{}={}", coded(name), coded(value)));
    (!tags.is_empty()).then(|| pairs.collect::<Vec<_>>().join("&"))
}

/// SHA-256, as this crate writes it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}
