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
