//! Every bound of this crate.

/// Data keys that one version of a key may wrap. Nonces are drawn at random (96 bits): NIST SP 800-38D allows 2^32.
pub const KEY_USES_MAX: u64 = 1 << 30;

/// Parts of one object version, as S3 has them.
pub const PARTS_MAX: usize = 10_000;

/// Bytes of an encoded manifest.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;

/// Segments of one stream: their number has 32 bits, and the last value is not used.
pub const SEGMENTS_MAX: u64 = u32::MAX as u64;

/// Bytes of a root key as a provider wraps it.
pub const ROOT_WRAP_BYTES_MAX: usize = 4096;

/// Shares of a recovery kit.
pub const SHARES_MAX: usize = 64;

/// Bytes of a written share.
pub const SHARE_TEXT_BYTES_MAX: usize = 512;
