//! Lists: in order, page by page, and of what one may know.

use std::collections::BTreeMap;

use cordon_domain::{Bucket, Level, VersionId, Versioning};
use cordon_testkit::Chance;
use cordon_vault::Listed;
use cordon_vault::list::{Next, Wanted};
use cordon_vault::remove::Removed;

use crate::objects::all;
use crate::place::{ADA, BOB, CLEO, Place, at_least, lines, name as key};

/// What a list shows, by going through all names.
fn expected(names: &BTreeMap<String, Level>, up_to: Level, wanted: &Wanted) -> Vec<String> {
    let mut shown = Vec::new();
    for (name, _) in names.iter().filter(|(_, level)| **level <= up_to) {
        let Some(rest) = name.strip_prefix(wanted.prefix.as_str()) else { continue };
        if wanted.after.as_ref().is_some_and(|after| name <= after) {
            continue;
        }
        let delimiter = wanted.delimiter.as_deref();
        let line = match delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
            Some(end) => format!("{}{}...", wanted.prefix, &rest[..end]),
            None => name.clone(),
        };
        if shown.last() != Some(&line) {
            shown.push(line);
        }
    }
    shown
}

#[tokio::test]
async fn pages_together_show_what_one_may_know_and_nothing_else() {
    let place = Place::open().await;
    let bucket = place.bucket("mixed", Level::Public).await;
    let mut chance = Chance::new(3);
    let mut names = BTreeMap::new();
    let signs = ["a", "b", "/", "/", "é", "-", "漢"];
    while names.len() < 120 {
        let length = 1 + chance.below(6);
        let name: String = (0..length).map(|_| signs[chance.below(signs.len() as u64) as usize]).collect();
        let level = Level::ALL[chance.below(4) as usize];
        if names.contains_key(&name) {
            continue;
        }
        place.put(ADA, &bucket, at_least(&name, level), vec![1]).await.expect("written");
        names.insert(name, level);
    }
    for (who, up_to) in [(ADA, Level::Restricted), (CLEO, Level::Confidential), (BOB, Level::Internal)] {
        for (prefix, delimiter, after) in [
            ("", None, None),
            ("", Some("/"), None),
            ("a", Some("/"), None),
            ("a/", Some("/"), None),
            ("", Some("/"), Some("a")),
            ("", None, Some("b/a")),
            ("b", Some("a"), None),
            ("é", Some("漢"), None),
            ("nothing", Some("/"), None),
        ] {
            let wanted = Wanted {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after: after.map(str::to_owned),
                ..all()
            };
            let expected = expected(&names, up_to, &wanted);
            // Of many that one may not know of, a page ends before it has a line.
            for (most, looked_at_max) in [(1, None), (3, Some(2)), (7, None), (1000, None), (1000, Some(20))] {
                let (mut shown, mut from) = (Vec::new(), None);
                loop {
                    let asked = Wanted { from, most, looked_at_max, ..wanted.clone() };
                    let page = place.vault.list(&place.asks(who), &bucket, &asked).await.expect("listed");
                    assert!(page.lines.len() <= most);
                    shown.extend(lines(&page.lines));
                    from = page.next.map(|next| next.start());
                    if from.is_none() {
                        break;
                    }
                }
                assert_eq!(shown, expected, "{who} {wanted:?} {most}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_nothing_and_of_none_at_a_time() {
    let place = Place::open().await;
    let bucket = place.bucket("empty", Level::Internal).await;
    assert_eq!(place.list(BOB, &bucket, all()).await.expect("listed"), Vec::<String>::new());
    place.put(ADA, &bucket, at_least("a", Level::Internal), vec![1]).await.expect("written");
    let page = place.vault.list(&place.asks(BOB), &bucket, &Wanted { most: 0, ..all() }).await.expect("listed");
    assert_eq!((page.lines.len(), page.next), (0, None));
    let names: Vec<_> =
        place.vault.buckets(&place.asks(BOB)).expect("whole").iter().map(|bucket| bucket.name.to_string()).collect();
    assert_eq!(names, ["empty"]);
}

/// A version, or a mark, as it was written: its name, its identifier, what it can be known of by.
type Kept = (String, VersionId, Level);

/// Names that were written, hidden, shown and cut for ever, in any order; newest first.
async fn written(place: &Place, bucket: &Bucket, chance: &mut Chance) -> BTreeMap<String, Vec<Kept>> {
    let mut all: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for _ in 0..150 {
        let name: String = (0..1 + chance.below(3)).map(|_| ["a", "/", "é"][chance.below(3) as usize]).collect();
        let kept = all.entry(name.clone()).or_default();
        match chance.below(4) {
            0 if !kept.is_empty() => {
                let gone = place.vault.remove(&place.asks(ADA), bucket, &key(&name), None).await.expect("hidden");
                let Removed::Hidden(mark) = gone else { panic!("{gone:?}") };
                // Hiding what is hidden changes nothing.
                if kept.first().is_none_or(|(_, version, _)| *version != mark) {
                    let level = kept.first().expect("it hides something").2;
                    kept.insert(0, (name, mark, level));
                }
            }
            1 if kept.len() > 1 => {
                let (_, version, _) = kept.remove(1 + chance.below(kept.len() as u64 - 1) as usize);
                place.vault.remove(&place.asks(ADA), bucket, &key(&name), Some(version)).await.expect("deleted");
            }
            _ => {
                let level = Level::ALL[chance.below(4) as usize];
                let new = place.put(ADA, bucket, at_least(&name, level), vec![1]).await.expect("written");
                kept.insert(0, (name, new.version, new.label.level));
            }
        }
    }
    all
}

#[tokio::test]
async fn pages_of_versions_together_show_all_that_one_may_know() {
    let place = Place::open().await;
    let bucket = place.bucket("kept", Level::Public).await;
    let bucket = Bucket { versioning: Versioning::On, ..bucket };
    place.vault.change_bucket(&place.asks(ADA), bucket.clone()).await.expect("changed");
    let all_kept = written(&place, &bucket, &mut Chance::new(5)).await;
    let marks = all_kept.values().flatten().count();
    assert!(marks > 60, "{marks}");
    for (who, up_to) in [(ADA, Level::Restricted), (CLEO, Level::Confidential), (BOB, Level::Internal)] {
        for (prefix, delimiter) in [("", None), ("a", None), ("", Some("/")), ("a", Some("é")), ("x", None)] {
            let wanted = Wanted { prefix: prefix.to_owned(), delimiter: delimiter.map(str::to_owned), ..all() };
            let mut expected: Vec<(String, Option<VersionId>)> = Vec::new();
            for (name, version, _) in all_kept.values().flatten().filter(|(_, _, level)| *level <= up_to) {
                let Some(rest) = name.strip_prefix(prefix) else { continue };
                let line = match delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
                    Some(end) => (format!("{prefix}{}", &rest[..end]), None),
                    None => (name.clone(), Some(*version)),
                };
                if line.1.is_some() || expected.last() != Some(&line) {
                    expected.push(line);
                }
            }
            for (most, looked_at_max) in [(1, None), (1, Some(2)), (3, None), (1000, None), (1000, Some(7))] {
                let (mut shown, mut at, mut from) = (Vec::new(), (None, None), None);
                loop {
                    let after = at.0.clone().filter(|_| from.is_none());
                    let asked = Wanted { after, from, most, looked_at_max, ..wanted.clone() };
                    let page = place.vault.list_versions(&place.asks(who), &bucket, (&asked, at.1)).await;
                    let page = page.expect("listed");
                    assert!(page.lines.len() <= most);
                    let line = |line: &Listed| match line {
                        Listed::Object(entry) => (entry.key.as_str().to_owned(), Some(entry.version)),
                        Listed::Beginning(beginning) => (beginning.clone(), None),
                    };
                    shown.extend(page.lines.iter().map(line));
                    from = match page.next {
                        None => break,
                        Some(Next::Hidden(start)) => Some(start),
                        Some(Next::Line(_)) => None,
                    };
                    if from.is_some() {
                        continue;
                    }
                    at = page.lines.last().map(line).map(|(name, version)| (Some(name), version)).expect("a line");
                }
                assert_eq!(shown, expected, "{who} {wanted:?} {most}");
            }
        }
    }
}
