//! Any bytes as a text: no panic, and every match lies inside the text.
#![no_main]

use std::sync::LazyLock;

use cordon_domain::{Confidence, IdKey, Level, Today};
use cordon_inspect::{Codename, Config, Engine, Hints, Piece, Scratch};
use libfuzzer_sys::fuzz_target;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let name = Codename { name: "Glass Heron".into(), project: "heron".into(), level: Level::Restricted, near: Vec::new() };
    Engine::new(Config { rules: Vec::new(), codenames: vec![name], copies: Vec::new(), id_key: IdKey::new([0; 32]), today: Today(0), floor: Confidence::Minimal })
});

fuzz_target!(|data: &[u8]| {
    let mut found = Vec::new();
    ENGINE.inspect(&Piece::whole(data, Hints::default()), &mut Scratch::default(), &mut found);
    assert!(found.iter().all(|found| found.span.start <= found.span.end && found.span.end <= data.len()));
});
