//! What the vault knows and scans elsewhere are to recognise, as it is handed out: signed with the key of the log, for one who may know of it, until
//! an end.

use cordon_domain::id::hex;
use cordon_domain::{Knowledge, Moment, PrincipalId};
use cordon_ledger::Note;
use cordon_ledger::note::Verifier;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::limits::{HANDED_BYTES_MAX, HANDED_S};

/// What a note of this kind is called.
pub const KIND: &str = "knowledge";

/// A signed note, and what it is of.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Handed {
    #[n(0)]
    note: String,
    #[cbor(n(1), with = "minicbor::bytes")]
    body: Vec<u8>,
}

/// Why something that was handed out is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandedError {
    /// It is nothing of the kind, or not what was signed.
    #[error("it is not what the vault handed out")]
    Other,
    /// It was handed out to last until this moment.
    #[error("it lasted until {0}")]
    Ended(Moment),
}

/// The lines of a note: when it was made, until when it lasts, for whom, and what of.
fn text(body: &[u8], whose: PrincipalId, made: Moment) -> String {
    let (made, until) = (made.unix_s(), made.unix_s().saturating_add(HANDED_S));
    format!("made {made}\nexpires {until}\nfor {whose}\nsha256 {}\n", hex(&Sha256::digest(body)))
}

impl Handed {
    /// Hands something out. `sign` signs a text as a note of [`KIND`].
    ///
    /// # Errors
    ///
    /// What `sign` says.
    pub fn out<E>(
        knowledge: &Knowledge,
        (whose, made): (PrincipalId, Moment),
        sign: impl FnOnce(&str) -> Result<Note, E>,
    ) -> Result<Vec<u8>, E> {
        // Writing to memory does not fail.
        let body = minicbor::to_vec(knowledge).unwrap_or_default();
        let note = sign(&text(&body, whose, made))?.to_string();
        Ok(minicbor::to_vec(Self { note, body }).unwrap_or_default())
    }

    /// Reads what was handed out, if it is what was signed, and lasts. Returns until when, too.
    ///
    /// # Errors
    ///
    /// [`HandedError`].
    pub fn read(bytes: &[u8], key: &Verifier, now: Moment) -> Result<(Knowledge, Moment), HandedError> {
        let other = || HandedError::Other;
        if bytes.len() > HANDED_BYTES_MAX {
            return Err(other());
        }
        let Self { note, body } = minicbor::decode(bytes).map_err(|_| other())?;
        let note: Note = note.parse().map_err(|_| other())?;
        note.verify(key).map_err(|_| other())?;
        let mut lines = note.text.lines();
        if !lines.next().is_some_and(|first| first.ends_with(&format!("/{KIND}"))) {
            return Err(other());
        }
        let mut said = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        let _made = said("made").ok_or_else(other)?;
        let until: i64 = said("expires").and_then(|text| text.parse().ok()).ok_or_else(other)?;
        let _whose = said("for").ok_or_else(other)?;
        let sum = said("sha256").ok_or_else(other)?;
        if sum != hex(&Sha256::digest(&body)) {
            return Err(other());
        }
        let until = Moment(until.saturating_mul(1_000));
        match now < until {
            true => Ok((minicbor::decode(&body).map_err(|_| other())?, until)),
            false => Err(HandedError::Ended(until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use cordon_domain::{CodenameId, Codeword, Known, Label, Level, Prints, VersionId};
    use cordon_keys::Secret;
    use cordon_ledger::note::{Algorithm, Signer};
    use cordon_testkit::Chance;

    use super::*;

    const MADE: Moment = Moment(1_795_608_000_000);

    fn knowledge() -> Knowledge {
        let mut prints = Prints::default();
        (0..9u32).for_each(|number| prints.push(u64::from(number) << 33, number));
        let known = Known { version: VersionId([3; 16]), level: Level::Restricted, prints };
        let label = Label::of(Level::Confidential);
        let name = Codeword { id: CodenameId([1; 16]), name: "Glass Heron".to_owned(), label };
        Knowledge { key: [7; 16], documents: vec![known], names: vec![name] }
    }

    fn handed(kind: &str) -> (Vec<u8>, Verifier) {
        let secret = Secret::draw(&mut Chance::new(1));
        let signer = Signer::new("log.example".parse().expect("a name"), Algorithm::Ed25519, &secret).expect("a key");
        let key = signer.verifier().to_string().parse().expect("a key");
        let sign = |text: &str| Ok::<_, ()>(Note::sign(format!("log.example/{kind}\n{text}"), &signer));
        (Handed::out(&knowledge(), (PrincipalId([5; 16]), MADE), sign).expect("signed"), key)
    }

    #[test]
    fn what_was_handed_out_is_read_while_it_lasts() {
        let (bytes, key) = handed(KIND);
        let until = MADE.plus_ms(HANDED_S * 1_000);
        assert_eq!(Handed::read(&bytes, &key, MADE), Ok((knowledge(), until)));
        assert_eq!(Handed::read(&bytes, &key, until.plus_ms(-1)), Ok((knowledge(), until)));
        assert_eq!(Handed::read(&bytes, &key, until), Err(HandedError::Ended(until)));
        let (other, _) = handed("publications");
        assert_eq!(Handed::read(&other, &key, MADE), Err(HandedError::Other), "a note of another kind");
        let secret = Secret::draw(&mut Chance::new(2));
        let signer = Signer::new("log.example".parse().expect("a name"), Algorithm::Ed25519, &secret).expect("a key");
        assert_eq!(Handed::read(&bytes, signer.verifier(), MADE), Err(HandedError::Other), "signed by another");
    }

    /// Whatever is changed of it, it is nothing, and never a panic.
    #[test]
    fn what_was_changed_is_not_read() {
        let (bytes, key) = handed(KIND);
        let mut chance = Chance::new(4);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 + chance.below(255) as u8;
            assert!(Handed::read(&changed, &key, MADE).is_err(), "at {at}");
            assert!(Handed::read(&bytes[..at], &key, MADE).is_err(), "cut at {at}");
        }
        assert_eq!(Handed::read(&vec![0; HANDED_BYTES_MAX + 1], &key, MADE), Err(HandedError::Other));
    }
}
