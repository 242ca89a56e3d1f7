//! Bounds of a scan, in one place.

/// Locations kept of one finding; further ones are counted.
pub const LOCATIONS_MAX: usize = 100;
/// Findings kept of one run.
pub const FINDINGS_MAX: usize = 1_000_000;
/// Skipped inputs that are named; further ones are counted.
pub const SKIPS_NAMED_MAX: usize = 1_000;
/// Folders within folders.
pub const FOLDER_DEPTH_MAX: usize = 256;
/// Seconds a worker may take for one document.
pub const WORKER_DEADLINE_S: u64 = 20;
/// Bytes of address space of a worker.
pub const WORKER_MEMORY_BYTES: u64 = 1 << 30;
/// Seconds of processor time of a worker over its life.
pub const WORKER_CPU_S: u64 = 120;
/// Seconds of processor time of a worker that looks into what the vault takes in.
pub const LOOKER_CPU_S: u64 = 3_600;
/// Bytes that one of these takes over its life.
pub const LOOKER_BYTES_MAX: u64 = 4 << 30;
/// Seconds within which it takes what is sent, and answers.
pub const LOOK_DEADLINE_S: u64 = 60;
/// Bytes that are sent to it at once.
pub const LOOK_PIECE_BYTES: usize = 256 << 10;
/// Bytes of its answer.
pub const ANSWER_LOOKED_BYTES_MAX: u64 = 1 << 20;

/// Bytes of what a worker is told to recognise.
pub const TOLD_BYTES_MAX: u64 = 128 << 20;
/// Bytes of the name of what is looked into.
pub const NAME_BYTES_MAX: usize = 1 << 10;
/// Bytes of one frame between a worker and its owner.
pub const FRAME_BYTES_MAX: u64 = 512 << 20;
/// Bytes of a git object that is read whole.
pub const OBJECT_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a text that is inspected in one piece; a longer one comes in pieces that overlap.
pub const WHOLE_BYTES_MAX: usize = 8 << 20;
/// Bytes of decoded bases that a walk through a pack keeps at once.
pub const BASES_BYTES_MAX: usize = 768 << 20;
/// Bytes of a repository's configuration or list of references.
pub const CONFIG_BYTES_MAX: u64 = 64 << 20;
/// Folders in folders that are kept while origins are looked up.
pub const EDGES_MAX: usize = 100_000_000;
/// Longest chain of deltas.
pub const CHAIN_MAX: usize = 4_096;
/// Bytes of an answer from the web.
pub const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// Addresses of one run.
pub const ADDRESSES_MAX: usize = 100_000;
/// Redirects of one request.
pub const REDIRECTS_MAX: u32 = 5;
/// Seconds of one request.
pub const REQUEST_S: u64 = 20;
/// Requests a second to one host.
pub const REQUESTS_PER_S: u32 = 5;
/// Bytes of a configuration, baseline, index or list given by the user.
pub const USER_FILE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a file of kept findings.
pub const KEPT_BYTES_MAX: u64 = 1 << 30;
/// Seconds for which a file's times may stand still while it changes.
pub const RACY_S: i64 = 2;
/// Findings of one input that are held back until it is read to its end.
pub const HELD_FINDINGS_MAX: usize = 10_000;

/// Bytes of what a vault hands out to scans: as many hashes as there may be, and as much again.
pub const HANDED_BYTES_MAX: usize = 64 << 20;

/// Seconds for which it lasts: a day.
pub const HANDED_S: i64 = 86_400;
