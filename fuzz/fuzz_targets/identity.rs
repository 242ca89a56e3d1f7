//! Any bytes as what a stranger sends to be let in: no panic, and nobody is.
#![no_main]

use std::sync::LazyLock;

use cordon_domain::{Factor, Moment};
use cordon_identity::ProviderSettings;
use cordon_identity::device::Proof;
use cordon_identity::signature::{Asked, Signed};
use libfuzzer_sys::fuzz_target;

const NOW: Moment = Moment(1_795_608_000_000);

static SETTINGS: LazyLock<ProviderSettings> = LazyLock::new(|| {
    let text = "name = 'Example ID'\nissuer = 'https://id.example.org'\nclient-id = 'cordon'\n\
                phishing-resistant = ['phr']\nsecond-factor = ['mfa']\n[groups]\nml = ['reader:project:gemini']\n";
    ProviderSettings::read(text, |_, _| Ok(Default::default())).expect("settings")
});

/// Claims count for no more than they say.
fn claims(data: &[u8]) {
    let says = |text: &[u8]| data.windows(text.len()).any(|window| window == text) || data.contains(&b'\\');
    match SETTINGS.would_let_in(data, NOW) {
        Some(Factor::PhishingResistant) => assert!(says(b"phr")),
        Some(Factor::Code) => assert!(says(b"mfa")),
        Some(Factor::None) | None => {}
    }
}

fuzz_target!(|data: &[u8]| {
    claims(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(4, '\n');
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let (authorization, stamp) = (first.unwrap_or_default(), second.unwrap_or_default());
    let headers = [("host", "h"), ("x-amz-date", stamp), ("authorization", authorization)];
    let (query, body_sha256) = (third.unwrap_or_default(), Some(parts.next().unwrap_or_default()));
    let asked = Asked { method: "GET", path: "/", query, headers: &headers, body_sha256, service: "s3" };
    if let Ok(signed) = Signed::read(&asked) {
        assert!(signed.check(&asked, "a secret that nobody knows", NOW).is_err());
    }
    if let Some(proof) = Proof::read(text) {
        assert!(!proof.is_for("this", NOW, 0));
    }
});
