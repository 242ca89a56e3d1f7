//! Bringing a bucket of another store into the vault.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use cordon_bucket::{Bucket, BucketError, Course, Gets, Keeps, Sink, Survey, Versioning};
use cordon_domain::Label;
use serde_json::{Value, json};

use crate::amount::written;
use crate::buckets::{Elsewhere, Move, failed, of_vault, record, versions};
use crate::error::{Failure, printed};
use crate::exit::Exit;
use crate::remote::{Login, bucket_named};
use crate::render::printable;

/// Bring a bucket of another S3 store into the vault: versions in their order, marks of deletions, tags, and what was said of
/// each object. Every version gets the label of its bucket here, or a higher one that it says (cordon-label); what inspection finds
/// raises it.
///
/// What broke off goes on when the same command is run again; at its end both lists are compared. Nothing in the other store is
/// changed. The key of the other store is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, that of the vault from
/// `cordon login`.
///
/// Examples:
///   cordon import s3://old --dry-run
///   cordon import s3://old --to s3://corpus --endpoint https://minio.example.org
#[derive(Args)]
#[group(id = "import-arguments")]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The bucket of the other store: s3://BUCKET.
    from: String,
    /// The bucket of the vault [default: of the same name]; it is made when it is not there.
    #[arg(long, value_name = "s3://BUCKET")]
    to: Option<String>,
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Only names that begin so.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,
    /// The label of a bucket that is made: a level, and projects behind slashes [default: confidential].
    #[arg(long, value_name = "LABEL")]
    label: Option<Label>,
    /// Only what names lead to now, and no earlier versions.
    #[arg(long)]
    latest: bool,
    /// Count what is there, ask for it as a stranger would, and bring nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where it is written down what was brought [default: in $XDG_STATE_HOME/cordon, else ~/.local/state/cordon].
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let name = bucket_named(&arguments.from)?;
    let own = arguments.to.as_deref().map_or(Ok(name), bucket_named)?;
    let login = if arguments.dry_run { None } else { Some(Login::read()?) };
    let from = arguments.elsewhere.bucket(name, login.as_ref())?;
    let kept = from.versioning().map_err(failed)?;
    let keeps = if arguments.latest { Keeps::Latest } else { kept.keeps() };
    let Some(login) = login else { return survey(arguments, &from, keeps, own) };
    let to = of_vault(&login, own)?;
    prepare(arguments, &to, keeps)?;
    let course = Course::new(
        format!("{}/s3://{name}", from.client().place().origin()),
        format!("{}/s3://{own}", to.client().place().origin()),
        keeps,
    );
    let moved = Move {
        from: &from,
        prefix: &arguments.prefix,
        keeps,
        to: &Sink::Bucket(to),
        record: record(arguments.record.as_deref(), "import", &course)?,
        course,
        hint: "see what is named above, and run the same command again: what is here is not brought twice".to_owned(),
    };
    moved.run()?.tell("cordon-import-1", arguments.json)
}

/// Makes the bucket where it is not there, and lets it keep what is brought.
fn prepare(arguments: &Arguments, to: &Bucket, keeps: Keeps) -> Result<(), Failure> {
    if arguments.label.is_some() || !to.is_there().map_err(failed)? {
        let label = arguments.label.iter().map(|label| ("x-cordon-label", label.to_string())).collect::<Vec<_>>();
        // One that its maker makes again as it is, is made.
        to.make(&label).map_err(|error| match error {
            BucketError::Refused { status: 409, .. } => Failure::usage(
                format!("`s3://{}` is there already, and is another's or has another label", to.name()),
                "leave --label out, or name another bucket with --to",
            ),
            error => failed(error),
        })?;
    }
    if keeps == Keeps::Versions && to.versioning().map_err(failed)? != Versioning::Kept {
        to.keep_versions().map_err(failed)?;
    }
    Ok(())
}

/// Says what would be brought.
fn survey(arguments: &Arguments, from: &Bucket, keeps: Keeps, own: &str) -> Result<Exit, Failure> {
    let survey = Survey::of(from, keeps, &arguments.prefix).map_err(failed)?;
    let label = arguments.label.as_ref().map_or_else(|| "confidential".to_owned(), Label::to_string);
    let place = format!("s3://{} at {}", from.name(), from.client().place().origin());
    let text = match arguments.json {
        true => told(&survey, (&place, own, &label)).to_string(),
        false => words(&survey, (&place, own, &label)),
    };
    printed(writeln!(std::io::stdout().lock(), "{text}"))?;
    Ok(Exit::Clean)
}

fn told(survey: &Survey, (place, own, label): (&str, &str, &str)) -> Value {
    let (strangers, longest) = (survey.strangers, survey.longest.as_ref());
    json!({
        "schema": "cordon-import-survey-1", "from": place, "to": format!("s3://{own}"), "label_if_made": label,
        "names": survey.names, "versions": survey.versions, "bytes": survey.bytes, "marks": survey.marks,
        "earlier": survey.earlier, "earlier_bytes": survey.earlier_bytes,
        "longest": longest.map(|(name, bytes)| json!({"name": name, "bytes": bytes})),
        "strangers": {
            "list": match strangers.list {
                Gets::It => Some(true),
                Gets::Nothing => Some(false),
                Gets::Unknown => None,
            },
            "asked": strangers.asked, "read": strangers.read, "unknown": strangers.unknown,
        },
    })
}

fn words(survey: &Survey, (place, own, label): (&str, &str, &str)) -> String {
    let (count, bytes) = (versions(survey.versions), written(survey.bytes));
    let mut text = format!("{place}: {} names, {count}, {bytes}\n", survey.names);
    if survey.earlier > 0 {
        let (count, bytes) = (versions(survey.earlier), written(survey.earlier_bytes));
        text += &format!("  of these {count}, {bytes}, no name leads to any more: --latest leaves them\n");
    }
    if survey.marks > 0 {
        text += &format!("  marks of deletions: {}\n", survey.marks);
    }
    if let Some((name, bytes)) = &survey.longest {
        text += &format!("  the longest: {}, {}\n", printable(name), written(*bytes));
    }
    let strangers = survey.strangers;
    text += match strangers.list {
        Gets::It => "  LEAK: a stranger is told what is in it\n",
        Gets::Nothing => "  a stranger is not told what is in it\n",
        Gets::Unknown => "  UNKNOWN: whether a stranger is told what is in it, the store did not say\n",
    };
    text += &match (strangers.read, strangers.asked) {
        (0, asked) => format!("  a stranger gets none of the first {asked} objects\n"),
        (read, asked) => format!("  LEAK: a stranger gets {read} of the first {asked} objects\n"),
    };
    if strangers.unknown > 0 {
        text += &format!("  UNKNOWN: of {} of these the store did not say\n", strangers.unknown);
    }
    text + &format!(
        "  would go to s3://{own} of the vault, at its label; where it is not there, it is made as {label}\n\
         nothing was brought"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_bucket::Strangers;

    #[test]
    fn what_a_stranger_gets_is_said_loudly() {
        let mut survey = Survey {
            names: 2,
            versions: 3,
            marks: 1,
            bytes: 70_000,
            earlier: 1,
            earlier_bytes: 7,
            longest: Some(("a\u{7}.bin".to_owned(), 60_000)),
            strangers: Strangers { list: Gets::It, asked: 2, read: 1, unknown: 0 },
        };
        let told = words(&survey, ("s3://old at https://a", "new", "internal"));
        assert_eq!(
            told,
            "s3://old at https://a: 2 names, 3 versions, 70 kB\n  of these 1 version, 7 bytes, no name leads to any more: \
             --latest leaves them\n  marks of deletions: 1\n  the longest: a\u{fffd}.bin, 60 kB\n  LEAK: a stranger is told what \
             is in it\n  LEAK: a stranger gets 1 of the first 2 objects\n  would go to s3://new of the vault, at its label; \
             where it is not there, it is made as internal\nnothing was brought"
        );
        survey.strangers = Strangers { list: Gets::Nothing, asked: 2, read: 0, unknown: 0 };
        assert!(!words(&survey, ("s3://old at https://a", "new", "internal")).contains("LEAK"));
        survey.strangers = Strangers { list: Gets::Unknown, asked: 2, read: 0, unknown: 2 };
        assert_eq!(words(&survey, ("s3://old at https://a", "new", "internal")).matches("UNKNOWN").count(), 2);
    }
}
