//! Who may do what.
//!
//! Invariant: what no policy allows is denied.
//!
//! Map: [`operator`] (the person at the machine).

pub mod operator;

pub use operator::LocalOperator;
