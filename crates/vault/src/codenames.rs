//! Names of what is not announced: what mentions one gets its label.

use cordon_domain::limits::CODENAME_BYTES_MAX;
use cordon_domain::{Action, CodenameId, KnownName, Label, Record, RecordKey, Step, Steps, Target};
use cordon_gate::act::{EndCodename, ListCodenames, MakeCodename};
use cordon_gate::{Facts, Request};
use cordon_store::edge::SystemEntropy;

use crate::asking::Asking;
use crate::error::VaultError;
use crate::vault::Vault;

/// The fewest letters of a codename.
const CHARS_MIN: usize = 3;

impl Vault {
    /// Makes a codename known: what is written from then on and mentions it gets its label.
    ///
    /// # Errors
    ///
    /// [`VaultError::Conflict`] when the name is too short or too long, is known, or its label is public;
    /// [`VaultError::Refused`] with what is missing.
    pub async fn make_codename(&self, asks: &Facts, name: &str, label: Label) -> Result<CodenameId, VaultError> {
        let name = name.trim();
        // What is mostly digits is found with little confidence, which raises nothing.
        let letters = name.chars().filter(|sign| sign.is_alphabetic()).count();
        let digits = name.chars().filter(|sign| sign.is_numeric()).count();
        let fits = letters >= CHARS_MIN && letters > digits;
        if !fits || name.len() > CODENAME_BYTES_MAX || name.chars().any(char::is_control) {
            let wrong =
                format!("a codename has at least {CHARS_MIN} letters or digits, and {CODENAME_BYTES_MAX} bytes");
            return Err(VaultError::Conflict(wrong));
        }
        let id = CodenameId::draw(&mut SystemEntropy);
        let sealed = self.keys.seal_codename(id, name)?;
        let known = KnownName { id, sealed, label, by: asks.actor.principal, at: asks.at };
        let step = Step::Put(Record::Codename(Box::new(known)));
        let asking = Asking::<MakeCodename>::new(asks, Target::default(), Steps(vec![step]));
        // Whoever may not make one does not learn which there are.
        self.gate.admit(&Request::<MakeCodename>::new(asking.facts.clone())).await?;
        let all = self.known_names()?;
        if let Some((other, _)) = all.iter().find(|(_, own)| own.to_lowercase() == name.to_lowercase()) {
            return Err(VaultError::Conflict(format!("it is known already: {}", other.id)));
        }
        self.complete(asking).await?;
        self.is_registered(true);
        Ok(id)
    }

    /// Forgets a codename. What got its label because of it keeps that.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none; [`VaultError::Refused`] with what is missing.
    pub async fn end_codename(&self, asks: &Facts, id: CodenameId) -> Result<(), VaultError> {
        let steps = Steps(vec![Step::End(RecordKey::Codename(id))]);
        let asking = Asking::<EndCodename>::new(asks, Target::default(), steps);
        self.gate.admit(&Request::<EndCodename>::new(asking.facts.clone())).await?;
        self.snapshot()?.roster().codenames.get(&id).ok_or(VaultError::NoObject)?;
        self.complete(asking).await?;
        self.is_registered(true);
        Ok(())
    }

    /// Returns all codenames with their names. That whoever asks learns them is recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing.
    pub async fn codenames(&self, asks: &Facts) -> Result<Vec<(KnownName, String)>, VaultError> {
        let facts = Facts { target: Target::default(), action: Action::CodenameList, ..asks.clone() };
        drop(self.gate.read(Request::<ListCodenames>::new(facts)).await?.spend());
        self.known_names()
    }

    /// All that can be opened: one that cannot hides no other, and is told to whoever watches the node.
    pub(crate) fn known_names(&self) -> Result<Vec<(KnownName, String)>, VaultError> {
        let snapshot = self.snapshot()?;
        let opened = |known: &KnownName| match self.keys.open_codename(known.id, &known.sealed) {
            Ok(name) => Some((known.clone(), name)),
            Err(error) => {
                eprintln!("warning: a codename is not looked for: {error}");
                None
            }
        };
        Ok(snapshot.roster().codenames.values().filter_map(opened).collect())
    }
}
