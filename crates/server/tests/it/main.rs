//! The edge, over real connections.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests say what they expect"
)]

mod client;
// The same office as in the tests of `cordon-identity`: people, and somebody at the machine.
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../../../identity/tests/it/office.rs"]
mod office;
mod flows;
mod table;
