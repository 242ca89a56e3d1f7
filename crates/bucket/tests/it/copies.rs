//! What becomes of a copy when requests fail.

use std::path::Path;
use std::sync::Mutex;

use cordon_bucket::limits::FAILED_IN_A_ROW_MAX;
use cordon_bucket::{BucketError, Compared, Copy, Course, Journal, Keeps, Sink, Tally, Told};

use crate::store::{Fault, Store};

/// Two stores, and what is written down between them.
struct Two {
    from: Store,
    to: Store,
    folder: tempfile::TempDir,
    failed: Mutex<Vec<String>>,
}

impl Two {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { from: Store::begin(), to: Store::begin(), folder, failed: Mutex::default() }
    }

    fn record(&self) -> std::path::PathBuf {
        self.folder.path().join("copied.jsonl")
    }

    fn run(&self) -> (Tally, Compared) {
        let course = Course::new("from".to_owned(), "to".to_owned(), Keeps::Versions);
        let journal = Journal::open(&self.record(), &course).expect("ours");
        let tells = |told: Told<'_>| {
            if let Told::Failed(version, error) = told {
                self.failed.lock().expect("no panic").push(format!("{}: {error}", version.key));
            }
        };
        let (from, to) = (self.from.bucket(), Sink::Bucket(self.to.bucket()));
        let copy = Copy { from: &from, prefix: "", keeps: Keeps::Versions, to: &to, journal: &journal, tells: &tells };
        (copy.run().expect("it runs"), copy.compare().expect("it compares"))
    }

    fn is_whole(&self, names: &[&str]) {
        for name in names {
            assert_eq!(self.to.story(name), self.from.story(name), "{name}");
        }
    }
}

fn filled() -> Two {
    let two = Two::begin();
    for (name, versions) in [("a", &["1", "2", "3"][..]), ("b", &["1"]), ("c", &["1", "2"])] {
        versions.iter().for_each(|text| two.from.put(name, Some(text.as_bytes()), None));
    }
    two.from.put("c", None, None);
    two
}

#[test]
fn an_answer_that_is_lost_makes_no_version_and_no_mark_twice() {
    let two = filled();
    two.to.fails("PUT a", 1, Fault::Lost);
    two.to.fails("PUT b", 1, Fault::Answers(503));
    two.to.fails("DELETE c", 1, Fault::Lost);
    two.from.fails("GET a?", 2, Fault::Lost);
    let (tally, compared) = two.run();
    assert_eq!((tally.copied, tally.failed, compared.same, compared.missing_count), (7, 0, 6, 0));
    two.is_whole(&["a", "b", "c"]);
}

/// Whatever was written down last is not: the first version that is not is in its place, or is not.
#[test]
fn what_broke_off_before_it_was_written_down_is_found() {
    let two = filled();
    two.run();
    let whole = std::fs::read_to_string(two.record()).expect("reads");
    let lines: Vec<&str> = whole.lines().collect();
    for (place, line) in lines.iter().enumerate().skip(1) {
        let is_last = |key: &str| !lines[place + 1..].iter().any(|later| later.contains(key));
        let key = &line[..line.find(',').expect("fields")];
        if !is_last(key) {
            continue;
        }
        let rest: Vec<&str> = lines.iter().filter(|other| *other != line).copied().collect();
        std::fs::write(two.record(), rest.join("\n") + "\n").expect("written");
        let (tally, compared) = two.run();
        assert_eq!((tally.copied, tally.before, compared.missing_count), (1, 6, 0), "{line}");
        two.is_whole(&["a", "b", "c"]);
    }
}

#[test]
fn where_a_version_fails_no_later_one_of_its_name_is_copied_and_others_are() {
    let two = filled();
    two.from.fails("GET a?versionId=v2", 100, Fault::Answers(403));
    let (tally, compared) = two.run();
    assert_eq!((tally.copied, tally.failed, tally.is_given_up), (5, 2, false));
    assert_eq!((compared.missing_count, compared.missing.len()), (2, 2));
    assert_eq!(two.to.story("a"), [Some("1".to_owned())]);
    two.is_whole(&["b", "c"]);
    assert!(two.failed.lock().expect("no panic")[0].starts_with("a: GET"), "it is told");
    let again = Two { from: Store::begin(), ..two };
    for text in ["1", "2", "3"] {
        again.from.put("a", Some(text.as_bytes()), None);
    }
    let (tally, _) = again.run();
    assert_eq!((tally.copied, tally.before), (2, 1), "once it is mended the rest follows");
    again.is_whole(&["a"]);
}

#[test]
fn many_failures_in_a_row_end_it() {
    let two = Two::begin();
    for number in 0..200 {
        two.from.put(&format!("n{number:03}"), Some(b"x"), None);
    }
    two.to.fails("PUT ", 1_000, Fault::Answers(403));
    let (tally, _) = two.run();
    assert!(tally.is_given_up && tally.copied == 0, "{tally:?}");
    assert!((FAILED_IN_A_ROW_MAX as u64..50).contains(&tally.failed), "{tally:?}");
}

#[test]
fn what_changes_while_it_is_read_is_not_copied_as_what_it_was() {
    let two = Two::begin();
    two.from.put("a", Some(b"one"), Some("null"));
    two.from.fails("GET a?versionId", 1, Fault::Answers(412));
    let (tally, _) = two.run();
    assert_eq!((tally.failed, tally.copied), (1, 0));
    assert!(two.failed.lock().expect("no panic")[0].contains("has changed since it was listed"));
    two.run();
    two.from.put("a", Some(b"two"), Some("null"));
    let (tally, compared) = two.run();
    assert_eq!((tally.copied, compared.same, compared.missing_count), (1, 1, 0));
    assert_eq!(
        two.to.story("a"),
        ["one", "two"].map(|text| Some(text.to_owned())),
        "it has the name of the one before"
    );
}

#[test]
fn what_is_gone_since_it_was_copied_is_noticed() {
    let two = filled();
    two.run();
    two.to.put("b", Some(b"other"), None);
    let (tally, compared) = two.run();
    assert_eq!((tally.copied, compared.missing_count), (0, 1), "the name leads elsewhere: {compared:?}");
    two.to.put("c", Some(b"back"), None);
    assert_eq!(two.run().1.missing_count, 2, "what was hidden is not");
}

#[test]
fn a_list_that_breaks_off_ends_it() {
    let two = filled();
    two.from.fails("GET ?", 100, Fault::Answers(403));
    let course = Course::new("from".to_owned(), "to".to_owned(), Keeps::Versions);
    let journal = Journal::open(Path::new(&two.record()), &course).expect("ours");
    let (from, to) = (two.from.bucket(), Sink::Bucket(two.to.bucket()));
    let copy = Copy { from: &from, prefix: "", keeps: Keeps::Versions, to: &to, journal: &journal, tells: &|_| {} };
    assert!(matches!(copy.run(), Err(BucketError::Refused { status: 403, .. })));
}
