//! Who it is, on real records with real policies.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests say what they expect"
)]

mod hostile;
mod office;
mod sessions;
mod sign_in;
