//! Every bound of this crate.

/// Policies of an organisation.
pub const POLICIES_MAX: usize = 4_096;

/// Policies that one decision evaluates when an organisation has none of its own.
pub const PACK_SLICE_MAX: usize = 15;

/// Questions, as policies see them, of which a snapshot, and each worker of a census, keeps the answers; a full store begins
/// anew.
pub const KEPT_SIGHTS_MAX: usize = 65_536;

/// Workers of a census.
pub const WORKERS_MAX: usize = 8;

/// Circumstances in which one of them was answered.
pub const KEPT_ANSWERS_MAX: usize = 256;

/// Sets of circumstances that are tried to find one in which something is allowed.
pub const CIRCUMSTANCES_MAX: usize = 100_000;

/// Sets of circumstances that are tried to learn whether someone who is refused may know that a thing exists. They may
/// not, when none of these does.
pub const KNOWING_MAX: usize = 32;

/// Bytes of a file of cases.
pub const CASES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Cases of a file.
pub const CASES_MAX: usize = 10_000;

/// How deep brackets of policies may stand in one another.
pub const NESTING_MAX: usize = 64;

/// Milliseconds that a role counts which somebody has by a group: a day from the sign-in that told of it.
pub const GROUP_ROLE_MS_MAX: i64 = 86_400_000;
