//! Users' rules in TOML: Cordon's own form, and gitleaks' as it is.

use std::borrow::Cow;

use cordon_domain::{Confidence, Severity};
use serde::Deserialize;

use crate::limits::USER_RULES_MAX;
use crate::pattern::Pattern;
use crate::rule::{Check, Reach, Rule};

/// Rules read from a file, and those that could not be taken.
#[derive(Debug, Default)]
pub struct Custom {
    /// Ready to use.
    pub rules: Vec<Rule>,
    /// Texts that must match, by rule.
    pub examples: Vec<(String, String)>,
    /// Texts that must not match, by rule.
    pub negative_examples: Vec<(String, String)>,
    /// Name and reason of each rule left out.
    pub refused: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    rules: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    id: String,
    #[serde(default, alias = "title")]
    description: String,
    regex: Option<String>,
    path: Option<String>,
    #[serde(default, alias = "anchors")]
    keywords: Vec<String>,
    secret_group: Option<usize>,
    entropy: Option<f64>,
    severity: Option<String>,
    confidence: Option<String>,
    #[serde(default)]
    fix: String,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default, alias = "negative_examples")]
    negative_examples: Vec<String>,
}

/// Reads rules from the text of a TOML file.
///
/// # Errors
///
/// The text is no TOML, or has more than [`USER_RULES_MAX`] rules.
pub fn read(text: &str) -> Result<Custom, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.rules.len() > USER_RULES_MAX {
        return Err(format!("{} rules, of which at most {USER_RULES_MAX} are taken", file.rules.len()));
    }
    let mut custom = Custom::default();
    for entry in file.rules {
        let name = entry.id.clone();
        let examples = entry.examples.iter().map(|text| (name.clone(), text.clone())).collect::<Vec<_>>();
        let negative = entry.negative_examples.iter().map(|text| (name.clone(), text.clone())).collect::<Vec<_>>();
        match rule(entry) {
            Ok(rule) => {
                custom.rules.push(rule);
                custom.examples.extend(examples);
                custom.negative_examples.extend(negative);
            }
            Err(reason) => custom.refused.push((name, reason)),
        }
    }
    Ok(custom)
}

fn rule(entry: Entry) -> Result<Rule, String> {
    if entry.id.is_empty() {
        return Err("has no id".to_owned());
    }
    let Some(regex) = entry.regex else { return Err("has no regex (rules on paths alone are not taken)".to_owned()) };
    if entry.path.is_some() {
        return Err("is bound to a path".to_owned());
    }
    let pattern = match entry.secret_group {
        Some(group @ 2..) => return Err(format!("takes the secret from group {group}; only the first group is taken")),
        _ => regex,
    };
    Pattern::parse(&pattern)
        .and_then(|parsed| parsed.compile())
        .map_err(|error| format!("its regex is not taken: {error}"))?;
    let severity = entry.severity.as_deref().map_or(Ok(Severity::High), str::parse)?;
    let confidence = entry.confidence.as_deref().map_or(Ok(Confidence::Medium), str::parse)?;
    // Keywords stand anywhere near: a hit on one tries the pattern around it.
    let anchors: Vec<Cow<'static, str>> =
        entry.keywords.into_iter().filter(|word| word.len() >= 3).map(Cow::Owned).collect();
    let title = if entry.description.is_empty() { entry.id.clone() } else { entry.description };
    Ok(Rule {
        id: Cow::Owned(entry.id),
        title: Cow::Owned(title),
        anchors: Cow::Owned(anchors),
        pattern: Cow::Owned(pattern),
        reach: Reach::Around(512, 2048),
        severity,
        confidence,
        check: if entry.entropy.is_some() { Check::Random } else { Check::None },
        console: Cow::Owned(entry.fix),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_refusals_are_named() {
        let custom = read(
            r#"
title = "gitleaks config"
[[rules]]
id = "acme"
description = "Acme key"
regex = '''acme_[a-z0-9]{20}'''
entropy = 3
keywords = ["acme_"]
[[rules]]
id = "by-path"
path = '''\.p12$'''
[[rules]]
id = "ours"
title = "Ours"
regex = "ours-[0-9]{6}"
anchors = ["ours-"]
severity = "critical"
examples = ["ours-123456"]
negative_examples = ["ours-12"]
[[rules]]
id = "broken"
regex = "("
"#,
        )
        .expect("valid TOML");
        assert_eq!(custom.rules.len(), 2);
        assert_eq!(custom.refused.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["by-path", "broken"]);
        assert_eq!((custom.examples.len(), custom.negative_examples.len()), (1, 1));
        assert!(read("not toml [").is_err());
    }
}
