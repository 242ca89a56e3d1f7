//! The recovery kit: a key cut into n shares, of which k give it back and k - 1 tell nothing (Shamir, GF(2^8)).
//!
//! A written share is `cordon-share-1`, the kit's name, k, n, the share in groups of five letters (RFC 4648 base32,
//! lower case) and four letters that catch mistakes of writing. Shares are printed, kept apart, and typed in when the
//! root's everyday provider is lost.

use std::convert::Infallible;
use std::fmt::Write as _;

use cordon_domain::Entropy;
use cordon_domain::id::hex;
use data_encoding::BASE32_NOPAD;
use rand_core::{TryCryptoRng, TryRng};
use vsss_rs::Gf256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::limits::{SHARE_TEXT_BYTES_MAX, SHARES_MAX};
use crate::secret::{KEY_BYTES, Secret};

const HEAD: &str = "cordon-share-1";
const CHECK_LETTERS: usize = 4;

/// Why shares give no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not 2 <= k <= n <= 64.
    #[error("a kit has 2 to {SHARES_MAX} shares, and needs at least 2 and at most all of them")]
    Shape,
    /// The text is no share.
    #[error("this is no share of a recovery kit: {0}")]
    NotAShare(&'static str),
    /// Shares of different kits.
    #[error("the shares belong to different kits: `{0}` and `{1}`")]
    Mixed(String, String),
    /// Fewer than needed.
    #[error("{have} different shares are given, {need} are needed")]
    TooFew {
        /// Given, without repetitions.
        have: usize,
        /// Needed.
        need: usize,
    },
    /// The shares do not fit each other.
    #[error("the shares do not fit each other")]
    DoNotFit,
}

/// One share of a kit. It has no `Debug`: fewer than k tell nothing, but k tell all.
pub struct Share {
    /// Names the kit: eight hexadecimal digits of what commits to its key.
    pub kit: String,
    /// Shares that are needed.
    pub need: u8,
    /// Shares that exist.
    pub of: u8,
    bytes: Zeroizing<Vec<u8>>,
}

struct Source<'a>(&'a mut dyn Entropy);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

/// Cuts `key` into `of` shares, `need` of which give it back.
///
/// # Errors
///
/// [`ShareError::Shape`] unless 2 <= need <= of <= 64.
pub fn cut(key: &Secret, need: u8, of: u8, entropy: &mut dyn Entropy) -> Result<Vec<Share>, ShareError> {
    if need < 2 || need > of || usize::from(of) > SHARES_MAX {
        return Err(ShareError::Shape);
    }
    let cut = Gf256::split_array(need.into(), of.into(), key.expose(), Source(entropy));
    let kit = kit_name(key);
    let shares = cut.map_err(|_| ShareError::Shape)?.into_iter();
    Ok(shares.map(|bytes| Share { kit: kit.clone(), need, of, bytes: Zeroizing::new(bytes) }).collect())
}

/// Joins shares to the key.
///
/// # Errors
///
/// [`ShareError`] saying what is missing or does not fit.
pub fn join(shares: &[Share]) -> Result<Secret, ShareError> {
    let first = shares.first().ok_or(ShareError::TooFew { have: 0, need: 2 })?;
    if let Some(other) = shares.iter().find(|share| share.kit != first.kit) {
        return Err(ShareError::Mixed(first.kit.clone(), other.kit.clone()));
    }
    let mut different: Vec<&Share> = shares.iter().collect();
    different.sort_by_key(|share| share.bytes.first().copied());
    different.dedup_by_key(|share| share.bytes.first().copied());
    let need = usize::from(first.need);
    if different.len() < need {
        return Err(ShareError::TooFew { have: different.len(), need });
    }
    let parts: Vec<Vec<u8>> = different.iter().take(need).map(|share| share.bytes.to_vec()).collect();
    let mut joined = Gf256::combine_array(&parts).map_err(|_| ShareError::DoNotFit)?;
    parts.into_iter().for_each(|mut part| part.zeroize());
    let key = Secret::from_slice(&joined);
    joined.zeroize();
    key.filter(|key| kit_name(key) == first.kit).ok_or(ShareError::DoNotFit)
}

impl Share {
    /// Writes the share, to be printed and kept. This is the secret itself.
    #[must_use]
    pub fn write(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(encode(&self.bytes));
        let mut text = Zeroizing::new(format!("{HEAD} {} {} {}", self.kit, self.need, self.of));
        for group in body.as_bytes().chunks(5) {
            text.push(' ');
            text.extend(group.iter().map(|&letter| char::from(letter)));
        }
        let check = check_letters(&text);
        // Writing to a String cannot fail.
        let _ = write!(text, " {check}");
        text
    }

    /// Reads a written share; spaces and line ends between groups do not matter, nor does the case.
    ///
    /// # Errors
    ///
    /// [`ShareError::NotAShare`] saying what is wrong.
    pub fn read(text: &str) -> Result<Self, ShareError> {
        if text.len() > SHARE_TEXT_BYTES_MAX {
            return Err(ShareError::NotAShare("it is too long"));
        }
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let words: Vec<&str> = lower.split_whitespace().collect();
        let [HEAD, kit, need, of, groups @ .., check] = words.as_slice() else {
            return Err(ShareError::NotAShare("it does not begin with cordon-share-1, a kit, and two numbers"));
        };
        let checked = words.get(..words.len().saturating_sub(1)).unwrap_or_default().join(" ");
        if check_letters(&Zeroizing::new(checked)) != *check {
            return Err(ShareError::NotAShare("its last four letters do not fit: a letter was misread"));
        }
        let number = |word: &str| word.parse::<u8>().map_err(|_| ShareError::NotAShare("a number is not one"));
        let bytes = decode(&groups.concat()).filter(|bytes| bytes.len() == KEY_BYTES + 1);
        let bytes = bytes.ok_or(ShareError::NotAShare("it is not 33 bytes long"))?;
        let (need, of) = (number(need)?, number(of)?);
        if need < 2 || need > of {
            return Err(ShareError::Shape);
        }
        Ok(Self { kit: (*kit).to_owned(), need, of, bytes: Zeroizing::new(bytes) })
    }
}

/// Names a kit by its key, without giving it away.
#[must_use]
pub fn kit_name(key: &Secret) -> String {
    key.commitment().first_chunk::<4>().map_or_else(String::new, |head| hex(head))
}

fn check_letters(text: &Zeroizing<String>) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    encode(digest.as_ref()).chars().take(CHECK_LETTERS).collect()
}

fn encode(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn decode(letters: &str) -> Option<Vec<u8>> {
    let upper = Zeroizing::new(letters.to_ascii_uppercase());
    BASE32_NOPAD.decode(upper.as_bytes()).ok()
}
