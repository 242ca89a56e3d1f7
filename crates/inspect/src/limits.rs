//! Bounds of the inspection, in one place.

/// Bytes an inspected text may have in one call; longer ones come in pieces that overlap.
pub const PIECE_BYTES: usize = 1 << 20;
/// Bytes by which two pieces of a long text overlap: no match is longer.
pub const OVERLAP_BYTES: usize = 16 << 10;
/// Bytes a match may have.
pub const MATCH_BYTES_MAX: usize = 12 << 10;
/// Bytes a match may have for what is known of it to be carried over to a text made from its own.
pub const WINDOW_BYTES_MAX: usize = 1024;
/// Addresses, and numbers, of one text that are looked at.
pub const CANDIDATES_MAX: usize = 50_000;
/// Hits of one piece before they are weighed against one another.
pub const HITS_PER_PIECE_MAX: usize = 200_000;
/// Matches reported for one piece; further ones are counted.
pub const MATCHES_PER_PIECE_MAX: usize = 10_000;
/// Levels of encoding undone one after another.
pub const DECODE_DEPTH_MAX: u8 = 3;
/// Bytes that one encoded run may give.
pub const DECODED_BYTES_MAX: usize = 16 << 20;
/// Bytes of the shortest encoded run that is undone.
pub const ENCODED_RUN_BYTES_MIN: usize = 24;
/// Characters of an excerpt.
pub const EXCERPT_CHARS_MAX: usize = 160;
/// Characters of a secret that an excerpt may show.
pub const SHOWN_CHARS_MAX: usize = 8;
/// Rules a user may add.
pub const USER_RULES_MAX: usize = 5_000;
/// Bytes of automata one user rule may need.
pub const REGEX_BYTES_MAX: usize = 10 << 20;
