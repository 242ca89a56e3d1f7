//! Bounds of the extraction, in one place.

/// Containers within containers.
pub const DEPTH_MAX: u8 = 8;
/// Entries of all containers within one file.
pub const ENTRIES_MAX: u64 = 200_000;
/// Bytes that all containers within one file may give together.
pub const OUTPUT_BYTES_MAX: u64 = 16 << 30;
/// Output over input from which a stream counts as a bomb, once it has given [`RATIO_BYTES_MIN`].
pub const RATIO_MAX: u64 = 250;
/// Output below which the ratio is not judged.
pub const RATIO_BYTES_MIN: u64 = 64 << 20;
/// Bytes of a document that is parsed in memory.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of text taken out of one document.
pub const TEXT_BYTES_MAX: usize = 64 << 20;
/// Files taken out of one document.
pub const PARTS_MAX: usize = 10_000;
/// Bytes of a header of a model file.
pub const MODEL_HEADER_BYTES_MAX: usize = 16 << 20;
/// Pages of a database that one table may walk.
pub const PAGES_MAX: usize = 1 << 20;
