//! Every bound of this crate.

/// Bytes of an entry: tlog-tiles frames them with 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Hashes of a proof, as tlog-witness bounds them.
pub const PROOF_HASHES_MAX: usize = 63;

/// Signatures that are looked at in one note; the specification asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// Bytes of a note: 64 signatures of ML-DSA-44, and a text.
pub const NOTE_BYTES_MAX: usize = 512 * 1024;

/// Bytes of a proof file: a note, 63 hashes, an entry in base64.
pub const PROOF_FILE_BYTES_MAX: usize = NOTE_BYTES_MAX + 128 * 1024;

/// Bytes of one resource of a log: a bundle of 256 entries with their lengths.
pub const RESOURCE_BYTES_MAX: u64 = 256 * (ENTRY_BYTES_MAX as u64 + 2);

/// Leaves of a tree: positions fit the signed integers of databases.
pub const TREE_SIZE_MAX: u64 = 1 << 62;

/// Bytes of a request to a witness.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * 64;

/// Faults that one walk reports, at most.
pub const FAULTS_MAX: usize = 100;
