//! Every bound of this crate.

/// Bytes of a free text in an event (reason, client, hints); longer ones are cut by whoever makes the event.
pub const EVENT_TEXT_BYTES_MAX: usize = 1024;

/// Policies, and grants, that an event names.
pub const EVENT_NAMES_MAX: usize = 32;

/// Bytes that stand beside one event.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Characters of a project's name.
pub const PROJECT_CHARS_MAX: usize = 64;

/// Projects of one label.
pub const LABEL_PROJECTS_MAX: usize = 32;

/// Bytes of a text that a record holds: a purpose, a reason, a name.
pub const RECORD_TEXT_BYTES_MAX: usize = 1024;

/// Bytes of an organisation's policies.
pub const POLICY_TEXT_BYTES_MAX: usize = 512 * 1024;

/// Projects of a principal or a contract.
pub const PROJECTS_MAX: usize = 256;

/// Networks of a contract.
pub const NETWORKS_MAX: usize = 64;

/// Bytes of a bucket's name, at least.
pub const BUCKET_NAME_BYTES_MIN: usize = 3;

/// Bytes of a bucket's name.
pub const BUCKET_NAME_BYTES_MAX: usize = 63;

/// Bytes of an object's name.
pub const OBJECT_KEY_BYTES_MAX: usize = 1024;

/// Records that one change touches.
pub const STEPS_MAX: usize = 64;

/// Approvals that one request collects.
pub const APPROVALS_MAX: usize = 16;

/// Characters of a user name.
pub const USER_NAME_CHARS_MAX: usize = 64;

/// Milliseconds that a publication lasts: 366 days.
pub const PUBLICATION_MS_MAX: i64 = 366 * 86_400_000;

/// Milliseconds that an allowance lasts: 30 days, as long as what leaves is counted.
pub const ALLOWANCE_MS_MAX: i64 = 30 * 86_400_000;

/// Bytes of a codename.
pub const CODENAME_BYTES_MAX: usize = 256;

/// Bytes of a sealed codename.
pub const SEALED_NAME_BYTES_MAX: usize = CODENAME_BYTES_MAX + 64;

/// Bytes of the tags of a bucket.
pub const BUCKET_TAGGING_BYTES_MAX: usize = 8 * 1024;

/// Milliseconds by which the clocks of nodes may differ: one minute.
pub const CLOCK_SKEW_MS: i64 = 60_000;

/// Milliseconds that a session lives: 12 hours.
pub const SESSION_MS_MAX: i64 = 12 * 3_600_000;

/// Milliseconds that an access key from a session lives: 12 hours.
pub const ACCESS_KEY_MS_MAX: i64 = 12 * 3_600_000;

/// Milliseconds that a key of a service lives: 366 days.
pub const SERVICE_KEY_MS_MAX: i64 = 366 * 86_400_000;

/// Bytes of a change for which others are asked.
pub const ASKED_CHANGE_BYTES_MAX: usize = 768 * 1024;

/// Distinct objects that a limit of reading may allow, when it is one: each is kept.
pub const EGRESS_OBJECTS_MAX: u64 = 1_000_000;

/// Things found in one version that are kept; others are counted.
pub const FOUND_MAX: usize = 16;

/// Known versions of which one version may hold copies, and be told apart.
pub const COPIED_MAX: usize = 64;

/// Codenames that one version may mention, and be told apart.
pub const NAMED_MAX: usize = 64;

/// Hashes of passages without which a text is too short to be recognised.
pub const PRINTS_MIN: usize = 3;

/// Hashes of passages by which one version is recognised: those of about a million letters.
pub const PRINTS_MAX: usize = 65_536;

/// Bytes of the name of a rule.
pub const RULE_NAME_BYTES_MAX: usize = 128;
