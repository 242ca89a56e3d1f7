//! The edge, over real connections.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::ok_expect,
    clippy::string_slice,
    missing_docs,
    reason = "tests say what they expect; what holds a secret has no Debug"
)]

mod client;
// The same office as in the tests of `cordon-identity`: people, and somebody at the machine.
mod flows;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../../../identity/tests/it/office.rs"]
mod office;
mod provider;
mod table;
