//! Every bound of this crate.

/// Connections at once; who comes later waits.
pub const CONNECTIONS_MAX: usize = 1_024;

/// Bytes of a body.
pub const BODY_BYTES_MAX: usize = 128 * 1024;

/// Bytes of the head of a request.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a file of certificates, or of a key.
pub const CERTIFICATE_BYTES_MAX: usize = 256 * 1024;

/// Certificates that lead to an authority.
pub const CERTIFICATES_MAX: usize = 16;

/// Days before its end at which a certificate that was not renewed is told of.
pub const CERTIFICATE_DAYS_LEFT: i64 = 21;

/// Headers of a request.
pub const HEADERS_MAX: usize = 100;

/// Seconds that a handshake may take, the head of a request, and the next one on a connection.
pub const HEAD_S: u64 = 15;

/// Seconds that whoever reads an answer may take nothing of it.
pub const WRITE_STALL_S: u64 = 60;

/// Seconds that a request may take until its answer begins.
pub const ANSWER_S: u64 = 30;

/// Milliseconds between two looks at the revocation epoch.
pub const FOLLOW_MS: u64 = 200;

/// Milliseconds between two checkpoints of the log, while there are events.
pub const PUBLISH_MS: u64 = 250;

/// Seconds between two heartbeats in the log.
pub const HEARTBEAT_S: u64 = 300;

/// Seconds between two times that a node says that it answers.
pub const PRESENT_S: u64 = 5;

/// Milliseconds after which a node that said nothing is not asked: three times that, and more.
pub const PRESENT_MS: i64 = 20_000;

/// Milliseconds by which the clocks of two nodes may differ when one asks the other.
pub const NODE_SKEW_MS: u64 = 60_000;

/// Seconds that a browser is known to an account: 400 days, the most that browsers keep.
pub const BROWSER_S: i64 = 400 * 86_400;

/// Milliseconds after which a node that could not look at the revocation epoch answers nobody.
pub const CONFIRMED_MS: u64 = 1_000;

/// Connections of one address at once.
pub const CONNECTIONS_BY_ADDRESS_MAX: usize = 128;

/// Seconds that a browser keeps what proves that it left for the identity provider: ten minutes.
pub const LEAVING_S: i64 = 600;

/// Characters of an error that the identity provider names.
pub const PROVIDER_ERROR_CHARS_MAX: usize = 64;

/// Asks that the page of approvals shows.
pub const ASKS_SHOWN_MAX: usize = 200;

/// Requests of S3 in flight at once; who comes later is asked to come again.
pub const S3_IN_FLIGHT_MAX: usize = 512;

/// Seconds that a piece of a body may take.
pub const S3_STALL_S: u64 = 30;

/// Bytes of a body that is XML: a thousand names.
pub const S3_XML_BYTES_MAX: usize = 2 << 20;

/// Objects that are deleted at once.
pub const S3_DELETE_MAX: usize = 1000;

/// Tags of one object.
pub const S3_TAGS_MAX: usize = 10;

/// Tags of a bucket.
pub const S3_BUCKET_TAGS_MAX: usize = 50;

/// Characters of the name of a tag.
pub const S3_TAG_NAME_CHARS_MAX: usize = 128;

/// Characters of the value of a tag.
pub const S3_TAG_VALUE_CHARS_MAX: usize = 256;

/// Bytes of what says where a list goes on.
pub const S3_TOKEN_CHARS_MAX: usize = 4096;

/// Bytes that are read at once from a client of S3, and bytes of the head of its request.
pub const S3_BUFFER_BYTES: usize = 256 * 1024;

/// Seconds between two looks for what uploads left that broke off: a day.
pub const SWEEP_S: u64 = 86_400;

/// Worker processes that look into short versions while their writers wait.
pub const SHORT_LOOKERS: usize = 2;

/// Worker processes that look into longer versions while those are written.
pub const BESIDE_LOOKERS: usize = 2;

/// Bytes from which on a version is large: what is not has a worker of its own, and does not wait behind it.
pub const LARGE_LOOK_BYTES_MIN: u64 = 64 << 20;

/// Seconds that whoever removes copies may take to answer.
pub const PURGE_S: u64 = 10;

/// Seconds after which the signed list of what is public is to be fetched anew.
pub const MANIFEST_S: i64 = 3_600;

/// Strangers who are answered at once; the other connections are left for whoever signs in.
pub const STRANGERS_AT_ONCE_MAX: usize = 64;

/// Of those, from one address.
pub const STRANGERS_BY_ADDRESS_AT_ONCE_MAX: usize = 16;

/// Answers to strangers in a minute: each is on record. Put what keeps copies before a node to give more.
pub const STRANGERS_MINUTE_MAX: usize = 6_000;

/// Of those, to one address.
pub const STRANGERS_BY_ADDRESS_MINUTE_MAX: usize = 300;

/// Seconds for which the signed list of what is public is given as it was made.
pub const MANIFEST_KEPT_S: u64 = 5;

/// Times that whoever removes copies is told, until they say that it is done.
pub const PURGE_TRIES: u32 = 4;

/// Seconds until they are told again, the first time; then twice as many each time.
pub const PURGE_AGAIN_S: u64 = 2;

/// Seconds that requests under way have to end once a node takes no more.
pub const DRAIN_S: u64 = 20;
