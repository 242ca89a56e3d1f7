//! Every bound of this crate.

/// Bytes of one piece of an object: what is larger is read and written in pieces.
pub const PIECE_BYTES: u64 = 16 << 20;

/// Pieces of one object, as S3 has it. What has more is read in larger ones.
pub const PIECES_MAX: u64 = 10_000;

/// Bytes of one object, as S3 has it.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;

/// Bytes of an answer that is not an object: a page of a list, an error.
pub const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Bytes of an answer that says why something is refused, or tells tags.
pub const WORDS_BYTES_MAX: u64 = 256 << 10;

/// Elements of an answer.
pub const ELEMENTS_MAX: usize = 20 * PAGE_MAX;

/// Bytes of what a list tells of a version beside its name.
pub const TOLD_BYTES_MAX: usize = 1_024;

/// Elements within elements of an answer.
pub const ANSWER_DEPTH_MAX: usize = 8;

/// Names or versions of one page.
pub const PAGE_MAX: usize = 1_000;

/// Versions of one name.
pub const VERSIONS_OF_NAME_MAX: usize = 100_000;

/// Tags of one object, as S3 has it.
pub const TAGS_MAX: usize = 10;

/// Tries of one request that may be sent twice.
pub const TRIES_MAX: u32 = 5;

/// Tries of one version; before each further one it is looked whether it is there.
pub const VERSION_TRIES_MAX: u32 = 3;

/// Milliseconds before the second try; twice as many before each further one.
pub const WAIT_MS: u64 = 250;

/// Seconds that one request may take, with what it carries.
pub const REQUEST_S: u64 = 600;

/// Objects that are copied at the same time.
pub const AT_ONCE: usize = 4;

/// Names that wait to be copied.
pub const WAITING_MAX: usize = 64;

/// Objects that fail one after the other until nothing more is tried.
pub const FAILED_IN_A_ROW_MAX: usize = 16;

/// Objects that failed, or differ, and are named.
pub const NAMED_MAX: usize = 100;

/// Bytes of one line of a list of what was copied.
pub const LINE_BYTES_MAX: u64 = 64 << 10;

/// Names that are asked for as a stranger would.
pub const STRANGER_ASKS_MAX: usize = 100;

/// Bytes of a part of a path, as file systems have it.
pub const PATH_PART_BYTES_MAX: usize = 200;

/// Files whose names would be the same.
pub const SAME_NAME_MAX: u32 = 1_000;

/// Bytes of what a writer says of an object, as S3 has it.
pub const OWN_BYTES_MAX: usize = 2_048;
