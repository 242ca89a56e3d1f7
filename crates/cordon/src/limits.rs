//! Every bound of this crate.

/// Connections that are served at the same time.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// Seconds that a request's head may take.
pub(crate) const HEAD_S: u64 = 10;

/// Seconds that a server may take to answer.
pub(crate) const ANSWER_S: u64 = 30;

/// Characters of what every page says at its top.
pub(crate) const BANNER_CHARS_MAX: usize = 200;

/// Seconds that an observer may take to say what it sees.
pub(crate) const OBSERVER_S: u64 = 60;

/// Bytes of what it says.
pub(crate) const OBSERVED_BYTES_MAX: u64 = 1024;

/// Seconds that somebody may take to allow a login in the browser.
pub(crate) const LOGIN_S: u64 = 600;

/// Bytes of what the browser brings at the end of a login.
pub(crate) const LOGIN_HEAD_BYTES_MAX: usize = 8 * 1024;

/// Seconds that it may take.
pub(crate) const LOGIN_HEAD_S: u64 = 3;

/// Milliseconds that a revocation may take until every node refuses.
pub(crate) const REVOKED_MS: u64 = 1_000;

/// Milliseconds that the training of the first person counts: a year.
pub(crate) const FIRST_TRAINED_MS: i64 = 365 * 86_400_000;

/// Milliseconds that keys for scripts live: an hour.
pub(crate) const BOOTSTRAP_MS: i64 = 3_600_000;

/// Bytes that should be free where data lies.
pub(crate) const FREE_BYTES_MIN: u64 = 1 << 30;

/// Milliseconds by which the clock of a node may differ from that of this machine.
pub(crate) const CLOCKS_DIFFER_MS: i64 = 5_000;

/// Events that wait to be published while a node runs, at most.
pub(crate) const UNPUBLISHED_MAX: u64 = 10_000;

/// Bytes of `cordon.toml`.
pub(crate) const SETTINGS_BYTES_MAX: u64 = 64 << 10;

/// Bytes of an answer of a node.
pub(crate) const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Bytes of the key of a log, as it is written.
pub(crate) const KEY_BYTES_MAX: usize = 1024;

/// Seconds within which all that a vault knows must have come.
pub(crate) const HANDED_ANSWER_S: u64 = 600;

/// Seconds until the node of the demo answers.
pub(crate) const DEMO_BEGINS_S: u64 = 60;

/// Seconds that the node of the demo may take to end.
pub(crate) const DEMO_ENDS_S: u64 = 25;

/// How often a log is copied until it is whole.
pub(crate) const LOG_COPIES_MAX: usize = 10;
