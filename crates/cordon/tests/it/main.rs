//! The binary, as a user runs it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod access;
mod cli;
mod clients;
mod containers;
mod demo;
mod git;
mod harness;
mod hostile;
mod killed;
mod labels;
mod marker;
mod moved;
mod node;
mod publish;
mod readme;
mod repository;
mod roles;
mod s3;
mod terms;
mod trust;
mod undo;
mod watched;
mod ways;
mod web;
