//! Every bound of this crate.

/// Connections that are served at the same time.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// Seconds that a request's head may take.
pub(crate) const HEAD_S: u64 = 10;

/// Seconds that a server may take to answer.
pub(crate) const ANSWER_S: u64 = 30;
