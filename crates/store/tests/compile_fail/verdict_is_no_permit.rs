//! The answer to a question opens nothing.
use cordon_gate::{Permit, Verdict};
use cordon_gate::act::Lower;

fn permit(verdict: Verdict) -> Permit<Lower> {
    verdict.into()
}

fn main() {}
