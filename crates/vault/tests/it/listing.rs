//! Lists: in order, page by page, and of what one may know.

use std::collections::BTreeMap;

use cordon_domain::Level;
use cordon_testkit::Chance;
use cordon_vault::list::Wanted;

use crate::objects::all;
use crate::place::{ADA, BOB, CLEO, Place, at_least, lines};

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
            for most in [1, 3, 7, 1000] {
                let (mut shown, mut from) = (Vec::new(), None);
                loop {
                    let asked = Wanted { from, most, ..wanted.clone() };
                    let page = place.vault.list(&place.asks(who), &bucket, &asked).await.expect("listed");
                    assert!(page.lines.len() <= most);
                    shown.extend(lines(&page.lines));
                    from = page.next.map(|next| next.name().to_owned());
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
