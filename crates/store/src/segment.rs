//! The search index of events: sorted runs, each over a fixed number of events, written once and never changed.
//!
//! An ordinary index over random tokens would touch a page of its own for every event. Here the writer appends events,
//! keeps the tokens of the last few in memory, and every [`SEGMENT_EVENTS`] events writes them sorted, in chunks, in the
//! transaction that fills the segment. Events behind the last full segment are found by their columns.

use cordon_ledger::index::{Token, Tokens};

use crate::error::StoreError;
use crate::events::tokens;
use crate::sql::{Cell, Row, Session, values};

/// Events of a segment.
pub(crate) const SEGMENT_EVENTS: u64 = 4096;
/// Tokens of a chunk.
const CHUNK_TOKENS: usize = 256;
const ROW_BYTES: usize = 10;

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Actor,
    Object,
    Action,
}

impl Field {
    const ALL: [Self; 3] = [Self::Actor, Self::Object, Self::Action];

    const fn number(self) -> u8 {
        match self {
            Self::Actor => 0,
            Self::Object => 1,
            Self::Action => 2,
        }
    }
}

/// The tokens of the events since the last full segment.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    tokens: Vec<Tokens>,
    at: Option<(i64, i64)>,
}

impl Filling {
    /// Reads the tokens of the events since the last full segment.
    pub(crate) async fn read(session: &mut Session, size: u64) -> Result<Self, StoreError> {
        let start = size - size % SEGMENT_EVENTS;
        let select = "SELECT actor, object, action, at FROM events WHERE position >= ?1 ORDER BY position";
        let mut filling = Self::default();
        for row in session.query(select, values![start]).await? {
            filling.note(tokens(&row, 0)?, row.int(3)?);
        }
        Ok(filling)
    }

    /// Adds an event; writes the segment when it is full.
    pub(crate) async fn push(
        &mut self,
        session: &mut Session,
        position: u64,
        tokens: Tokens,
        at: i64,
    ) -> Result<(), StoreError> {
        self.note(tokens, at);
        if (position + 1).is_multiple_of(SEGMENT_EVENTS) {
            self.write(session, position / SEGMENT_EVENTS).await?;
            *self = Self::default();
        }
        Ok(())
    }

    fn note(&mut self, tokens: Tokens, at: i64) {
        self.tokens.push(tokens);
        let (first, last) = self.at.unwrap_or((at, at));
        self.at = Some((first.min(at), last.max(at)));
    }

    async fn write(&self, session: &mut Session, segment: u64) -> Result<(), StoreError> {
        let (first, last) = self.at.unwrap_or_default();
        session.execute("INSERT INTO segments VALUES (?1, ?2, ?3)", values![segment, first, last]).await?;
        let mut chunks = Vec::new();
        for field in Field::ALL {
            for chunk in self.sorted(field).chunks(CHUNK_TOKENS) {
                let Some(&(first, offset)) = chunk.first() else { continue };
                let rows: Vec<u8> = chunk.iter().flat_map(|&(token, offset)| packed(token, offset)).collect();
                let (field, first) = (Cell::Int(field.number().into()), Cell::Bytes(packed(first, offset).to_vec()));
                chunks.push(Row(vec![field, Cell::Int(segment as i64), first, Cell::Bytes(rows)]));
            }
        }
        session.execute_each("INSERT INTO event_index VALUES (?1, ?2, ?3, ?4)", &chunks).await
    }

    fn sorted(&self, field: Field) -> Vec<(Token, u16)> {
        let token = |tokens: &Tokens| match field {
            Field::Actor => Some(tokens.actor),
            Field::Object => tokens.object,
            Field::Action => Some(tokens.action),
        };
        let mut sorted: Vec<(Token, u16)> = self
            .tokens
            .iter()
            .enumerate()
            .filter_map(|(offset, tokens)| Some((token(tokens)?, offset as u16)))
            .collect();
        sorted.sort_unstable();
        sorted
    }
}

/// Bytes that sort as the tokens do.
fn packed(Token(token): Token, offset: u16) -> [u8; ROW_BYTES] {
    let mut bytes = [0; ROW_BYTES];
    let (head, tail) = bytes.split_at_mut(8);
    head.copy_from_slice(&((token as u64) ^ (1 << 63)).to_be_bytes());
    tail.copy_from_slice(&offset.to_be_bytes());
    bytes
}

fn offset_of(row: &[u8; ROW_BYTES]) -> u64 {
    row.last_chunk::<2>().map_or(0, |offset| u64::from(u16::from_be_bytes(*offset)))
}

/// Returns the positions in a full segment whose event has `token`, in order.
pub(crate) async fn positions(
    session: &mut Session,
    segment: u64,
    field: Field,
    token: Token,
) -> Result<Vec<u64>, StoreError> {
    let (low, high) = (packed(token, 0), packed(token, u16::MAX));
    let before = "SELECT first FROM event_index WHERE field = ?1 AND segment = ?2 AND first <= ?3
                  ORDER BY first DESC LIMIT 1";
    let start = session.first(before, values![field.number(), segment, &low]).await?;
    let start = start.map_or_else(|| Ok(low.to_vec()), |mut row| row.take_bytes(0))?;
    let select =
        "SELECT rows FROM event_index WHERE field = ?1 AND segment = ?2 AND first BETWEEN ?3 AND ?4 ORDER BY first";
    let mut found = Vec::new();
    for chunk in session.query(select, values![field.number(), segment, &start, &high]).await? {
        let rows = chunk.bytes(0)?.as_chunks::<ROW_BYTES>().0.iter().filter(|row| (low..=high).contains(*row));
        found.extend(rows.map(|row| segment * SEGMENT_EVENTS + offset_of(row)));
    }
    Ok(found)
}
