//! Every bound of this crate.

/// Bytes of plaintext of a version that is written at once: 5 TiB.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;

/// Bytes of plaintext up to which a version stands in the database.
pub const BODY_ROW_PLAIN_BYTES_MAX: usize = 65_536;

/// Sealed bytes that are written to the object store at once.
pub const PIECE_BYTES: usize = 8 << 20;

/// Segments that are read from the object store at once, each of at most 1 MiB; as many again are read ahead.
pub const SEGMENTS_AT_ONCE: usize = 2;

/// Times that a write is tried again because its name, or the key of its bucket, moved meanwhile.
pub const WRITE_TRIES_MAX: usize = 16;

/// Names that one page of a list looks at, whether or not they are shown.
pub const LIST_LOOKED_AT_MAX: usize = 10_000;

/// Names, and beginnings of names, that one page of a list shows.
pub const LIST_PAGE_MAX: usize = 1000;

/// Headers, and what a writer says beside them, of one version.
pub const HEADERS_MAX: usize = 128;

/// Bytes of all of them.
pub const HEADERS_BYTES_MAX: usize = 8192;

/// Uploads in parts that one process has at once.
pub const UPLOADS_MAX: usize = 1000;

/// Parts of one upload, those that were sent again among them.
pub const UPLOAD_PARTS_MAX: u32 = 20_000;

/// The highest number that a client may give a part.
pub const PART_NUMBER_MAX: u32 = 10_000;

/// Bytes of a part that is not the last.
pub const PART_BYTES_MIN: u64 = 5 << 20;

/// Milliseconds that an upload may take: a day.
pub const UPLOAD_MS_MAX: i64 = 86_400_000;

/// Milliseconds that sealed bytes may lie without a name that leads to them: longer than any upload takes.
pub const LEFT_MS: i64 = 2 * UPLOAD_MS_MAX;

/// Uploads in parts that one principal has at once.
pub const UPLOADS_OF_ONE_MAX: usize = 100;

/// Bytes that are taken at once from what may leave, before they do.
pub const EGRESS_BLOCK_BYTES: u64 = 8 << 20;

/// Bytes of a version that is looked into before its name leads to it: they are kept in memory as they come.
pub const LOOK_NOW_BYTES_MAX: usize = 1 << 20;

/// Milliseconds that a writer waits, once all came, for whoever looks.
pub const LOOK_NOW_MS: u64 = 500;

/// Bytes of a longer version that wait for whoever looks while it comes; beyond, it is looked into afterwards.
pub const BESIDE_BYTES_WAITING_MAX: usize = 32 << 20;

/// Bytes of it that are handed on at once, at least.
pub const BESIDE_PIECE_BYTES: usize = 64 << 10;

/// Bytes a second that must come of it: what comes slower is looked into afterwards.
pub const BESIDE_BYTES_PER_S_MIN: u64 = 1 << 20;

/// Seconds over which they are counted; for as long nobody waits for a next piece.
pub const BESIDE_WINDOW_S: u64 = 4;

/// Milliseconds for which a version is left alone that could not be opened to be looked into.
pub const LEFT_ALONE_MS: i64 = 600_000;

/// Versions that are left alone at once.
pub const LEFT_ALONE_MAX: usize = 10_000;

/// Times that a version is looked into of which whoever looks dies.
pub const LOOK_TRIES: usize = 2;

/// Seconds after which it is looked again what waits, though nobody said that something does.
pub const INSPECT_AGAIN_S: u64 = 30;

/// Milliseconds that a reader waits for a look into what they want to read.
pub const PENDING_WAIT_MS: u64 = 2_000;

/// Versions that are held that are shown at once.
pub const HELD_SHOWN_MAX: usize = 1_000;

/// Versions that are held that are looked at for that, whether or not they are shown.
pub const HELD_LOOKED_AT_MAX: usize = 10_000;

/// Names that are looked at in one go where one beginning stands for all that were: twice as many each time that it does not.
pub const BEGINNING_NAMES: u64 = 16;

/// Milliseconds after which a read that goes on is decided once more, though nothing was revoked.
pub const HOLDS_MS: i64 = 60_000;

/// Bytes without which a content is too short to be recognised: many are the same by chance.
pub const CONTENT_BYTES_MIN: u64 = 64;

/// People and buckets of whose originals a content that is the same in all is nobody's.
pub const UNRELATED_MIN: usize = 3;

/// Hashes of passages that are recognised, of all versions together: each takes some 40 bytes in every process that looks.
pub const KNOWN_PRINTS_MAX: usize = 2_000_000;

/// Versions that are recognised.
pub const KNOWN_MAX: usize = 20_000;

/// Labels of versions that are, or were, recognised: beyond that those that were are forgotten.
pub const LABELS_KEPT_MAX: usize = 100_000;

/// Milliseconds after which it is looked again what other nodes registered.
pub const LEARN_AGAIN_MS: u64 = 2000;

/// Milliseconds that lie at least between two looks.
pub const LEARN_APART_MS: u64 = 1000;

/// How often a read begins anew when another version takes the place of what it found.
pub const READ_TRIES_MAX: usize = 4;
