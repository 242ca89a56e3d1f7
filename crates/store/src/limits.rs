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

/// Connections that are kept open to read.
pub const READERS_MAX: usize = 4;

/// Seconds that a connection to a database server may take.
pub const CONNECT_S: u64 = 10;

/// Seconds that a session waits for a lock of the database server, or for a free session.
pub const LOCK_S: u64 = 10;

/// Seconds that a statement may take on the database server.
pub const STATEMENT_S: u64 = 15;

/// Seconds that an answer of the database server is waited for.
pub const ANSWER_S: u64 = 20;

/// Seconds that a transaction may stand idle on the database server: a node that is paused inside one holds up whoever
/// must be alone, a revocation among them.
pub const IDLE_TRANSACTION_S: u64 = 1;

/// Tries to empty the write-ahead log of the key store.
pub const LOG_TRIES_MAX: usize = 100;

/// Seconds after which the server ends the session of a sequencer that says nothing, so that another may take over.
pub const SEQUENCER_IDLE_S: u64 = 15;

/// Bytes of a sealed body that stands in the database: 64 KiB of text, and what sealing adds.
pub const BODY_ROW_BYTES_MAX: usize = 65_536 + 64;

/// Names that are listed at once: those of a page, and one behind it.
pub const LIST_ROWS_MAX: u64 = 1001;

/// Rows of a table that are copied at once.
pub const COPY_ROWS: u64 = 4096;

/// What stands beside events, of which so many are copied at once.
pub const COPY_PAYLOADS: u64 = 64;

/// Rows that are on their way to the server at once.
pub const PIPELINE_ROWS: usize = 1024;

/// Files that are written side by side: one waits for the disk while others are prepared.
pub const WRITES_SIDE_BY_SIDE: usize = 4;

/// Times that a row is read again that may have moved between two questions.
pub const READ_TRIES: usize = 3;

/// Bytes that may wait to be kept beside events, in all.
pub const PAYLOADS_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Data backups that a certificate names, the newest.
pub const CERTIFICATE_BACKUPS_MAX: usize = 1000;

/// How long something asked may wait for approvals: a week.
pub const ASK_MS_MAX: i64 = 7 * 86_400_000;

/// How long an emergency is open: an hour.
pub const EMERGENCY_MS_MAX: i64 = 3_600_000;

/// How often the use of a grant is written down: once an hour.
pub const GRANT_USE_MS: i64 = 3_600_000;

/// Grants whose use is remembered between writes; a full memory begins anew.
pub const GRANT_USES_MAX: usize = 65_536;

/// Entries that are read at once when state is built again from the log.
pub const REBUILD_ENTRIES: usize = 4_096;

/// Bytes of one way to sign in, opened.
pub const AUTHENTICATOR_BYTES_MAX: usize = 16 * 1024;

/// Ways to sign in of one person.
pub const AUTHENTICATORS_MAX: u64 = 32;

/// Sessions and keys of one principal whose time has not ended, revoked ones among them: so many times one may sign in, and
/// out, within the life of a session.
pub const CREDENTIALS_MAX: u64 = 64;

/// How many of them are kept for signing in: what comes from a session has the rest.
pub const SIGN_INS_KEPT: u64 = 16;

/// How long a credential is remembered after it ended: a month.
pub const CREDENTIALS_KEPT_MS: i64 = 31 * 86_400_000;

/// What one human may have asked for and not been answered.
pub const ASKS_OPEN_MAX: usize = 16;

/// Publications that nobody withdrew.
pub const PUBLICATIONS_MAX: usize = 10_000;

/// Allowances that nobody ended.
pub const ALLOWANCES_MAX: usize = 10_000;

/// Embargoes that nobody lifted.
pub const EMBARGOES_MAX: usize = 10_000;

/// Codenames that are looked for.
pub const CODENAMES_MAX: usize = 2_000;

/// Readers whose counts a writer keeps in memory.
pub const EGRESS_KNOWN_MAX: usize = 4_096;

/// Objects and minutes of these, together.
pub const EGRESS_KNOWN_ROWS_MAX: usize = 1_000_000;

/// How old a sign-in may be, in seconds, once half of what may leave is used.
pub const STEP_UP_AGE_S: u32 = 60;

/// Milliseconds for which it holds how many objects of a level there are.
pub const LEVEL_COUNT_MS: i64 = 60_000;

/// Versions that wait to be looked into, or are held, that are read at once.
pub const INSPECTIONS_ROWS: u64 = 64;

/// Milliseconds for which it is waited that nobody else holds an installation.
pub const LOCK_WAIT_MS: u64 = 500;

/// Statements that a session keeps prepared: all that this crate has.
pub const STATEMENTS_KEPT_MAX: usize = 256;

/// Pages that the log of SQLite grows to before they are brought into the database's file, 64 MiB: a page that changes again and
/// again is brought there once.
pub const WAL_PAGES: u32 = 16_384;

/// Microseconds that the writer waits for further jobs when several came together.
pub const LINGER_US: u64 = 600;

/// Bytes from which on a range of a file is read past the page cache: more than one segment of a sealed version, so that who reads a
/// little here and there reads through the cache.
pub const DIRECT_READ_BYTES_MIN: u64 = (1 << 20) + 1;
