//! Listing: what the one who asks may know of, decided once for each label.

use std::collections::HashMap;

use cordon_domain::{Bucket, Label, VersionId};
use cordon_gate::Facts;
use cordon_store::Entry;
use cordon_store::limits::LIST_ROWS_MAX;
use cordon_store::listing::{Listing, behind};

use crate::error::VaultError;
use crate::limits::{BEGINNING_NAMES, LIST_LOOKED_AT_MAX, LIST_PAGE_MAX};
use crate::vault::Vault;

/// A page, and one name more, are looked at in one go.
const _: () = assert!(LIST_ROWS_MAX == LIST_PAGE_MAX as u64 + 1);

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names that begin with this.
    pub prefix: String,
    /// Names that go on with this later are shown as one.
    pub delimiter: Option<String>,
    /// Only names behind this one.
    pub after: Option<String>,
    /// From here on: where another page ended.
    pub from: Option<Start>,
    /// At most so many.
    pub most: usize,
    /// At most so many names are looked at, whether or not they are shown; unless it is said, [`LIST_LOOKED_AT_MAX`].
    pub looked_at_max: Option<usize>,
}

/// Where a list begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// A name; that one may not know of it is no matter.
    pub name: String,
    /// Of that name, only versions whose number is lower.
    pub below: Option<u64>,
}

impl Start {
    /// Writes it in one text.
    #[must_use]
    pub fn written(&self) -> String {
        let below = self.below.map(|number| number.to_string());
        [below.as_deref().unwrap_or_default(), "/", &self.name].concat()
    }

    /// Reads what [`Start::written`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (below, name) = text.split_once('/')?;
        let below = if below.is_empty() { None } else { Some(below.parse().ok()?) };
        Some(Self { name: name.to_owned(), below })
    }
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// An object.
    Object(Box<Entry>),
    /// The beginning of the names of several.
    Beginning(String),
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its lines, in the order of names.
    pub lines: Vec<Listed>,
    /// Where the next page begins, when there is more.
    pub next: Option<Next>,
}

/// Where a page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Behind the last line of this one.
    Line(String),
    /// At a name that the one who asks may not know of: so much was looked at, and passed over.
    Hidden(Start),
}

impl Next {
    /// Where the next page begins.
    #[must_use]
    pub fn start(&self) -> Start {
        match self {
            Self::Line(name) => Start { name: name.clone(), below: None },
            Self::Hidden(start) => start.clone(),
        }
    }
}

/// A page that is being filled.
struct Paging<'a> {
    vault: &'a Vault,
    asks: &'a Facts,
    bucket: &'a Bucket,
    wanted: &'a Wanted,
    page: Page,
    /// Whether whoever asks may know of what has a label.
    seen: HashMap<Label, bool>,
    /// Names before this one are passed over: the last line stands for them.
    behind: String,
    looked_at: usize,
    /// So many names are looked at in one go.
    at_once: u64,
    /// So many lines there were before the last look.
    lines: usize,
}

impl<'a> Paging<'a> {
    fn new(vault: &'a Vault, asks: &'a Facts, bucket: &'a Bucket, wanted: &'a Wanted) -> Self {
        let (page, seen, behind) = (Page::default(), HashMap::new(), String::new());
        // One more than are shown tells whether there are more.
        let page_and_one = wanted.most.min(LIST_PAGE_MAX) as u64 + 1;
        let at_once = if wanted.delimiter.is_some() { BEGINNING_NAMES } else { page_and_one };
        Self { vault, asks, bucket, wanted, page, seen, behind, looked_at: 0, at_once, lines: 0 }
    }

    /// Goes on at a name, or behind the last line when that stands for it. Tells whether it does.
    fn pass(&mut self, name: String) -> (String, bool) {
        let is_passed = name < self.behind;
        let added = self.page.lines.len().saturating_sub(self.lines);
        self.lines = self.page.lines.len();
        // One line stood for all that was looked at, and for more: so will the next, perhaps.
        let stands = is_passed && added <= 1;
        self.at_once = if stands { BEGINNING_NAMES } else { self.at_once.saturating_mul(2).min(LIST_ROWS_MAX) };
        (if is_passed { self.behind.clone() } else { name }, is_passed)
    }

    /// From where on is looked, unless so much was passed over that the page ends there.
    fn goes_on(&mut self, start: Option<Start>) -> Option<Start> {
        let start = start?;
        if self.looked_at < self.wanted.looked_at_max.unwrap_or(LIST_LOOKED_AT_MAX) {
            return Some(start);
        }
        self.page.next = Some(Next::Hidden(start));
        None
    }

    /// Takes what was found; tells whether the page has room for more.
    fn take_all(&mut self, found: impl IntoIterator<Item = (Entry, Label)>) -> bool {
        found.into_iter().all(|(entry, label)| self.take(entry, label))
    }

    fn take(&mut self, entry: Entry, label: Label) -> bool {
        let Self { vault, asks, bucket, wanted, .. } = *self;
        if entry.key.as_str() < self.behind.as_str() {
            return true;
        }
        if !*self.seen.entry(label).or_insert_with_key(|label| vault.may_list(asks, bucket.id, label)) {
            return true;
        }
        if self.page.lines.len() == wanted.most.min(LIST_PAGE_MAX) {
            self.page.next = self.page.lines.last().map(|line| Next::Line(line.behind()));
            return false;
        }
        let line = wanted.line(entry);
        if matches!(line, Listed::Beginning(_)) {
            self.behind = line.behind();
            // A line is progress: what it passes over does not count.
            self.looked_at = 0;
        }
        self.page.lines.push(line);
        true
    }
}

impl Vault {
    /// Lists what the one who asks may know of. Each page is recorded, once.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoBucket`] when they may know of nothing in it; [`VaultError::Integrity`] when a row was changed.
    pub async fn list(&self, asks: &Facts, bucket: &Bucket, wanted: &Wanted) -> Result<Page, VaultError> {
        self.look_at(asks, bucket, &bucket.label).await?;
        let mut paging = Paging::new(self, asks, bucket, wanted);
        let mut next = Some(Start { name: wanted.start(), below: None }).filter(|_| wanted.most > 0);
        while let Some(Start { name: start, .. }) = paging.goes_on(next.take()) {
            let listing = Listing { prefix: wanted.prefix.clone(), start };
            let looked = self.reader.list(&self.keys, bucket.id, &listing, paging.at_once).await?;
            paging.looked_at += looked.names.max(1);
            if !paging.take_all(looked.found) {
                break;
            }
            next = looked.next.map(|next| Start { name: paging.pass(next).0, below: None });
        }
        Ok(paging.page)
    }
}

impl Vault {
    /// Lists versions that the one who asks may know of, the newest of each name first, and marks among them: whoever may know of
    /// what one hides may know of it. `after` is a version of the name that is wanted from: only older ones of that name.
    /// Each page is recorded, once.
    ///
    /// # Errors
    ///
    /// As [`Vault::list`].
    pub async fn list_versions(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (wanted, after): (&Wanted, Option<VersionId>),
    ) -> Result<Page, VaultError> {
        self.look_at(asks, bucket, &bucket.label).await?;
        let mut paging = Paging::new(self, asks, bucket, wanted);
        let start = self.begins(wanted, after).await?;
        let mut next = Some(start).filter(|_| wanted.most > 0);
        while let Some(Start { name: start, below }) = paging.goes_on(next.take()) {
            let listing = Listing { prefix: wanted.prefix.clone(), start };
            let looked = self.reader.list_versions(&self.keys, bucket.id, (&listing, below), paging.at_once).await?;
            paging.looked_at += (looked.rows as usize).max(1);
            if !paging.take_all(looked.found) {
                break;
            }
            let Some((name, number)) = looked.next else { break };
            let (name, is_passed) = paging.pass(name);
            next = Some(Start { name, below: number.filter(|_| !is_passed) });
        }
        Ok(paging.page)
    }

    /// From where on versions are listed. A version that is gone by now tells no number: then all of its name are listed that are
    /// left.
    async fn begins(&self, wanted: &Wanted, after: Option<VersionId>) -> Result<Start, VaultError> {
        if let Some(from) = &wanted.from {
            return Ok(from.clone());
        }
        let (Some(name), Some(version)) = (&wanted.after, after) else {
            return Ok(Start { name: wanted.start(), below: None });
        };
        let found = self.reader.version(&self.keys, version).await?;
        let below = found.filter(|(entry, _)| entry.key.as_str() == name).map(|(entry, _)| entry.number);
        Ok(Start { name: name.clone(), below })
    }
}

impl Listed {
    /// The least name that this line does not stand for, and no earlier one.
    fn behind(&self) -> String {
        match self {
            Self::Object(entry) => behind(entry.key.as_str()),
            Self::Beginning(beginning) => beyond(beginning),
        }
    }

    /// What the line says.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Object(entry) => entry.key.as_str(),
            Self::Beginning(beginning) => beginning,
        }
    }
}

impl Wanted {
    fn start(&self) -> String {
        let after = self.after.as_deref().filter(|after| !after.is_empty());
        let after = after.map(|after| match self.beginning(after) {
            // A beginning that was shown stands for all that begin with it.
            Some(beginning) if beginning == after => beyond(beginning),
            _ => behind(after),
        });
        let from = self.from.as_ref().map(|from| from.name.clone());
        from.unwrap_or_default().max(after.unwrap_or_default())
    }

    fn line(&self, entry: Entry) -> Listed {
        match self.beginning(entry.key.as_str()) {
            Some(beginning) => Listed::Beginning(beginning.to_owned()),
            None => Listed::Object(Box::new(entry)),
        }
    }

    /// The beginning that stands for a name, if one does.
    fn beginning<'a>(&self, name: &'a str) -> Option<&'a str> {
        let delimiter = self.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
        let rest = name.strip_prefix(self.prefix.as_str())?;
        name.get(..self.prefix.len() + rest.find(delimiter)? + delimiter.len())
    }
}

/// The least text behind all that begin with this, by the bytes of UTF-8, which are in the order of signs.
fn beyond(beginning: &str) -> String {
    let mut signs: Vec<char> = beginning.chars().collect();
    while let Some(last) = signs.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            signs.push(next);
            return signs.into_iter().collect();
        }
    }
    // Nothing is behind the last of all signs but itself, longer.
    behind(beginning)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Nothing that begins so is at or behind it, and nothing else is passed over.
        #[test]
        fn beyond_a_beginning_is_the_first_that_does_not_begin_so(beginning in "\\PC{1,4}", other in "\\PC{0,6}") {
            let beyond = beyond(&beginning);
            let longer = [beginning.as_str(), &other].concat();
            prop_assert!(longer < beyond);
            if !other.starts_with(&beginning) && other > beginning {
                prop_assert!(other >= beyond);
            }
        }
    }

    #[test]
    fn where_a_list_begins_reads_back() {
        for (name, below) in [("a/b", Some(7)), ("", None), ("/", Some(u64::MAX)), ("7/x", None)] {
            let start = Start { name: name.to_owned(), below };
            assert_eq!(Start::read(&start.written()), Some(start));
        }
        assert_eq!((Start::read("a"), Start::read("x/a")), (None, None));
    }

    #[test]
    fn a_page_goes_on_behind_a_beginning_that_was_shown() {
        let wanted = |after: &str| Wanted {
            prefix: "a/".to_owned(),
            delimiter: Some("/".to_owned()),
            after: Some(after.to_owned()),
            ..Wanted::default()
        };
        assert_eq!(wanted("a/b/").start(), "a/b0");
        assert_eq!(wanted("a/b/c").start(), "a/b/c\u{1}");
        assert_eq!(wanted("").start(), "");
        assert_eq!(wanted("a/").beginning("a/b/c/d"), Some("a/b/"));
        assert_eq!(wanted("a/").beginning("a/b"), None);
    }
}
