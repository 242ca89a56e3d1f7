//! Names of what is not announced, as the vault knows them.

use minicbor::{Decode, Encode};

use crate::id::{CodenameId, PrincipalId};
use crate::label::Label;
use crate::level::Level;
use crate::limits::SEALED_NAME_BYTES_MAX;
use crate::time::Moment;

/// A name by which what mentions it has at least a label. The name itself is sealed: whoever reads the database, or the log,
/// does not learn it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KnownName {
    /// Identifies it for ever.
    #[n(0)]
    pub id: CodenameId,
    /// The name, sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// The label that what mentions it has at least.
    #[n(2)]
    pub label: Label,
    /// Who made it known.
    #[n(3)]
    pub by: PrincipalId,
    /// When.
    #[n(4)]
    pub at: Moment,
}

impl KnownName {
    /// Tells whether it can be: a mention of what is public says nothing.
    #[must_use]
    pub const fn can_be(&self) -> bool {
        self.sealed.len() <= SEALED_NAME_BYTES_MAX && !matches!(self.label.level, Level::Public)
    }
}

/// A name as whoever inspects is told it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Codeword {
    /// Which.
    #[n(0)]
    pub id: CodenameId,
    /// The name.
    #[n(1)]
    pub name: String,
    /// The label that what mentions it has at least.
    #[n(2)]
    pub label: Label,
}

/// Which it is: what it is called is nobody's business.
impl std::fmt::Debug for Codeword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codeword({}, {})", self.id, self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_says_of_something_that_it_is_not_public() {
        let one = KnownName {
            id: CodenameId([1; 16]),
            sealed: vec![7; SEALED_NAME_BYTES_MAX],
            label: Label::of(Level::Internal),
            by: PrincipalId([2; 16]),
            at: Moment(0),
        };
        assert!(one.can_be());
        assert!(!KnownName { label: Label::of(Level::Public), ..one.clone() }.can_be());
        assert!(!KnownName { sealed: vec![7; SEALED_NAME_BYTES_MAX + 1], ..one }.can_be());
        let word =
            Codeword { id: CodenameId([1; 16]), name: "Glass Heron".to_owned(), label: Label::of(Level::Internal) };
        assert!(!format!("{word:?}").contains("Heron"));
        let bytes = minicbor::to_vec(&word).expect("encodes");
        assert_eq!(minicbor::decode::<Codeword>(&bytes).expect("decodes"), word);
    }
}
