//! Events on their way into the log.
//!
//! In SQLite a writer is alone in its transaction, and gives each event its position as it inserts it. In PostgreSQL several nodes write:
//! events come in without a position, and the one node that holds the sequencer's lock moves them, in the order in which
//! they came, to the end of the log. What was moved twice, because another node did so in between, fails at the position,
//! which is there already.

use cordon_ledger::index::{Token, Tokens};

use crate::error::StoreError;
use crate::limits::{COPY_ROWS, LOCK_S, PUBLISH_ENTRIES_MAX, SEQUENCER_IDLE_S};
use crate::read::size;
use crate::segment::Filling;
use crate::sql::postgres::answered;
use crate::sql::{Row, Session, values};

/// What nodes that commit side by side share, and what a node that must be alone does not.
pub(crate) const COMMIT_LOCK: i64 = i64::from_be_bytes(*b"cordon c");

/// One node moves events at a time.
const SEQUENCER_LOCK: i64 = i64::from_be_bytes(*b"cordon s");

/// A sealed event.
pub(crate) struct Sealed {
    pub(crate) entry: Vec<u8>,
    pub(crate) leaf: [u8; 32],
    pub(crate) at: i64,
    pub(crate) tokens: Tokens,
    /// What stands beside it, sealed.
    pub(crate) payload: Option<Vec<u8>>,
}

/// The end of the log in the database.
pub(crate) struct Positions {
    pub(crate) next: u64,
    filling: Filling,
}

impl Positions {
    pub(crate) async fn read(session: &mut Session) -> Result<Self, StoreError> {
        let next = size(session).await?;
        Ok(Self { next, filling: Filling::read(session, next).await? })
    }

    /// Inserts events at the end.
    pub(crate) async fn put(&mut self, session: &mut Session, events: &[Sealed]) -> Result<(), StoreError> {
        let insert = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for event in events {
            let Tokens { actor, object, action } = event.tokens;
            let values = values![self.next, &event.entry, &event.leaf, event.at, actor.0, object, action.0];
            session.execute(insert, values).await?;
            self.filling.push(session, self.next, event.tokens, event.at).await?;
            self.next += 1;
        }
        Ok(())
    }

    /// Moves events that came in to the end. Returns how many.
    async fn move_in(&mut self, session: &mut Session) -> Result<u64, StoreError> {
        let moved = "WITH moved AS (
                         DELETE FROM incoming
                         WHERE id <= (SELECT max(id) FROM (SELECT id FROM incoming ORDER BY id LIMIT ?2) AS these)
                         RETURNING *
                     )
                     INSERT INTO events
                     SELECT ?1 + row_number() OVER (ORDER BY id) - 1, entry, leaf, at, actor, object, action FROM moved
                     RETURNING position, actor, object, action, at";
        let first = self.next;
        let mut moved = session.query(moved, values![self.next, PUBLISH_ENTRIES_MAX as u64]).await?;
        moved.sort_unstable_by_key(|row| row.int(0).unwrap_or(i64::MAX));
        for row in &moved {
            if row.count(0)? != self.next {
                return Err(StoreError::Integrity(format!("event {} has no position", self.next)));
            }
            self.filling.push(session, self.next, tokens(row, 1)?, row.int(4)?).await?;
            self.next += 1;
        }
        if !moved.is_empty() {
            find_places(session, first).await?;
        }
        Ok(moved.len() as u64)
    }
}

/// Keeps what stands beside events.
pub(crate) async fn put_payloads(session: &mut Session, events: &[Sealed]) -> Result<(), StoreError> {
    for event in events {
        if let Some(payload) = &event.payload {
            session.execute("INSERT INTO payloads VALUES (?1, ?2)", values![&event.leaf, payload]).await?;
        }
    }
    Ok(())
}

/// Puts events that have no position yet at the end of a copy, in the order in which the sequencer will; what stands
/// beside them is there.
pub(crate) async fn move_into_copy(source: &mut Session, copy: &mut Session) -> Result<(), StoreError> {
    let mut positions = Positions::read(copy).await?;
    let first = positions.next;
    let select = "SELECT entry, leaf, at, actor, object, action, id FROM incoming WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut after = i64::MIN;
    loop {
        let mut sealed = Vec::new();
        for mut row in source.query(select, values![after, COPY_ROWS]).await? {
            after = row.int(6)?;
            let (entry, leaf) = (row.take_bytes(0)?, row.array(1)?);
            sealed.push(Sealed { entry, leaf, at: row.int(2)?, tokens: tokens(&row, 3)?, payload: None });
        }
        if sealed.is_empty() {
            return find_places(copy, first).await;
        }
        positions.put(copy, &sealed).await?;
    }
}

/// The rows that live from one event to another, each with which one.
const PLACED: [(&str, &str); 5] = [
    ("records", "began"),
    ("records", "ended"),
    ("objects", "began"),
    ("past_labels", "began"),
    ("past_labels", "ended"),
];

/// Gives rows of entries from `first` on the positions that these have been given.
async fn find_places(session: &mut Session, first: u64) -> Result<(), StoreError> {
    for (table, place) in PLACED {
        let update = format!(
            "UPDATE {table} SET {place}_position = events.position FROM events
             WHERE {table}.{place}_position IS NULL AND {table}.{place}_leaf IS NOT NULL
             AND {table}.{place}_leaf = events.leaf AND events.position >= ?1"
        );
        session.execute(&update, values![first]).await?;
    }
    Ok(())
}

/// Reads three tokens, from `column` on.
pub(crate) fn tokens(row: &Row, column: usize) -> Result<Tokens, StoreError> {
    Ok(Tokens {
        actor: Token(row.int(column)?),
        object: row.maybe_int(column + 1)?.map(Token),
        action: Token(row.int(column + 2)?),
    })
}

/// Inserts events that get their positions later, in their order.
pub(crate) async fn put_incoming(session: &mut Session, events: &[Sealed]) -> Result<(), StoreError> {
    let Session::Postgres(db) = session else { return Err(StoreError::Stopped) };
    let put = "INSERT INTO incoming (entry, leaf, at, actor, object, action)
               SELECT entry, leaf, at, actor, object, action
               FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                    WITH ORDINALITY AS given (entry, leaf, at, actor, object, action, place)
               ORDER BY place";
    let put = answered(db.prepare_cached(put)).await?;
    let entries: Vec<&[u8]> = events.iter().map(|event| event.entry.as_slice()).collect();
    let leaves: Vec<&[u8]> = events.iter().map(|event| event.leaf.as_slice()).collect();
    let at: Vec<i64> = events.iter().map(|event| event.at).collect();
    let actors: Vec<i64> = events.iter().map(|event| event.tokens.actor.0).collect();
    let objects: Vec<Option<i64>> = events.iter().map(|event| event.tokens.object.map(|token| token.0)).collect();
    let actions: Vec<i64> = events.iter().map(|event| event.tokens.action.0).collect();
    answered(db.execute(&put, &[&entries, &leaves, &at, &actors, &objects, &actions])).await.map(drop)
}

fn locked(error: StoreError) -> StoreError {
    match error {
        StoreError::Server(error) if error.is_lock() => StoreError::Locked("the log".to_owned()),
        error => error,
    }
}

/// Gives events of several nodes their positions.
pub(crate) struct Assigner {
    session: Session,
    positions: Positions,
    /// The last step ended well: what is in memory is what is durable.
    whole: bool,
}

impl Assigner {
    /// Takes the sequencer's lock, which is held until this is dropped or the server loses sight of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another node holds it.
    pub(crate) async fn take(mut session: Session) -> Result<Self, StoreError> {
        session.run(&format!("SET idle_session_timeout = '{}s'", SEQUENCER_IDLE_S)).await?;
        // Whoever held it may just be leaving.
        session.run("SET lock_timeout = '500ms'").await?;
        session.query("SELECT pg_advisory_lock(?1)::text", values![SEQUENCER_LOCK]).await.map_err(locked)?;
        session.run(&format!("SET lock_timeout = '{LOCK_S}s'")).await?;
        let positions = Positions::read(&mut session).await?;
        Ok(Self { session, positions, whole: true })
    }

    /// Gives positions to all that came in, in one durable transaction a step.
    pub(crate) async fn assign(&mut self) -> Result<(), StoreError> {
        if !self.whole {
            self.session.run("ROLLBACK").await?;
            self.positions = Positions::read(&mut self.session).await?;
        }
        loop {
            self.whole = false;
            self.session.begin().await?;
            // Whoever takes a copy must see all of this step, or nothing.
            let share = "SELECT pg_advisory_xact_lock_shared(?1)::text";
            self.session.query(share, values![COMMIT_LOCK]).await?;
            let moved = self.positions.move_in(&mut self.session).await?;
            self.session.commit().await?;
            self.whole = true;
            if moved < PUBLISH_ENTRIES_MAX as u64 {
                return Ok(());
            }
        }
    }
}
