//! HTML and XML to text, by hand: hostile markup must not cost more than its length.

/// Elements that end a line of text.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "br",
    "li",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "title",
    "section",
    "article",
    "header",
    "footer",
    "pre",
    "td",
    "th",
    "blockquote",
    "option",
    "ul",
];
/// Characters of the longest entity.
const ENTITY_CHARS_MAX: usize = 10;

/// Returns what a reader of the page sees, and the content of `meta` descriptions; scripts, styles and comments are left
/// to the raw search.
pub(crate) fn html_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some((text, tail)) = rest.split_once('<') {
        push_text(text, &mut out);
        if let Some(comment) = tail.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, tail)) = tail.split_once('>') else {
            rest = "";
            break;
        };
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        if BLOCKS.contains(&name.as_str()) {
            out.push('\n');
        }
        if name == "meta"
            && let Some((_, content)) = tag.split_once("content=")
        {
            push_text(content.trim_matches(['"', '\'', '/', ' ']), &mut out);
            out.push('\n');
        }
        rest = match name.as_str() {
            "script" | "style" if !tag.starts_with('/') => skip_element(tail, &name),
            _ => tail,
        };
    }
    push_text(rest, &mut out);
    out
}

fn skip_element<'a>(rest: &'a str, name: &str) -> &'a str {
    let closes = |at: &usize| {
        let tag = rest.as_bytes().get(at + 2..at + 2 + name.len());
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = memchr::memmem::find_iter(rest.as_bytes(), b"</").find(closes);
    end.and_then(|at| rest.get(at..)).unwrap_or("")
}

fn push_text(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('&') {
        out.push_str(head);
        let end = tail.char_indices().take(ENTITY_CHARS_MAX).find(|(_, c)| *c == ';').map(|(at, _)| at);
        match end.and_then(|end| Some((entity(tail.get(..end)?)?, tail.get(end + 1..)?))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" | "mdash" => '-',
        "lsquo" | "rsquo" => '\'',
        "ldquo" | "rdquo" => '"',
        "shy" => '\u{ad}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_go_and_text_split_over_them_is_one() {
        assert_eq!(
            html_text("<p>Top <b>sec</b>ret</p><!-- x --><script>var a = '<p>';</script>&#65;&amp;B"),
            "\nTop secret\nA&B"
        );
        assert_eq!(html_text("<p>open <b"), "\nopen ");
        assert_eq!(html_text("a & b &unknown; c"), "a & b &unknown; c");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[<>&;/a-z#!\\- \u{e9}]{0,200}") {
            let _ = html_text(&text);
        }
    }
}
