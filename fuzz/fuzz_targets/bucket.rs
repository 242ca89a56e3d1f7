//! Any bytes as the answer of another store: no panic, and a page has no more than was asked for.
#![no_main]

use cordon_bucket::answers::{Element, Page, tags};
use cordon_bucket::limits::{PAGE_MAX, TAGS_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for page in [Page::of_versions(data), Page::of_names(data)].into_iter().flatten() {
        assert!(page.versions.len() <= PAGE_MAX && page.versions.iter().all(|version| !version.key.is_empty()));
    }
    assert!(tags(data).is_ok_and(|tags| tags.len() <= TAGS_MAX) || tags(data).is_err());
    let _ = Element::read(data);
});
