//! The vault.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod contents;
mod egress;
mod faults;
mod inspection;
mod known;
mod listing;
mod objects;
mod place;
mod publication;
mod terms;
