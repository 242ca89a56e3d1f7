//! The line a reader sees: every secret on it masked.

use std::ops::Range;

use crate::limits::{EXCERPT_CHARS_MAX, SHOWN_CHARS_MAX};

/// How much of a span a reader may see; the later, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Show {
    /// Everything: markings, names.
    All,
    /// The first characters: at most a quarter, at most eight.
    Head,
    /// Nothing: passwords.
    Nothing,
}

/// Writes the line around `focus`, with each of `spans` masked as it says. Control characters become blanks.
pub(crate) fn excerpt(text: &[u8], focus: &Range<usize>, spans: &[(Range<usize>, Show)]) -> String {
    let line_start =
        text.get(..focus.start).and_then(|head| memchr::memrchr(b'\n', head)).map_or(0, |newline| newline + 1);
    let line_end = text
        .get(focus.start..)
        .and_then(|tail| memchr::memchr(b'\n', tail))
        .map_or(text.len(), |newline| focus.start + newline);
    let start = line_start.max(focus.start.saturating_sub(EXCERPT_CHARS_MAX / 2));
    let end = line_end.min(start + EXCERPT_CHARS_MAX * 2);
    let mut out = String::new();
    if start > line_start {
        out.push('…');
    }
    let mut at = start;
    let mut shown = 0;
    while at < end && shown < EXCERPT_CHARS_MAX {
        if let Some((span, show)) = spans.iter().find(|(span, show)| span.contains(&at) && *show != Show::All) {
            let inside = text.get(span.clone()).unwrap_or_default();
            let head = mask(inside, *show);
            // A span entered behind its start shows nothing of itself.
            out.push_str(if at == span.start { &head } else { "…" });
            shown += head.chars().count();
            at = span.end;
            continue;
        }
        let Some((c, len)) = next_char(text, at) else { break };
        out.push(if c.is_control() { ' ' } else { c });
        shown += 1;
        at += len;
    }
    if at < line_end {
        out.push('…');
    }
    out.trim().to_owned()
}

fn mask(secret: &[u8], show: Show) -> String {
    let chars = String::from_utf8_lossy(secret);
    let count = chars.chars().count();
    let visible = match show {
        Show::Head => (count / 4).min(SHOWN_CHARS_MAX),
        Show::All | Show::Nothing => 0,
    };
    let head: String = chars.chars().take(visible).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{head}****")
}

fn next_char(text: &[u8], at: usize) -> Option<(char, usize)> {
    let window = text.get(at..text.len().min(at + 4))?;
    let chunk = window.utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_passwords_vanish() {
        let text = b"a: 1\nkey = abcdefghijklmnopqrstuvwxyz, pw = hunter2!\nz";
        let (key, password) = (11..37, 44..52);
        let shown = excerpt(text, &key, &[(key.clone(), Show::Head), (password.clone(), Show::Nothing)]);
        assert_eq!(shown, "key = abcdef****, pw = ****");
    }

    #[test]
    fn long_lines_are_cut_around_the_focus() {
        let mut text = vec![b'x'; 5000];
        text.extend(b"SECRETSECRETSECRET");
        text.extend(vec![b'y'; 5000]);
        let shown = excerpt(&text, &(5000..5018), &[(5000..5018, Show::Head)]);
        assert!(
            shown.chars().count() <= EXCERPT_CHARS_MAX + 12
                && shown.contains("SECR****")
                && !shown.contains("SECRETSEC"),
            "{shown}"
        );
    }
}
