//! Every bound of this crate.

/// Characters of a session, an access key's session token, an invitation.
pub const TOKEN_CHARS_MAX: usize = 1024;

/// Milliseconds that a ceremony (a challenge that was sent) waits for its answer: five minutes.
pub const CEREMONY_MS: i64 = 300_000;

/// Ceremonies that wait at once; when there are more, the oldest is forgotten.
pub const CEREMONIES_MAX: usize = 16_384;

/// Ceremonies of one address that wait at once; when there are more, its own oldest is forgotten.
pub const CEREMONIES_BY_ADDRESS_MAX: usize = 64;

/// Characters of what a browser shows that signed in before.
pub const BROWSER_CHARS_MAX: usize = 128;

/// Characters of a device's proof.
pub const PROOF_CHARS_MAX: usize = 200;

/// Characters of what somebody calls their passkey.
pub const PASSKEY_NAME_CHARS_MAX: usize = 64;

/// Bytes of an answer to a challenge, as JSON.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Characters of a password: at least.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Bytes of a password: at most.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// Passwords that are hashed at once: each takes 46 MiB and one core.
pub const HASHES_AT_ONCE: usize = 2;

/// Passwords that wait to be hashed; who comes later is told to come again.
pub const HASHES_WAITING_MAX: usize = 64;

/// Wrong passwords from one address within the window.
pub const WRONG_BY_ADDRESS: u32 = 30;

/// Wrong passwords of one account from devices that are not known to it, within the window.
pub const WRONG_BY_ACCOUNT: u32 = 10;

/// Wrong passwords on a device that is known to the account, within the window.
pub const WRONG_BY_DEVICE: u32 = 10;

/// Milliseconds of the window: fifteen minutes.
pub const WRONG_WINDOW_MS: i64 = 900_000;

/// Addresses, accounts and devices that are told apart within the window; those beyond share one count.
pub const WRONG_KEPT_MAX: usize = 65_536;

/// Recovery codes of one person.
pub const RECOVERY_CODES: usize = 10;

/// Milliseconds that an invitation waits: three days.
pub const INVITATION_MS: i64 = 3 * 86_400_000;

/// Milliseconds by which the clock of whoever signs a request may differ: fifteen minutes, as in AWS.
pub const SKEW_MS: i64 = 900_000;

/// Milliseconds by which the clock of a node, or of a device, may differ: one minute.
pub const DEVICE_SKEW_MS: i64 = 60_000;

/// Milliseconds from the request of a login on the command line until it is allowed in the browser: ten minutes.
pub const LOGIN_MS: i64 = 600_000;

/// Headers that a signature may cover.
pub const SIGNED_HEADERS_MAX: usize = 64;

/// Characters of what a device says of itself.
pub const CLAIMED_CHARS_MAX: usize = 128;

/// Questions to the identity provider at once; who comes then is told to come again.
pub const PROVIDER_AT_ONCE: usize = 32;

/// Questions to it at once for one address.
pub const PROVIDER_BY_ADDRESS: usize = 4;

/// Milliseconds for which it is not asked again after it could not be.
pub const PROVIDER_AWAY_MS: i64 = 5_000;

/// Seconds that the identity provider may take for one answer.
pub const PROVIDER_S: u64 = 10;

/// Bytes of one answer of the identity provider.
pub const PROVIDER_ANSWER_BYTES_MAX: u64 = 512 * 1024;

/// Milliseconds for which what the identity provider says of itself, and its keys, are kept.
pub const PROVIDER_KNOWN_MS: i64 = 600_000;

/// Milliseconds after which its keys are asked for again when it signs with another.
pub const PROVIDER_KEYS_MS_MIN: i64 = 10_000;

/// Seconds that a sign-in at the identity provider may be old: it is told so, and one that is older is refused.
pub const PROVIDER_AGE_S: u64 = 3_600;

/// Characters of names in the settings of an identity provider.
pub const PROVIDER_TEXT_CHARS_MAX: usize = 256;

/// Certificates of authorities of an organisation's own.
pub const PROVIDER_AUTHORITIES_MAX: usize = 64;

/// Roles that all groups have together.
pub const GROUPS_KNOWN_MAX: usize = 256;

/// Groups of one person that an ID token may name.
pub const GROUPS_TOLD_MAX: usize = 2_000;

/// Methods that an ID token may name.
pub const METHODS_TOLD_MAX: usize = 64;

/// Characters of the identity provider's name for somebody, as its standard bounds it.
pub const SUBJECT_CHARS_MAX: usize = 255;

/// Milliseconds that an ID token may be old when it comes.
pub const ID_TOKEN_MS_MAX: i64 = 600_000;

/// Seconds that an address lives that was signed beforehand: a week, as S3 has it. What its level allows is less.
pub const PRESIGNED_S_MAX: u32 = 604_800;

/// Bytes of the line with which a chunk of a body begins.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// Bytes of a chunk with a signature: all of it is kept in memory until that is compared.
pub const SIGNED_CHUNK_BYTES_MAX: u64 = 4 << 20;
