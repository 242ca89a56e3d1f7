//! One way to talk to both databases: SQLite in a file, PostgreSQL on a server.
//!
//! What is asked of them is the same text, in the dialect that both understand, with values as `?1`, `?2`. SQLite answers
//! at once and on the spot; PostgreSQL is waited for. A [`Session`] is one connection with its transaction, used by one
//! task at a time; a [`Pool`] keeps a few that only read.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cordon_ledger::index::Token;

pub use crate::sql::postgres::{Address, ServerError};

use crate::error::StoreError;
use crate::limits::READERS_MAX;
use crate::schema::is_taken;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of SQLite: one process writes.
    Sqlite(PathBuf),
    /// A database of PostgreSQL: several nodes write, and one of them assigns positions.
    Postgres(Address),
}

impl Database {
    /// Opens a session that may write.
    pub(crate) async fn open(&self) -> Result<Session, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Session::Sqlite(sqlite::open(path)?)),
            Self::Postgres(address) => Ok(Session::Postgres(postgres::open(address).await?)),
        }
    }

    /// Tells whether tables of an installation are here.
    pub(crate) async fn is_taken(&self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(path.exists()),
            Self::Postgres(_) => {
                let mut session = self.open().await?;
                let tables = session.one("SELECT to_regclass('settings') IS NOT NULL", &[]).await?.int(0)?;
                Ok(tables == 1 && is_taken(&mut session).await?)
            }
        }
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => write!(f, "{address}"),
        }
    }
}

/// A value that is given to a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<u8> for Value<'_> {
    fn from(value: u8) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<u64> for Value<'_> {
    /// Positions and counts: far below 2^63.
    fn from(value: u64) -> Self {
        Self::Int(value as i64)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl<'a> From<Option<&'a Vec<u8>>> for Value<'a> {
    fn from(value: Option<&'a Vec<u8>>) -> Self {
        value.map_or(Self::Null, |bytes| Self::Bytes(bytes))
    }
}

impl From<Option<Token>> for Value<'_> {
    fn from(value: Option<Token>) -> Self {
        value.map(|token| token.0).into()
    }
}

/// Values for a statement, in the order of `?1`, `?2`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// A value that came back.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
}

impl Cell {
    /// The value, to be given to another statement.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Text(text) => Value::Text(text),
        }
    }
}

/// A row that came back.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

/// A row does not have what it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of the database has no {0} in column {1}")]
pub(crate) struct Shape(&'static str, usize);

impl From<Shape> for StoreError {
    fn from(shape: Shape) -> Self {
        Self::Integrity(shape.to_string())
    }
}

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64, Shape> {
        self.maybe_int(column)?.ok_or(Shape("number", column))
    }

    /// A number that is not negative.
    pub(crate) fn count(&self, column: usize) -> Result<u64, Shape> {
        u64::try_from(self.int(column)?).map_err(|_| Shape("count", column))
    }

    /// A small number that is not negative.
    pub(crate) fn small(&self, column: usize) -> Result<u32, Shape> {
        u32::try_from(self.int(column)?).map_err(|_| Shape("small number", column))
    }

    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, Shape> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(Shape("number", column)),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], Shape> {
        match self.0.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(Shape("bytes", column)),
        }
    }

    pub(crate) fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>, Shape> {
        match self.0.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            _ => Err(Shape("bytes", column)),
        }
    }

    /// Takes the bytes out.
    pub(crate) fn take_bytes(&mut self, column: usize) -> Result<Vec<u8>, Shape> {
        match self.0.get_mut(column) {
            Some(Cell::Bytes(bytes)) => Ok(std::mem::take(bytes)),
            _ => Err(Shape("bytes", column)),
        }
    }

    pub(crate) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], Shape> {
        self.bytes(column)?.try_into().map_err(|_| Shape("bytes of that length", column))
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, Shape> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => Ok(text),
            _ => Err(Shape("text", column)),
        }
    }
}

/// One connection, with the transaction that is open on it.
pub(crate) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Link),
}

impl Session {
    /// Runs a statement. Returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(db) => sqlite::execute(db, sql, values),
            Self::Postgres(db) => postgres::execute(db, sql, values).await,
        }
    }

    /// Runs a statement once for each list of values, in no order.
    pub(crate) async fn execute_each(&mut self, sql: &str, rows: &[Row]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => sqlite::execute_each(db, sql, rows),
            Self::Postgres(db) => postgres::execute_each(db, sql, rows).await,
        }
    }

    /// Returns all rows of a query; whoever asks bounds them.
    pub(crate) async fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(db) => sqlite::query(db, sql, values),
            Self::Postgres(db) => postgres::query(db, sql, values).await,
        }
    }

    /// Shows the rows of a query one after the other. Of SQLite only one is held at a time.
    pub(crate) async fn visit(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut (dyn FnMut(&Row) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => sqlite::visit(db, sql, values, each),
            Self::Postgres(db) => postgres::query(db, sql, values).await?.iter().try_for_each(each),
        }
    }

    /// Returns the first row of a query.
    pub(crate) async fn first(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Returns the one row of a query that always has one.
    pub(crate) async fn one(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Row, StoreError> {
        let row = self.first(sql, values).await?;
        row.ok_or_else(|| StoreError::Integrity("the database has no answer".to_owned()))
    }

    /// Runs statements that have no values and no answer.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => sqlite::run(db, sql),
            Self::Postgres(db) => postgres::run(db, sql).await,
        }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let begin = if matches!(self, Self::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.run(begin).await
    }

    /// Makes the transaction durable, or says that it is not known to be.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// A few sessions that only read. Copies share them.
#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite { path: Arc<PathBuf>, idle: Arc<Mutex<Vec<Session>>> },
    Postgres(deadpool_postgres::Pool),
}

impl Pool {
    pub(crate) fn new(database: &Database) -> Result<Self, StoreError> {
        match database {
            Database::Sqlite(path) => Ok(Self::Sqlite { path: Arc::new(path.clone()), idle: Arc::default() }),
            Database::Postgres(address) => Ok(Self::Postgres(postgres::pool(address, READERS_MAX)?)),
        }
    }

    /// Reads the file at `path` over one session, which is already open.
    pub(crate) fn over(path: PathBuf, session: Session) -> Self {
        Self::Sqlite { path: Arc::new(path), idle: Arc::new(Mutex::new(vec![session])) }
    }

    pub(crate) async fn get(&self) -> Result<Lease, StoreError> {
        match self {
            Self::Sqlite { path, idle } => {
                let kept = idle.lock().map_err(|_| StoreError::Stopped)?.pop();
                let session = kept.map_or_else(|| sqlite::open_to_read(path).map(Session::Sqlite), Ok)?;
                Ok(Lease { session: Some(session), home: Some(Arc::clone(idle)) })
            }
            Self::Postgres(pool) => {
                Ok(Lease { session: Some(Session::Postgres(postgres::get(pool).await?)), home: None })
            }
        }
    }
}

/// A session of a pool; it goes back when this is dropped.
pub(crate) struct Lease {
    session: Option<Session>,
    home: Option<Arc<Mutex<Vec<Session>>>>,
}

impl std::ops::Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        #[expect(clippy::expect_used, reason = "it is taken when this is dropped, and not before")]
        self.session.as_ref().expect("a session until the end")
    }
}

impl std::ops::DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        #[expect(clippy::expect_used, reason = "it is taken when this is dropped, and not before")]
        self.session.as_mut().expect("a session until the end")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(session), Some(home)) = (self.session.take(), &self.home)
            && let Ok(mut idle) = home.lock()
            && idle.len() < READERS_MAX
        {
            idle.push(session);
        }
    }
}
