//! Whole texts: several findings on a line, encodings, masking, pieces.

use cordon_domain::Confidence;
use cordon_inspect::{Engine, Hints, Match, Piece, Scratch};

use crate::generate::{Seed, expand};
use crate::rules::{engine, inspect};

fn token() -> String {
    expand("xai-[A-Za-z0-9]{80}", &mut Seed(5))
}

fn rules_of(engine: &Engine, found: &[Match]) -> Vec<String> {
    found
        .iter()
        .filter(|found| found.confidence >= Confidence::Medium)
        .map(|found| engine.info(found.rule).expect("a known rule").id.to_string())
        .collect()
}

#[test]
fn the_owned_format_wins_over_the_name_beside_it() {
    let engine = engine(Vec::new());
    let found = inspect(&engine, &format!("a\nXAI_API_KEY = \"{}\"\n", token()));
    assert_eq!(rules_of(&engine, &found), ["xai-api-key"]);
    assert_eq!((found[0].line, found[0].column), (1, 15));
}

#[test]
fn no_excerpt_shows_a_secret() {
    let engine = engine(Vec::new());
    let (one, two) = (token(), expand("gsk_[A-Za-z0-9]{52}", &mut Seed(6)));
    let scheme = "postgres://";
    let text = format!("a={one}; b={two}; url={scheme}app:Tr0ub4dor-3x@db.acme.org/x; password='Zx9!kq27Pm'\n");
    let found = inspect(&engine, &text);
    assert!(found.len() >= 4, "{found:?}");
    for found in &found {
        for secret in [&one[8..], &two[8..], "Tr0ub4dor-3x", "Zx9!kq27Pm"] {
            assert!(!found.excerpt.contains(secret), "{}", found.excerpt);
        }
    }
}

#[test]
fn names_of_functions_and_digests_are_no_keys() {
    let engine = engine(Vec::new());
    let value = expand("[A-Za-z0-9/+]{40}", &mut Seed(7));
    let found = |text: String| rules_of(&engine, &inspect(&engine, &text));
    assert_eq!(found(format!("aws_key = \"{value}\"")), ["aws-secret-access-key"]);
    for text in
        [format!("awscli/x.rst,sha256={value},804"), format!("func aws_{}(v int)", value.replace(['/', '+'], "a"))]
    {
        assert!(!found(text.clone()).contains(&"aws-secret-access-key".to_owned()), "{text}");
    }
}

#[test]
fn encodings_are_seen_through_and_nested() {
    use base64::Engine as _;
    let engine = engine(Vec::new());
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let once = encode(&format!("key: {}", token()));
    let twice = encode(&format!("inner: {once}"));
    let hex: String = token().bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [format!("x='{once}'"), format!("x='{twice}'"), format!("x={hex}")] {
        assert!(rules_of(&engine, &inspect(&engine, &text)).contains(&"xai-api-key".to_owned()), "{text}");
    }
}

#[test]
fn pieces_report_each_match_once() {
    let engine = engine(Vec::new());
    let text = format!("{}{}{}", "x\n".repeat(500), token(), "\ny".repeat(500));
    let mut found = Vec::new();
    for accept in [0..800, 800..1600, 1600..text.len()] {
        engine.inspect(
            &Piece { text: text.as_bytes(), hints: Hints::default(), accept, first: false, base: None },
            &mut Scratch::default(),
            &mut found,
        );
    }
    assert_eq!(rules_of(&engine, &found), ["xai-api-key"]);
}

#[test]
fn private_keys_tokens_and_urls_with_structure() {
    let engine = engine(Vec::new());
    let mut seed = Seed(8);
    let body: String = (0..12).map(|_| expand("[A-Za-z0-9+/]{64}", &mut seed) + "\n").collect();
    let pem = format!("-----BEGIN {0}-----\n{body}-----END {0}-----\n", ["RSA", "PRIVATE", "KEY"].join(" "));
    assert_eq!(rules_of(&engine, &inspect(&engine, &pem)), ["private-key"]);
    let header = "eyJhbGciOiJIUzI1NiJ9";
    let jwt = format!("{header}.eyJpc3MiOiJhY21lIn0.{}", expand("[A-Za-z0-9_-]{43}", &mut seed));
    assert_eq!(rules_of(&engine, &inspect(&engine, &jwt)), ["jwt"]);
    let url = format!(
        "https://acct.blob.core.windows.net/c?sv=2020-08-04&ss=bfqt&srt=sco&sp=rwdlacup&se=2051-10-06T07:00:00Z&sig={}%3D",
        expand("[A-Za-z0-9]{43}", &mut seed)
    );
    let found = inspect(&engine, &url);
    assert_eq!(found[0].detail.as_deref(), Some("full control of the whole storage account until 2051-10-06"));
}

#[test]
fn what_is_not_reported_is_masked_all_the_same() {
    use base64::Engine as _;
    let strict = Engine::new(cordon_inspect::Config {
        rules: Vec::new(),
        codenames: Vec::new(),
        copies: Vec::new(),
        id_key: cordon_domain::IdKey::new([1; 32]),
        today: cordon_domain::Today(0),
        floor: Confidence::Medium,
    });
    let encoded = base64::engine::general_purpose::STANDARD.encode("password=Tr0ub4dor-3x and more of it");
    let ids = ["53", "6-90-43", "99, ssn: 21", "9-09-99", "98"].concat();
    let token = token();
    for (text, hidden) in [
        (format!("password=\"correcthorse\" token={token}"), "correcthorse"),
        (format!("{{\"a\":\"{token}\",\"data\":\"{encoded}\"}}"), &encoded[12..]),
        (format!("ssn: {ids}"), "9-09-99"),
        (format!("x=https:{}{token}:Zx9!kq27Pm@host.org/x", "//"), &token[12..]),
    ] {
        let found = inspect(&strict, &text);
        assert!(!found.is_empty(), "{text}");
        for found in &found {
            assert!(!found.excerpt.contains(hidden), "{}", found.excerpt);
            assert!(!found.detail.as_deref().unwrap_or_default().contains(hidden), "{:?}", found.detail);
        }
    }
}

#[test]
fn a_prefix_that_chance_writes_into_base64_is_no_token() {
    let engine = engine(Vec::new());
    let run = expand("[A-Za-z0-9]{40}", &mut Seed(11));
    let chance = format!("{run}/{}{}", ["AK", "C"].concat(), expand("[A-Za-z0-9]{70}", &mut Seed(12)));
    assert_eq!(rules_of(&engine, &inspect(&engine, &chance)), Vec::<String>::new());
    let path = format!("tokens/{}{}", ["AK", "C"].concat(), expand("[A-Za-z0-9]{70}", &mut Seed(12)));
    assert_eq!(rules_of(&engine, &inspect(&engine, &path)), ["artifactory-api-key"]);
}

/// Whatever else a text holds, the secret of a finding is masked: also behind more encoded runs than anyone writes.
#[test]
fn many_encoded_runs_do_not_uncover_a_secret() {
    let engine = engine(Vec::new());
    let text = format!("{}\nkey = {}\n", "%61%62%63%64\n".repeat(120_000), token());
    let found = inspect(&engine, &text);
    let of_rule: Vec<_> = found.iter().filter(|found| found.excerpt.contains("xai-")).collect();
    assert!(!of_rule.is_empty());
    assert!(of_rule.iter().all(|found| !found.excerpt.contains(&token()[12..])), "{of_rule:?}");
}

/// At the head and at the foot of a document a marking speaks for it; between them it is an example, unless its format
/// puts it there.
#[test]
fn a_marking_counts_where_it_speaks_for_the_document() {
    let engine = engine(Vec::new());
    let rules = |text: &str| rules_of(&engine, &inspect(&engine, text));
    let (mark, body) = (["CONFI", "DENTIAL"].concat(), "A line of the report.\n".repeat(30));
    let found = ["marking-confidential".to_owned()];
    assert_eq!(rules(&format!("{mark}\n{body}")), found);
    assert_eq!(rules(&format!("{body}{mark}\n")), found);
    assert!(rules(&format!("{body}{mark}\n{body}")).is_empty());
    let fields: String = (0..20).map(|number| format!("field{number}: value\n")).collect();
    let page = format!("---\n{fields}draft: {}\n---\n{body}", "true");
    assert_eq!(rules(&page), ["marking-front-matter"]);
}

/// What a line says of its document is told from what it says of a word.
#[test]
fn a_marking_is_said_and_not_spoken_of() {
    let engine = engine(Vec::new());
    let rules = |text: &str| rules_of(&engine, &inspect(&engine, text));
    let confi = "Confi~dential".replace('~', "");
    let loud = confi.to_uppercase();
    for said in [
        format!("Acme Ltd      Company {confi}      Page 1"),
        format!("{confi}. For the board and its advisers"),
        format!("Information classification: {loud}"),
        "_Internal ~only_".replace('~', ""),
        loud.chars().map(|c| format!("{c} ")).collect(),
    ] {
        assert!(!rules(&said).is_empty(), "{said}");
    }
    for spoken in [
        format!("What does {loud} mean on a paper of the council?"),
        format!("the stamp \"STRICTLY {loud}\" is kept in the second drawer"),
        format!("~~{loud}~~"),
        format!("Texts: PAID, COPY, {loud}, URGENT, RECEIVED"),
    ] {
        assert!(rules(&spoken).is_empty(), "{spoken}");
    }
}
