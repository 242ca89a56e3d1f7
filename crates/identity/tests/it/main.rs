//! Who it is, on real records with real policies.
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

mod hostile;
#[allow(dead_code, reason = "the tests of `cordon-server` use the rest")]
mod office;
mod sessions;
mod sign_in;
