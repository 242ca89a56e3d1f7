//! How a node is reached and what is set once: certificates, `cordon.toml`, and what `cordon doctor` says of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Place, Report};
use crate::node::Up;
use crate::trust::ok;

/// Writes a certificate for `localhost`, and that of its authority. Returns where the authority's is.
fn certified(place: &Place) -> PathBuf {
    let named = |name: &str| rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let key_pair = || rcgen::KeyPair::generate().expect("a key");
    let mut authority = named("authority.example");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, key_pair()).expect("signed");
    let key = key_pair();
    let certificate = named("localhost").signed_by(&key, &authority).expect("signed");
    place.write("authority.pem", authority.pem());
    place.write("tls.pem", certificate.pem());
    let path = place.write("tls.key", key.serialize_pem());
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("a mode");
    place.path().join("in/authority.pem")
}

fn trusting(place: &Place, authority: &Path, arguments: &[&str]) -> Report {
    Report::of(&place.command(arguments).env("SSL_CERT_FILE", authority).output().expect("the binary runs"))
}

/// Asks an address, trusting the authority. Returns status and body.
fn asked(authority: &Path, address: &str) -> Result<(u16, String), ureq::Error> {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let pem = std::fs::read(authority).expect("written");
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&pem).expect("one")]);
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent: ureq::Agent = config.tls_config(TlsConfig::builder().root_certs(roots).build()).build().into();
    let mut answer = agent.get(address).call()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}

const TLS: [&str; 4] = ["--tls-certificate", "in/tls.pem", "--tls-key", "in/tls.key"];

#[test]
fn a_node_with_a_certificate_speaks_tls_to_people_programs_and_nodes() {
    let place = Place::new();
    let authority = certified(&place);
    let up = Up::begin_at(&place, "https", &[&TLS[..], &["--bootstrap", "keys.json"]].concat());
    let (status, ready) = asked(&authority, &format!("{}/ready", up.origin)).expect("an answer");
    assert_eq!((status, ready.as_str()), (200, "{\"ready\":true}"));
    let keys: Value =
        serde_json::from_slice(&std::fs::read(place.path().join("keys.json")).expect("written")).expect("JSON");
    let endpoint = keys["endpoint"].as_str().expect("an address");
    assert!(endpoint.starts_with("https://localhost:"), "{endpoint}");
    let (status, refused) = asked(&authority, endpoint).expect("an answer");
    assert!(status == 403 && refused.contains("<Code>AccessDenied</Code>"), "{status} {refused}");
    for plain in [up.origin.replace("https", "http"), endpoint.replace("https", "http")] {
        assert!(asked(&authority, &plain).is_err(), "{plain} answers as it is");
    }
    // A node's own name does not stand in its certificate: another node knows whose it is.
    let service = keys["principal"].as_str().or(keys["principals"][0]["principal"].as_str()).expect("a service");
    let revoked = trusting(&place, &authority, &["access", "revoke", service, "--reason", "a drill"]);
    assert!(revoked.stdout.contains("refused by nd_"), "{}{}", revoked.stdout, revoked.stderr);
    ok(revoked);
    let looked = |report: Report| {
        report.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some("node")).map(str::to_owned)
    };
    let doctor = ["doctor", "--public-url", &up.origin];
    let trusted = looked(trusting(&place, &authority, &doctor)).expect("a line");
    assert!(trusted.starts_with("ok "), "{trusted}");
    let untrusted = looked(place.run(&doctor)).expect("a line");
    assert!(untrusted.starts_with("failed ") && untrusted.contains("certificate"), "{untrusted}");
    up.end();
}

#[test]
fn nothing_begins_that_would_answer_other_machines_as_it_is_or_with_a_certificate_of_no_use() {
    let place = Place::new();
    certified(&place);
    let refused = |arguments: &[&str], why: &str| {
        let report = place.run(&[&["up"], arguments].concat());
        assert!(report.code == 2 && report.stderr.contains(why), "{}", report.stderr);
        assert!(!place.path().join("home").exists(), "nothing was made");
    };
    refused(&["--listen", "0.0.0.0:0"], "without a certificate this speaks plain HTTP");
    refused(&["--s3", "[::]:0"], "without a certificate this speaks plain HTTP");
    refused(&[&TLS[..], &["--listen", "0.0.0.0:0"]].concat(), "give --public-url with https");
    let elsewhere = ["--public-url", "https://elsewhere.example"];
    refused(&[&TLS[..], &elsewhere].concat(), "is not for `elsewhere.example`");
    refused(&[&TLS[..2], &["--public-url", "https://localhost"]].concat(), "with its private key alone");
    let other = ["--public-url", "https://localhost", "--s3-url", "https://objects.example"];
    refused(&[&TLS[..], &other].concat(), "is not for `objects.example`");
    refused(&[&TLS[..], &other[..3], &["http://localhost:1"]].concat(), "is no address of https");
}

#[test]
fn what_is_set_once_counts_for_each_command_and_what_is_wrong_is_named() {
    let place = Place::new();
    let folder = place.path().join("home/.config/cordon");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
    let set = |text: &str| {
        std::fs::write(folder.join("cordon.toml"), text).expect("written");
        std::fs::set_permissions(folder.join("cordon.toml"), Permissions::from_mode(0o600)).expect("a mode");
    };
    set("data = \"kept\"\npublic_url = \"https://localhost\"\n");
    ok(place.run(&["db", "create", "--kit-file", "kit"]));
    assert!(folder.join("kept/cordon.db").exists() && folder.join("kept-keys/keys.db").exists(), "beside each other");
    assert_eq!(ok(place.run(&["people", "list"])), "");
    let said = place.run(&["people", "list", "--data", "elsewhere"]);
    assert!(said.code == 2 && said.stderr.contains("no installation is in `elsewhere`"), "{}", said.stderr);
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "no node runs: {}", doctor.stdout);
    assert!(doctor.stdout.contains("nobody answers at https://localhost:"), "{}", doctor.stdout);
    set("data = \"kept\"\n[up]\nlisten = \"here\"\n");
    for command in [&["up"][..], &["people", "list"], &["doctor"]] {
        let wrong = place.run(command);
        assert!(
            wrong.code == 2 && wrong.stderr.contains("cordon.toml`, line 3: `listen` is no such"),
            "{}",
            wrong.stderr
        );
    }
    assert_eq!(place.run(&["rules", "list"]).code, 0, "it takes none of them");
    std::fs::rename(folder.join("cordon.toml"), place.path().join("other.toml")).expect("moved");
    let elsewhere = place.command(&["people", "list"]).env("CORDON_SETTINGS", "none.toml").output().expect("runs");
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("`none.toml` cannot be read"));
    std::fs::set_permissions(place.path().join("other.toml"), Permissions::from_mode(0o666)).expect("a mode");
    let open = place.command(&["people", "list"]).env("CORDON_SETTINGS", "other.toml").output().expect("runs");
    assert!(String::from_utf8_lossy(&open.stderr).contains("others may write to `other.toml`"));
}

#[test]
fn the_doctor_says_what_fails_what_to_mind_and_what_to_do() {
    let place = Place::new();
    let none = place.run(&["doctor", "--json"]);
    assert_eq!(none.code, 1, "{}", none.stderr);
    let state = |report: &Report, about: &str| {
        let told: Value = serde_json::from_str(&report.stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("checks").clone();
        let one = checks.into_iter().find(|check| check["about"] == about).unwrap_or_else(|| panic!("{about}: {told}"));
        (one["state"].as_str().expect("a state").to_owned(), one["hint"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(state(&none, "data").0, "failed");
    assert!(state(&none, "installation").1.contains("cordon db create"));
    let up = Up::begin(&place, &[]);
    let origin = up.origin.clone();
    let doctor = ["doctor", "--json", "--public-url", &origin];
    let whole = place.run(&doctor);
    assert_eq!(whole.code, 0, "{}", whole.stdout);
    for about in ["settings", "workers", "clock", "data", "installation", "log", "node", "node clock"] {
        assert_eq!(state(&whole, about).0, "ok", "{about}: {}", whole.stdout);
    }
    assert!(state(&whole, "recovery").1.contains("give each share to another person"), "it lies where it was made");
    assert_eq!(state(&whole, "approvers").0, "warning");
    up.end();
    let database = rusqlite::Connection::open(place.path().join("home/.local/share/cordon/cordon.db")).expect("there");
    let changed = database.execute("UPDATE records SET body = x'00' WHERE ended IS NULL", []).expect("changed");
    assert!(changed > 0);
    drop(database);
    let locked = place.run(&doctor);
    assert_eq!(locked.code, 1, "{}", locked.stdout);
    assert_eq!(state(&locked, "installation").0, "failed", "{}", locked.stdout);
    assert_eq!(state(&locked, "node").0, "failed");
}
