//! What a question is about, as it is written on the command line.

use std::str::FromStr;

use cordon_domain::{BucketId, Label, Level, Project, Target, VersionId};

use crate::error::Failure;
use crate::installation::{Operated, failure};

/// `everything` (the installation), an object version, a bucket, or a label such as `restricted/atlas`, in a bucket or not.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Installation,
    Version(VersionId),
    Bucket(BucketId),
    Label(Label, Option<BucketId>),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "everything" {
            return Ok(Self::Installation);
        }
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let (bucket, label) = match text.split_once('/') {
            Some((bucket, label)) if bucket.starts_with("bk_") => (Some(bucket.parse()), label),
            _ => (None, text),
        };
        let bucket = bucket.transpose().map_err(|error: cordon_domain::id::NotAnId| error.to_string())?;
        if let Ok(bucket) = text.parse() {
            return Ok(Self::Bucket(bucket));
        }
        let mut parts = label.split('/');
        let level = parts.next().unwrap_or_default().parse::<Level>().map_err(|_| {
            format!("`{text}` is no object (ov_...), no bucket (bk_...), no label such as restricted/atlas, and not `everything`")
        })?;
        let projects = parts.map(str::parse::<Project>).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Self::Label(Label { projects, ..Label::of(level) }, bucket))
    }
}

/// Something that policies see as one.
pub(crate) struct Group {
    pub(crate) target: Target,
    /// How many object versions that is.
    pub(crate) versions: u64,
}

impl Asked {
    /// Groups what is asked about by what policies can see.
    pub(crate) async fn groups(&self, operated: &Operated) -> Result<Vec<Group>, Failure> {
        let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
        let one = |target| Ok(vec![Group { target, versions: 1 }]);
        // Of those that look alike one stands for all; it is no version that a policy could name.
        let any = Some(VersionId([0; 16]));
        match self {
            Self::Installation => Ok(vec![Group { target: Target::default(), versions: 0 }]),
            Self::Version(version) => {
                let row = reader.object(keys, *version).await.map_err(failure)?;
                let row = row
                    .ok_or_else(|| Failure::usage(format!("there is no {version}"), "give a version that is stored"))?;
                one(Target {
                    bucket: Some(row.bucket),
                    version: Some(*version),
                    label: Some(row.label),
                    ..Target::default()
                })
            }
            Self::Label(label, bucket) => {
                one(Target { bucket: *bucket, version: any, label: Some(label.clone()), ..Target::default() })
            }
            Self::Bucket(bucket) => {
                let groups = reader.label_groups(keys, *bucket).await.map_err(failure)?;
                let group = |(label, versions)| Group {
                    target: Target { bucket: Some(*bucket), version: any, label: Some(label), ..Target::default() },
                    versions,
                };
                Ok(groups.into_iter().map(group).collect())
            }
        }
    }
}

/// Writes a label as it is read.
pub(crate) fn label_text(target: &Target) -> String {
    let Some(label) = &target.label else { return "everything".to_owned() };
    let projects = label.projects.iter().map(Project::as_str);
    std::iter::once(label.level.as_str()).chain(projects).collect::<Vec<_>>().join("/")
}
