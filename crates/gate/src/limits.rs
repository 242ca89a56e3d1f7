//! Every bound of this crate.

/// Refusals of one address that are recorded singly within a minute.
pub const SINGLE_PER_MINUTE: u32 = 10;

/// Addresses that are told apart within a minute; those beyond share one count.
pub const ADDRESSES_MAX: usize = 4096;

/// Decisions that are taken again because something was revoked meanwhile, before the gate gives up.
pub const STALE_RETRIES_MAX: usize = 3;
