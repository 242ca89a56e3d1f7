//! C2SP signed-note: texts that one or more keys have signed, and keys as text.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ML_DSA_44, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_domain::id::hex;
use cordon_keys::Secret;
use sha2::{Digest as _, Sha256};

use crate::limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};

const DASH: &str = "\u{2014} ";

/// Why a note or key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a note.
    #[error("this is no signed note: {0}")]
    Malformed(&'static str),
    /// The text names no key.
    #[error("this is no verifier key: {0}")]
    Key(&'static str),
    /// No signature of a known key.
    #[error("no signature by `{0}` is on it")]
    Unsigned(String),
    /// A signature that names a known key was not made by it.
    #[error("a signature that names `{0}` was not made by it")]
    Forged(String),
}

/// How a key signs: the byte that enters its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 over the text of the note.
    Ed25519,
    /// Ed25519 over a time and the text: a cosignature.
    CosignatureEd25519,
    /// ML-DSA-44 over a time, the names and the tree: a cosignature.
    CosignatureMlDsa44,
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureEd25519 => 0x04,
            Self::CosignatureMlDsa44 => 0x06,
        }
    }

    const fn public_key_bytes(self) -> usize {
        match self {
            Self::Ed25519 | Self::CosignatureEd25519 => 32,
            Self::CosignatureMlDsa44 => 1312,
        }
    }
}

/// The name of a key: not empty, without spaces and `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
        if text.is_empty() || text.len() > 255 || text.contains(bad) {
            return Err(NoteError::Key("a name has 1 to 255 bytes, none of them a space or `+`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key with its name, as a vkey writes it: `name+id+base64(algorithm || key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// The name.
    pub name: KeyName,
    /// How it signs.
    pub algorithm: Algorithm,
    public_key: Vec<u8>,
    id: [u8; 4],
}

impl Verifier {
    /// Takes a public key.
    ///
    /// # Errors
    ///
    /// [`NoteError::Key`] when its length is not that of the algorithm.
    pub fn new(name: KeyName, algorithm: Algorithm, public_key: &[u8]) -> Result<Self, NoteError> {
        if public_key.len() != algorithm.public_key_bytes() {
            return Err(NoteError::Key("the key has not the length of its algorithm"));
        }
        let id = key_id(&name, algorithm, public_key);
        Ok(Self { name, algorithm, public_key: public_key.to_vec(), id })
    }

    /// Returns the raw public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let parsed = match self.algorithm {
            Algorithm::Ed25519 | Algorithm::CosignatureEd25519 => ParsedPublicKey::new(&ED25519, &self.public_key),
            Algorithm::CosignatureMlDsa44 => ParsedPublicKey::new(&ML_DSA_44, &self.public_key),
        };
        parsed.is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }

    pub(crate) fn is_named_by(&self, line: &SignatureLine) -> bool {
        line.name == self.name.0 && line.id == self.id
    }

    /// Returns the one signature line that names this key.
    ///
    /// # Errors
    ///
    /// [`NoteError::Unsigned`] when there is none.
    pub(crate) fn signature<'a>(&self, note: &'a Note) -> Result<&'a [u8], NoteError> {
        let line = note.signatures.iter().find(|line| self.is_named_by(line));
        line.map(|line| line.signature.as_slice()).ok_or_else(|| NoteError::Unsigned(self.name.0.clone()))
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(&self.id),
            STANDARD.encode([&[self.algorithm.byte()], self.public_key.as_slice()].concat())
        )
    }
}

impl FromStr for Verifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it is not three parts joined by `+`"));
        };
        let bytes = decode_base64(key).ok_or(NoteError::Key("its third part is not base64"))?;
        let (&byte, public_key) = bytes.split_first().ok_or(NoteError::Key("its third part is empty"))?;
        let algorithm = [Algorithm::Ed25519, Algorithm::CosignatureEd25519, Algorithm::CosignatureMlDsa44]
            .into_iter()
            .find(|algorithm| algorithm.byte() == byte)
            .ok_or(NoteError::Key("its algorithm is not known"))?;
        let verifier = Self::new(name.parse()?, algorithm, public_key)?;
        if hex(&verifier.id) == id { Ok(verifier) } else { Err(NoteError::Key("its second part does not fit the key")) }
    }
}

/// Signs notes with Ed25519.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// Makes the key pair of a seed (RFC 8032).
    ///
    /// # Errors
    ///
    /// [`NoteError::Key`] for an algorithm that is verified and not issued (ML-DSA-44).
    pub fn new(name: KeyName, algorithm: Algorithm, seed: &Secret) -> Result<Self, NoteError> {
        if algorithm == Algorithm::CosignatureMlDsa44 {
            return Err(NoteError::Key("ML-DSA-44 is verified here, and not issued"));
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| NoteError::Key("no key pair"))?;
        let verifier = Verifier::new(name, algorithm, pair.public_key().as_ref())?;
        Ok(Self { pair, verifier })
    }

    /// Returns the public half.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs a text as a note of its own.
    #[must_use]
    pub fn sign_line(&self, text: &str) -> SignatureLine {
        self.line(self.pair.sign(text.as_bytes()).as_ref().to_vec())
    }

    pub(crate) fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine { name: self.verifier.name.0.clone(), id: self.verifier.id, signature }
    }
}

/// One signature of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// The key's name.
    pub name: String,
    /// The key's identifier.
    pub id: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id, self.signature.as_slice()].concat();
        writeln!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for SignatureLine {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed("a signature line is not a dash, a name and base64");
        let rest = line.strip_prefix(DASH).ok_or(bad.clone())?;
        let (name, encoded) = rest.split_once(' ').ok_or(bad.clone())?;
        name.parse::<KeyName>().map_err(|_| NoteError::Malformed("the name of a key has a space or `+`"))?;
        let bytes = decode_base64(encoded).ok_or(bad.clone())?;
        let (id, signature) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()).ok_or(bad)?;
        Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

/// A text and its signatures. The text means nothing before a signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, line end included.
    pub text: String,
    /// The signatures.
    pub signatures: Vec<SignatureLine>,
}

impl Note {
    /// Signs `text`, which ends in a line end.
    #[must_use]
    pub fn sign(text: String, signer: &Signer) -> Self {
        let line = signer.sign_line(&text);
        Self { text, signatures: vec![line] }
    }

    /// Verifies the signature of a key that signs the text itself.
    ///
    /// # Errors
    ///
    /// [`NoteError::Unsigned`] or [`NoteError::Forged`].
    pub fn verify(&self, verifier: &Verifier) -> Result<(), NoteError> {
        if verifier.algorithm != Algorithm::Ed25519 {
            return Err(NoteError::Key("this key signs checkpoints, not texts"));
        }
        let signature = verifier.signature(self)?;
        let holds = verifier.verifies(self.text.as_bytes(), signature);
        if holds { Ok(()) } else { Err(NoteError::Forged(verifier.name.0.clone())) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is larger than 512 KiB"));
        }
        if note.chars().any(|letter| letter < ' ' && letter != '\n') {
            return Err(NoteError::Malformed("it has a control character"));
        }
        let place = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line stands before the signatures"))?;
        let (text, signatures) = note.split_at(place + 1);
        let lines = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed("it does not end with a signature line"))?;
        if lines.split('\n').count() > NOTE_SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has more than 64 signatures"));
        }
        let signatures = lines.split('\n').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }
}

/// Reads standard base64 with padding, as C2SP writes hashes and signatures.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Writes standard base64 with padding.
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn key_id(name: &KeyName, algorithm: Algorithm, public_key: &[u8]) -> [u8; 4] {
    let digest = Sha256::new_with_prefix(name.0.as_bytes())
        .chain_update([b'\n', algorithm.byte()])
        .chain_update(public_key)
        .finalize();
    std::array::from_fn(|index| digest.get(index).copied().unwrap_or(0))
}
