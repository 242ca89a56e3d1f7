//! The names of a bucket, each with all its versions, the oldest first.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::answers::{Next, Page, Version};
use crate::bucket::{Bucket, Keeps};
use crate::error::BucketError;
use crate::limits::VERSIONS_OF_NAME_MAX;

/// All versions of one name, the oldest first.
pub type Name = Vec<Version>;

/// Reads a list page by page.
pub struct Names<'a> {
    bucket: &'a Bucket,
    keeps: Keeps,
    prefix: &'a str,
    next: Option<Next>,
    is_last: bool,
    /// What is read, the first name last.
    ready: Vec<Name>,
    /// A name that may go on.
    open: Name,
}

impl Bucket {
    /// Lists names that begin with `prefix`.
    #[must_use]
    pub const fn names<'a>(&'a self, keeps: Keeps, prefix: &'a str) -> Names<'a> {
        Names { bucket: self, keeps, prefix, next: None, is_last: false, ready: Vec::new(), open: Vec::new() }
    }
}

impl Iterator for Names<'_> {
    type Item = Result<Name, BucketError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(name) = self.ready.pop() {
                return Some(Ok(in_order(name)));
            }
            if self.is_last {
                let rest = std::mem::take(&mut self.open);
                return (!rest.is_empty()).then(|| Ok(in_order(rest)));
            }
            if let Err(error) = self.read() {
                self.is_last = true;
                self.open.clear();
                return Some(Err(error));
            }
        }
    }
}

impl Names<'_> {
    fn read(&mut self) -> Result<(), BucketError> {
        let page = self.bucket.page(self.keeps, self.prefix, self.next.as_ref())?;
        let wrong = |why| BucketError::Answer { what: format!("the list of `{}`", self.bucket.name()), why };
        if page.next.is_some() && page.next == self.next {
            return Err(wrong("it goes on where it was"));
        }
        let (ready, open) = take(std::mem::take(&mut self.open), page, self.keeps, &mut self.next);
        if open.len() > VERSIONS_OF_NAME_MAX {
            return Err(wrong("one name has more versions than are copied"));
        }
        (self.ready, self.open, self.is_last) = (ready, open, self.next.is_none());
        Ok(())
    }
}

/// Puts the lines of a page to their names. The one at which the page ends may go on with the next.
fn take(open: Name, page: Page, keeps: Keeps, next: &mut Option<Next>) -> (Vec<Name>, Name) {
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    for version in open.into_iter().chain(page.versions) {
        names.entry(version.key.clone()).or_default().push(version);
    }
    let goes_on = page.next.as_ref().filter(|_| keeps == Keeps::Versions).map(|next| next.key.as_str());
    let open = goes_on.and_then(|key| names.remove(key)).unwrap_or_default();
    *next = page.next;
    (names.into_values().rev().collect(), open)
}

/// Stores list the youngest first, and some of them marks apart from versions: their time puts them in order. Of those of one
/// time, and where a time cannot be read, the order of the store stays.
fn in_order(name: Name) -> Name {
    let time = |version: &Version| version.modified.parse::<Timestamp>().ok();
    let mut timed: Vec<_> = name.into_iter().map(|version| (time(&version), version)).collect();
    if timed.iter().all(|(time, _)| time.is_some()) {
        timed.sort_by(|(a, one), (b, other)| other.is_latest.cmp(&one.is_latest).then_with(|| b.cmp(a)));
    }
    timed.into_iter().rev().map(|(_, version)| version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, id: u32, is_mark: bool) -> Version {
        let modified = format!("2026-01-01T00:00:{id:02}.000Z");
        let (key, id) = (key.to_owned(), Some(id.to_string()));
        Version { key, id, tag: String::new(), bytes: 0, modified, is_latest: false, is_mark }
    }

    fn ids(name: &Name) -> String {
        name.iter().map(|one| one.id.clone().unwrap_or_default()).collect::<Vec<_>>().join(",")
    }

    /// A page that ends within a name, as a store lists it that puts marks behind versions.
    #[test]
    fn a_name_that_two_pages_tell_of_is_one_and_in_order() {
        let at = |key: &str| Some(Next { key: key.to_owned(), version: "x".to_owned() });
        let first = vec![version("a", 3, false), version("b", 9, false), version("b", 7, false), version("b", 8, true)];
        let mut next = None;
        let (ready, open) = take(Vec::new(), Page { versions: first, next: at("b") }, Keeps::Versions, &mut next);
        assert_eq!((ready.len(), ids(&ready[0]).as_str(), open.len()), (1, "3", 3));
        assert_eq!(next, at("b"));
        let rest = Page { versions: vec![version("b", 2, false), version("c", 1, false)], next: None };
        let (mut ready, open) = take(open, rest, Keeps::Versions, &mut next);
        assert!(open.is_empty() && next.is_none());
        let b = in_order(ready.pop().expect("the first is last"));
        assert_eq!(ids(&b), "2,7,8,9");
    }

    #[test]
    fn versions_of_the_same_second_stay_as_the_store_lists_them() {
        let at = |id: u32| Version { modified: "2026-01-01T00:00:00Z".to_owned(), ..version("a", id, false) };
        assert_eq!(ids(&in_order(vec![at(3), at(2), at(1)])), "1,2,3");
        let of = |time: &str, id: u32| Version { modified: format!("2026-01-01T00:00:{time}Z"), ..at(id) };
        let mixed = vec![of("00.512", 3), of("00.5", 2), of("00", 1)];
        assert_eq!(ids(&in_order(mixed)), "1,2,3", "fractions may be left out");
        assert_eq!(ids(&in_order(vec![of("00", 3), of("x", 2), of("09", 1)])), "1,2,3", "as the store has it");
        let latest = Version { is_latest: true, ..at(4) };
        assert_eq!(ids(&in_order(vec![at(3), latest, at(2)])), "2,3,4");
    }
}
