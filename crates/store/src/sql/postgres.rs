//! PostgreSQL: where it is, how durable it must be, and what it answers.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::future::try_join_all;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Config, NoTls, Statement};

use crate::error::StoreError;
use crate::limits::{ANSWER_S, CONNECT_S, IDLE_TRANSACTION_S, LOCK_S, PIPELINE_ROWS, STATEMENT_S};
use crate::sql::{Cell, Row, Value};

/// Where a database of PostgreSQL is, and who asks. It may hold a password, and is not shown.
#[derive(Clone)]
pub struct Address(Arc<Config>);

impl Address {
    /// Reads `postgres://...`, or `key=value` pairs, as libpq does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Place`] when it cannot be read, or the server is on another machine: that needs TLS, which is not
    /// built yet.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        // What is wrong is said without the text, which may hold a password.
        let config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            StoreError::Place(format!("the address of the database cannot be read: {why}"))
        })?;
        let near = |host: &Host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
            Host::Unix(_) => true,
        };
        let hosts = !config.get_hosts().is_empty() && config.get_hosts().iter().all(near);
        if !hosts || !config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback) {
            return Err(StoreError::Place(
                "the database is not on this machine: give a folder of sockets, or a TLS proxy on loopback".to_owned(),
            ));
        }
        Ok(Self(Arc::new(config)))
    }

    /// What every session is told: commits wait for the disk, and the server waits for nobody for ever.
    fn config(&self) -> Config {
        let mut config = Config::clone(&self.0);
        let options = format!(
            "{} -c synchronous_commit=on -c lock_timeout={LOCK_S}s -c statement_timeout={STATEMENT_S}s \
             -c idle_in_transaction_session_timeout={IDLE_TRANSACTION_S}s",
            self.0.get_options().unwrap_or_default()
        );
        config
            .options(options)
            .application_name("cordon")
            .connect_timeout(Duration::from_secs(CONNECT_S))
            .tcp_user_timeout(Duration::from_secs(ANSWER_S))
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        config
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the PostgreSQL database `{}`", self.0.get_dbname().or(self.0.get_user()).unwrap_or("?"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A session: one of its own, or one of a pool.
pub(crate) enum Link {
    Own(Box<ClientWrapper>),
    Pooled(Box<Object>),
}

impl Deref for Link {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        match self {
            Self::Own(client) => client,
            Self::Pooled(client) => client,
        }
    }
}

/// Opens a session that may write, on a server that keeps what it commits.
pub(super) async fn open(address: &Address) -> Result<Link, StoreError> {
    let (client, connection) = answered(address.config().connect(NoTls)).await?;
    // How it ends is told to whoever asks next.
    let task = tokio::spawn(async move { drop(connection.await) });
    let client = ClientWrapper::new(client, task);
    let durable = "SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'";
    if !answered(client.query_one(durable, &[])).await?.try_get::<_, bool>(0).map_err(failed)? {
        return Err(StoreError::Place(format!("{address} loses what it commits: fsync or full_page_writes is off")));
    }
    Ok(Link::Own(Box::new(client)))
}

/// Makes a pool of sessions that only read.
pub(super) fn pool(address: &Address, size: usize) -> Result<Pool, StoreError> {
    // A session that does not answer any more is not given out again.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
    let manager = Manager::from_config(address.config(), NoTls, recycling);
    let only_reads = Hook::async_fn(|client: &mut ClientWrapper, _| {
        let set = client.batch_execute("SET default_transaction_read_only = on");
        Box::pin(async { set.await.map_err(HookError::Backend) })
    });
    let wait = Some(Duration::from_secs(LOCK_S));
    let pool = Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1);
    let pool = pool.wait_timeout(wait).create_timeout(wait).recycle_timeout(wait);
    pool.post_create(only_reads).build().map_err(|error| StoreError::Server(error.to_string().into()))
}

pub(super) async fn get(pool: &Pool) -> Result<Link, StoreError> {
    pool.get().await.map(|client| Link::Pooled(Box::new(client))).map_err(|error| match error {
        PoolError::Backend(error) => failed(error),
        error => StoreError::Server(error.to_string().into()),
    })
}

pub(super) async fn execute(db: &Link, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
    let statement = prepared(db, sql).await?;
    answered(db.execute_raw(&statement, values)).await
}

pub(super) async fn execute_each(db: &Link, sql: &str, rows: &[Row]) -> Result<(), StoreError> {
    let statement = &prepared(db, sql).await?;
    for rows in rows.chunks(PIPELINE_ROWS) {
        let sent = rows.iter().map(|row| db.execute_raw(statement, row.0.iter().map(Cell::value)));
        answered(try_join_all(sent)).await?;
    }
    Ok(())
}

pub(super) async fn query(db: &Link, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
    let statement = prepared(db, sql).await?;
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    let rows = answered(db.query(&statement, &values)).await?;
    rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect::<Result<_, _>>().map(Row)).collect()
}

pub(super) async fn run(db: &Link, sql: &str) -> Result<(), StoreError> {
    answered(db.batch_execute(sql)).await
}

async fn prepared(db: &Link, sql: &str) -> Result<Statement, StoreError> {
    answered(db.prepare_cached(&numbered(sql))).await
}

/// Waits for an answer, and not for ever: the server may be stopped, or the way to it. What was asked may still happen;
/// whoever gets this error gives the session up.
pub(crate) async fn answered<T>(
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(Duration::from_secs(ANSWER_S), asked).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(StoreError::Server(format!("no answer within {ANSWER_S} s").into())),
    }
}

/// `?1` is `$1` here. No text of ours has a question mark elsewhere.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

fn cell(row: &tokio_postgres::Row, column: usize) -> Result<Cell, StoreError> {
    let kind = row.columns().get(column).map(tokio_postgres::Column::type_);
    let cell = match kind {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(column).map(|value| value.map(Cell::Int)),
        Some(&Type::INT4) => row.try_get::<_, Option<i32>>(column).map(|value| value.map(i64::from).map(Cell::Int)),
        Some(&Type::BOOL) => row.try_get::<_, Option<bool>>(column).map(|value| value.map(i64::from).map(Cell::Int)),
        Some(&Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(column).map(|value| value.map(Cell::Bytes)),
        _ => row.try_get::<_, Option<String>>(column).map(|value| value.map(Cell::Text)),
    };
    Ok(cell.map_err(failed)?.unwrap_or(Cell::Null))
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(kind, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(kind, out),
            Self::Text(text) => text.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // The value inside looks for itself.
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// What a server says, or why it says nothing. Never the values of a row.
#[derive(Debug)]
pub struct ServerError {
    what: String,
    is_lock: bool,
}

impl ServerError {
    /// A lock was not given in time.
    pub(crate) const fn is_lock(&self) -> bool {
        self.is_lock
    }
}

impl From<String> for ServerError {
    fn from(what: String) -> Self {
        Self { what, is_lock: false }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ServerError {}

fn failed(error: tokio_postgres::Error) -> StoreError {
    if let Some(said) = error.as_db_error() {
        let what = format!("{} ({})", said.message(), said.code().code());
        return match *said.code() {
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Integrity(what),
            ref code => StoreError::Server(ServerError { what, is_lock: *code == SqlState::LOCK_NOT_AVAILABLE }),
        };
    }
    let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    StoreError::Server(format!("{error}{why}").into())
}
