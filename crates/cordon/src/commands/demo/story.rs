//! What happens in the demo.

use std::io::Write as _;

use cordon_bucket::{Bucket, BucketError, Key, Said};
use cordon_domain::{Clock as _, CredentialId};
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::Value;
use zeroize::Zeroizing;

use super::person::Person;
use super::stage::Stage;
use crate::buckets::{failed, with_key};
use crate::error::{Failure, printed};
use crate::moment::written;
use crate::remote::exchange_get;

/// Milliseconds of a year: as long as a training counts.
const YEAR_MS: i64 = 365 * 86_400_000;
/// Restricted documents, of which the thief wants all.
const DOCUMENTS: usize = 60;

/// Tells all of it.
pub(super) fn tell(stage: &Stage) -> Result<(), Failure> {
    people(stage)?;
    let keys = stage.keys()?;
    let seed = Store { keys: &keys, at: 0 };
    draft(stage, &seed)?;
    published_and_undone(stage, &seed)?;
    theft(stage, &seed, &keys)?;
    say("whoever does not trust this organisation verifies its log with one public key")?;
    stage.show("ada", 0, &["audit", "verify"])?;
    Ok(())
}

fn say(text: &str) -> Result<(), Failure> {
    printed(writeln!(std::io::stdout().lock(), "\n# {text}"))
}

fn people(stage: &Stage) -> Result<(), Failure> {
    say("two people: Ada owns what is here, Ben is the second person that what matters takes")?;
    let said = stage.log()?;
    let link = said.split_whitespace().find(|word| word.contains("/welcome#"));
    let link = link.ok_or_else(|| Failure::internal("the node printed no link: it has been begun before"))?;
    Person::welcomed(stage, "ada", link)?;
    // A device is enrolled with a passkey, and nobody here has one.
    let known_device = ["levels", "--set", "confidential.known_device=no", "--reason", "passwords alone, for a demo"];
    stage.run_quietly("ada", &known_device)?;
    let trained = written(SystemClock.now().plus_ms(YEAR_MS));
    let day = trained.split('T').next().unwrap_or_default();
    let invite = ["people", "invite", "ben@demo.example", "--clearance", "restricted", "--role", "approver:everything"];
    // The link in it is worth something until Ben has used it, and is not shown.
    let invited = stage.run_quietly("ada", &[&invite[..], &["--trained-until", day]].concat())?;
    let link = invited.lines().find(|line| line.contains("/welcome#"));
    Person::welcomed(stage, "ben", link.ok_or_else(|| Failure::internal("no link was printed"))?)?;
    stage.show("ada", 0, &["people", "list"]).map(|_| ())
}

/// A draft that holds a key, and says that it is not for everybody, in a bucket that is for everybody here.
fn draft(stage: &Stage, seed: &Store<'_>) -> Result<(), Failure> {
    say("a draft is put where everybody here reads; it names a key, and says that it is confidential")?;
    let notes = seed.made("notes", "internal")?;
    // Of the form of a key, and of nobody's.
    let drawn = || CredentialId::draw(&mut SystemEntropy).to_string().replace("cr_", "");
    let key = format!("xai-{:.80}", [drawn(), drawn(), drawn()].concat());
    let text = format!("CONFIDENTIAL\n\nThe launch of the next model is on Tuesday.\nTo try it: XAI_API_KEY={key}\n");
    notes.put("launch-draft.md", text.as_bytes(), &Said::default()).map_err(failed)?;
    stage.show("ada", 0, &["quarantine", "list"])?;
    say("what is held is not published by anybody")?;
    let publish = ["publish", "s3://notes/launch-draft.md", "--until", &in_a_week(), "--reason", "the launch"];
    stage.show("ada", 1, &publish).map(|_| ())
}

/// A note that two people publish, and that is taken back.
fn published_and_undone(stage: &Stage, seed: &Store<'_>) -> Result<(), Failure> {
    say("a clean note is published by two people, until a date")?;
    let news = seed.made("news", "internal")?;
    news.put("launch.md", b"Our next model is here.\n", &Said::default()).map_err(failed)?;
    let week = in_a_week();
    let publish = ["publish", "s3://news/launch.md", "--until", &week, "--reason", "the launch"];
    let ask = stage.show("ada", 0, &publish)?.out;
    stage.show("ben", 0, &["approve", ask.trim()])?;
    let address = stage.show("ada", 0, &publish)?.out;
    let address = address.trim();
    say(&format!("a stranger gets it: {}", strangers(address)?))?;
    say("it was the wrong week: what was done is taken back")?;
    let made = stage.run_quietly("ada", &["audit", "search", "--action", "publication.make", "--json"])?;
    let made: Value = made.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let event = made.get("position").map(Value::to_string).unwrap_or_default();
    stage.show("ada", 0, &["undo", &event, "--reason", "the wrong week"])?;
    say(&format!("a stranger does not get it any more: {}", strangers(address)?))
}

/// Somebody has a service's key, and reads as fast as the machine allows.
fn theft(stage: &Stage, seed: &Store<'_>, keys: &Value) -> Result<(), Failure> {
    say(&format!("the roadmap: {DOCUMENTS} restricted documents"))?;
    let roadmap = seed.made("roadmap", "restricted")?;
    let name = |number: usize| format!("plan-{number:02}.md");
    for number in 0..DOCUMENTS {
        let text = format!("Plan {number}: what we do in week {number}, and whom we tell.\n");
        roadmap.put(&name(number), text.as_bytes(), &Said::default()).map_err(failed)?;
    }
    let bucket = Store { keys, at: 1 }.bucket("roadmap")?;
    let (mut got, mut refused, mut told) = (0, 0, String::new());
    for number in 0..DOCUMENTS {
        match bucket.fetch(&name(number)) {
            Ok(_) => got += 1,
            Err(BucketError::Refused { message, .. }) => {
                refused += 1;
                told = message;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    say(&format!("a thief has the key of a service that reads everything: {got} documents, then {refused} refusals"))?;
    printed(writeln!(std::io::stdout().lock(), "thief: {told}"))?;
    say("each refusal is on record; the key is ended, and its end is shown")?;
    let who = keys.pointer("/principals/1/principal").and_then(Value::as_str).unwrap_or_default();
    stage.show("ada", 0, &["access", "revoke", who, "--reason", "its key was stolen"]).map(|_| ())
}

/// What a stranger is answered at an address.
fn strangers(address: &str) -> Result<String, Failure> {
    let (status, text) = exchange_get(address)?;
    let line = if status == 200 { text.trim() } else { "" };
    Ok(format!("{status} {line}").trim().to_owned())
}

fn in_a_week() -> String {
    written(SystemClock.now().plus_ms(7 * 86_400_000))
}

/// Whoever holds keys for scripts, by their place in the list.
struct Store<'a> {
    keys: &'a Value,
    at: usize,
}

impl Store<'_> {
    /// Names a bucket, for them.
    fn bucket(&self, name: &str) -> Result<Bucket, Failure> {
        let text = |pointer: &str| self.keys.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let own = |name: &str| text(&format!("/principals/{}/{name}", self.at)).to_owned();
        let secret = |name: &str| Zeroizing::new(own(name));
        let key = Key { id: own("access_key_id"), secret: secret("secret_access_key"), token: secret("session_token") };
        with_key(text("/endpoint"), key, name)
    }

    /// Makes a bucket at a level.
    fn made(&self, name: &str, level: &str) -> Result<Bucket, Failure> {
        let bucket = self.bucket(name)?;
        bucket.make(&[("x-cordon-label", level.to_owned())]).map_err(failed)?;
        Ok(bucket)
    }
}
