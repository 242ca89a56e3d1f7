//! Who it is: people by passkey or password with codes; services by keys; devices by theirs.
//!
//! Invariants: whoever is let in got there through the gate, in the transaction that made their proof count once; a token
//! is made by a key that serves for nothing else, and counts only while whose it is, and the device it was issued on, do;
//! secrets are compared in constant time and kept hashed or sealed; only passwords are throttled; what a stranger is told
//! does not depend on who exists; what is refused is recorded.
//!
//! Map: [`identity`] (what it all rests on), [`invitation`] and [`entry`] (a first way to sign in, and further ones),
//! [`sign_in`], [`federated`] (by an identity provider, which [`provider`] asks), [`session`] (tokens and access keys, and whether they count), [`login`] (on the command line), [`approval`] and [`emergency`] (what takes several people), [`authenticator`] (ways to sign in as they
//! are kept), `passkey`, [`password`], `code`, [`device`] and [`signature`] (what is shown), `token`, `ceremony` (what
//! waits for its answer), `throttle`.

pub mod approval;
pub mod authenticator;
mod ceremony;
pub mod chunks;
mod code;
pub mod device;
pub mod emergency;
pub mod entry;
pub mod error;
pub mod federated;
pub mod identity;
pub mod invitation;
pub mod limits;
pub mod login;
mod passkey;
pub mod password;
pub mod presigned;
pub mod provider;
pub mod session;
pub mod sign_in;
pub mod signature;
mod throttle;
mod token;

pub use ceremony::CeremonyId;
pub use code::one_time_code;
pub use entry::Welcome;
pub use error::IdentityError;
pub use identity::{Identity, Visit};
pub use passkey::PublicUrl;
pub use password::Password;
pub use provider::{Beside, Provider, ProviderSettings};
pub use session::{AccessKey, Recognised};
pub use sign_in::SignedIn;

/// Hashes a secret of many random bits, for a purpose.
fn secret_hash(purpose: &[u8], secret: &[u8]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(purpose);
    context.update(&[0]);
    context.update(secret);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
