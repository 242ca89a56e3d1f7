//! Every bound of this crate.

/// Events that one transaction takes.
pub const BATCH_EVENTS_MAX: usize = 1024;

/// Jobs that wait for the writer; who comes later waits outside.
pub const QUEUE_JOBS_MAX: usize = 8192;

/// Entries that one checkpoint adds.
pub const PUBLISH_ENTRIES_MAX: usize = 65_536;

/// Data keys that one rewrapping transaction takes.
pub const REWRAP_BATCH_MAX: usize = 4096;

/// Events that one search returns.
pub const SEARCH_EVENTS_MAX: usize = 10_000;

/// Open keys of buckets, and of persons, that are kept in memory.
pub const KEYS_KEPT_MAX: usize = 65_536;

/// Milliseconds that a clock may go back before it is an event.
pub const CLOCK_BACK_MS: i64 = 60_000;

/// Seconds that the root key's provider may take.
pub const PROVIDER_S: u64 = 30;

/// Uses of a key that are counted ahead at once.
pub const USES_BLOCK: u64 = 1024;

/// Bytes of a file that holds a secret.
pub const SECRET_FILE_BYTES_MAX: u64 = 4096;
