//! Listing: what the one who asks may know of, decided once for each label.

use std::collections::HashMap;

use cordon_domain::{Bucket, Label};
use cordon_gate::Facts;
use cordon_store::Entry;
use cordon_store::entries::{Listing, behind};

use crate::error::VaultError;
use crate::limits::{LIST_LOOKED_AT_MAX, LIST_PAGE_MAX};
use crate::vault::Vault;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names that begin with this.
    pub prefix: String,
    /// Names that go on with this later are shown as one.
    pub delimiter: Option<String>,
    /// Only names behind this one.
    pub after: Option<String>,
    /// From this name on: where another page ended.
    pub from: Option<String>,
    /// At most so many.
    pub most: usize,
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
    /// Where the next page begins, when there may be more.
    pub next: Option<String>,
}

/// A page that is being made.
struct Filling<'a> {
    wanted: &'a Wanted,
    most: usize,
    page: Page,
}

impl Vault {
    /// Lists what the one who asks may know of. Each page is recorded, once.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoBucket`] when they may know of nothing in it; [`VaultError::Integrity`] when a row was changed.
    pub async fn list(&self, asks: &Facts, bucket: &Bucket, wanted: &Wanted) -> Result<Page, VaultError> {
        self.look_at(asks, bucket, &bucket.label).await?;
        let mut seen: HashMap<Label, bool> = HashMap::new();
        let mut filling = Filling { wanted, most: wanted.most.min(LIST_PAGE_MAX), page: Page::default() };
        let mut next = Some(wanted.start());
        let mut looked_at = 0;
        while let Some(start) = next.take() {
            if filling.is_full() || looked_at >= LIST_LOOKED_AT_MAX {
                filling.page.next = Some(start).filter(|_| filling.most > 0);
                break;
            }
            let listing = Listing { prefix: wanted.prefix.clone(), start };
            let (found, more) = self.reader.list(&self.keys, bucket.id, &listing).await?;
            looked_at += found.len().max(1);
            next = more;
            for (entry, label) in found {
                if filling.is_full() {
                    next = Some(entry.key.as_str().to_owned());
                    break;
                }
                let may = *seen.entry(label).or_insert_with_key(|label| self.may_list(asks, bucket.id, label));
                if !may {
                    continue;
                }
                // Names that go on from a beginning are passed over at once.
                if let Some(beyond) = filling.add(entry) {
                    next = Some(beyond);
                    break;
                }
            }
        }
        Ok(filling.page)
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
        self.from.clone().unwrap_or_default().max(after.unwrap_or_default())
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

impl Filling<'_> {
    fn is_full(&self) -> bool {
        self.page.lines.len() >= self.most
    }

    /// Adds a line. Returns the name to go on from when a beginning stands for all that begin with it.
    fn add(&mut self, entry: Entry) -> Option<String> {
        let beginning = self.wanted.beginning(entry.key.as_str()).map(str::to_owned);
        match beginning {
            Some(beginning) => {
                let beyond = beyond(&beginning);
                self.page.lines.push(Listed::Beginning(beginning));
                Some(beyond)
            }
            None => {
                self.page.lines.push(Listed::Object(Box::new(entry)));
                None
            }
        }
    }
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
