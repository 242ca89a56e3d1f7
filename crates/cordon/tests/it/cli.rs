//! The command line: reports, identifiers, baselines, rules, keys, errors.

use crate::harness::{Place, random, token};

#[test]
fn a_report_for_people_masks_and_accounts() {
    let place = Place::new();
    place.write("a.env", format!("# deploy\nXAI_API_KEY={}\n", token(30)));
    let report = place.run(&["scan", "in/a.env"]);
    assert_eq!(report.code, 1);
    insta::assert_snapshot!(report.stdout, @r"
    high xAI API key  [xai-api-key, high confidence]
      in/a.env:2:13
        XAI_API_KEY=xai-CuWx****
      fix: revoke it at console.x.ai and issue a new one into a secret store; then look at its log for uses you did not make

    1 finding (1 high) in 1 file, 106 bytes
    ");
    assert_eq!(report.stderr, "");
}

#[test]
fn a_clean_scan_says_so() {
    let place = Place::new();
    place.write("a.txt", "nothing to see");
    let report = place.run(&["scan", "in"]);
    assert_eq!((report.code, report.stdout.as_str()), (0, "no findings in 1 file, 14 bytes\n"));
}

#[test]
fn the_report_keeps_its_schema() {
    let place = Place::new();
    place.write("a.env", format!("KEY={}\n", token(31)));
    place.write("b.zip", b"PK\x03\x04broken");
    let report = place.run(&["scan", "in", "--json"]);
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/schema/scan-1.json")).expect("a schema");
    for line in report.lines() {
        let definition = &schema["$defs"][line["type"].as_str().expect("a type")];
        let properties = definition["properties"].as_object().expect("properties");
        for (name, value) in line.as_object().expect("an object") {
            let kind = properties.get(name).unwrap_or_else(|| panic!("`{name}` is not in the schema"))["type"]
                .as_str()
                .expect("a type");
            let fits = match kind {
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                _ => value.is_object(),
            };
            assert!(fits, "`{name}` is no {kind}: {value}");
        }
        for name in definition["required"].as_array().expect("names") {
            assert!(line.get(name.as_str().expect("a name")).is_some(), "{name} is missing");
        }
    }
}

#[test]
fn sarif_has_what_hosts_read() {
    let place = Place::new();
    place.write("a b.env", format!("KEY={}\n", token(32)));
    let report = place.run(&["scan", "in", "--format", "sarif"]);
    // Types made from the published schema, which refuse fields that it does not have.
    serde_json::from_str::<serde_sarif::sarif::Sarif>(&report.stdout).expect("the schema of SARIF 2.1.0");
    let log: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    let result = &log["runs"][0]["results"][0];
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(result["ruleId"], log["runs"][0]["tool"]["driver"]["rules"][0]["id"]);
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "in/a%20b.env");
}

#[test]
fn identifiers_depend_on_the_key_and_baselines_name_it() {
    let place = Place::new();
    place.write("a.env", format!("KEY={}\n", token(33)));
    let id = |key: &str| {
        let output =
            place.command(&["scan", "in", "--json"]).env("CORDON_ID_KEY", key).output().expect("the binary runs");
        crate::harness::Report::of(&output).findings()[0]["id"].clone()
    };
    assert_eq!(id("a key of some length"), id("a key of some length"));
    assert_ne!(id("a key of some length"), id("another key of a length"));
    assert_eq!(place.run(&["baseline", "in", "--output", "base.json"]).code, 0);
    let report = place.run(&["scan", "in", "--json", "--baseline", "base.json"]);
    assert_eq!((report.code, report.summary()["accepted"].as_u64()), (0, Some(1)));
    let output = place
        .command(&["scan", "in", "--baseline", "base.json"])
        .env("CORDON_ID_KEY", "a key of some length")
        .output()
        .expect("the binary runs");
    let other = crate::harness::Report::of(&output);
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("hint: give the key it was made with"), "{}", other.stderr);
}

#[test]
fn the_key_is_made_once_and_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.write("a.txt", "x");
    assert_eq!(place.run(&["scan", "in"]).code, 0);
    let path = place.path().join("home/.config/cordon/id-key");
    let mode = std::fs::metadata(&path).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let report = place.run(&["scan", "in"]);
    assert_eq!(report.code, 2);
    assert!(report.stderr.contains("can be read by others"), "{}", report.stderr);
}

#[test]
fn known_documents_are_recognised_without_being_kept() {
    let place = Place::new();
    let words: String = (0..400).map(|n| format!("{} ", random(n, 6))).collect();
    place.write("plan.txt", &words);
    let added = place.run(&["fingerprint", "add", "in/plan.txt", "--level", "restricted", "--project", "heron"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    place.write("plan.txt", "moved");
    place.write("leak/notes.md", format!("# Notes\n\n{}\n", words[600..1400].replace(' ', "\n> ")));
    let report = place.run(&["scan", "in", "--json"]);
    let finding = report.findings().into_iter().find(|finding| finding["kind"] == "copy").expect("a copy");
    assert_eq!(
        (finding["level"].as_str(), finding["location"]["path"].as_str()),
        (Some("restricted"), Some("in/leak/notes.md"))
    );
    let index = std::fs::read(place.path().join("home/.config/cordon/fingerprints")).expect("an index");
    assert!(!index.windows(12).any(|window| window == &words.as_bytes()[700..712]));
    assert!(place.run(&["fingerprint", "list"]).stdout.contains("in/plan.txt\trestricted\theron"));
}

#[test]
fn codenames_and_configuration() {
    let place = Place::new();
    place.write("a.py", "model = load('glass_heron_v2')\n");
    place.write("vendor/b.py", "# Glass Heron\n");
    let config = place.path().join("my.toml");
    std::fs::write(&config, "exclude = [\"vendor/**\"]\n[[codename]]\nname = \"Glass Heron\"\nproject = \"heron\"\n")
        .expect("a file");
    let report = place.run(&["scan", "in", "--json", "--config", "my.toml"]);
    assert_eq!(report.places("codename"), ["in/a.py"]);
    assert_eq!(report.summary()["excluded"], 1);
    assert_eq!(report.summary()["partial"], false, "what the user excludes is not partial");
    std::fs::write(
        &config,
        "[[allow]]\nrule = \"codename\"\nreason = \"announced\"\n[[codename]]\nname = \"Glass Heron\"\n",
    )
    .expect("a file");
    assert_eq!(place.run(&["scan", "in", "--config", "my.toml"]).code, 0);
    std::fs::write(&config, "surprise = 1\n").expect("a file");
    assert_eq!(place.run(&["scan", "in", "--config", "my.toml"]).code, 2);
}

#[test]
fn own_rules_run_and_are_tested() {
    let place = Place::new();
    let rules = place.path().join("rules.toml");
    std::fs::write(&rules, "[[rules]]\nid = \"acme\"\nregex = \"acme-[0-9]{6}\"\nkeywords = [\"acme-\"]\nexamples = [\"acme-123456\"]\nnegative_examples = [\"acme-12\"]\n").expect("a file");
    place.write("a.txt", "acme-731946");
    assert_eq!(place.run(&["scan", "in", "--json", "--rules", "rules.toml"]).places("acme"), ["in/a.txt"]);
    let tested = place.run(&["rules", "test", "rules.toml"]);
    assert_eq!((tested.code, tested.stdout.as_str()), (0, "2 passed, 0 failed\n"));
    assert!(place.run(&["rules", "list"]).stdout.lines().count() > 300);
    assert!(place.run(&["rules", "explain", "jwt"]).stdout.starts_with("jwt: JSON Web Token\n"));
    assert_eq!(place.run(&["rules", "explain", "nothing"]).code, 2);
}

#[test]
fn errors_have_hints_and_their_exit_code() {
    let place = Place::new();
    for arguments in [
        &["scan", "missing"][..],
        &["scan", "--baseline", "missing"],
        &["scan", "--rules", "missing"],
        &["fingerprint", "remove", "x"],
    ] {
        let report = place.run(arguments);
        assert_eq!((report.code, report.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(report.stderr.starts_with("error: ") && report.stderr.contains("\nhint: "), "{}", report.stderr);
    }
}

#[test]
fn completions_and_pages_are_made() {
    let place = Place::new();
    assert!(place.run(&["completions", "bash"]).stdout.contains("_cordon"));
    assert_eq!(place.run(&["man", "."]).code, 0);
    assert!(place.path().join("cordon-scan.1").exists());
}

#[test]
fn standard_input_is_a_target() {
    use std::io::Write as _;
    let place = Place::new();
    let mut child = place
        .command(&["scan", "-", "--json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(token(34).as_bytes()).expect("a pipe");
    let report = crate::harness::Report::of(&child.wait_with_output().expect("an end"));
    assert_eq!(report.places("xai-api-key"), ["-"]);
}
