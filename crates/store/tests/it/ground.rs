//! What a test stands on: folders, and a database of either kind. The contract tests run on both.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cordon_keys::recovery::Share;
use cordon_store::{Address, Installation, Places, StoreError};
use cordon_testkit::postgres::new_database;

use crate::{clock, create_in, places, provider};

/// Folders of a test, and its database on a server, if that is where it is.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    server: Option<String>,
    nodes: AtomicU64,
}

impl Ground {
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), server: None, nodes: AtomicU64::new(0) }
    }

    /// A database of its own on the server that `cargo xtask test` starts.
    pub(crate) fn postgres() -> Self {
        let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
        Self::on(new_database(Path::new(&socket)).expect("a database"))
    }

    /// A database that is at an address.
    pub(crate) fn on(server: String) -> Self {
        Self { server: Some(server), ..Self::sqlite() }
    }

    /// The address of a database on a server.
    pub(crate) fn address(&self) -> &str {
        self.server.as_deref().expect("on a server")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn places(&self) -> Places {
        Places { server: self.server.as_deref().map(|text| Address::parse(text).expect("near")), ..places(self.path()) }
    }

    pub(crate) async fn create(&self) -> (Installation, Vec<Share>) {
        let mut kit = Vec::new();
        let made = create_in(self.places(), &provider(1), &mut kit).await;
        (made.expect("an empty folder"), kit)
    }

    pub(crate) async fn open(&self) -> Result<Installation, StoreError> {
        Installation::open(self.places(), &provider(1), clock()).await
    }

    /// Another node: a data folder of its own, the same keys and the same log.
    pub(crate) async fn node(&self) -> Installation {
        self.node_at(self.places().server).await
    }

    /// Another node that reaches the database at an address of its own.
    pub(crate) async fn node_at(&self, server: Option<Address>) -> Installation {
        let name = format!("node-{}", self.nodes.fetch_add(1, Ordering::Relaxed));
        let data = self.path().join(name);
        std::fs::create_dir_all(&data).expect("made");
        std::os::unix::fs::symlink(self.places().log(), data.join("log")).expect("linked");
        let places = Places { data, server, ..self.places() };
        Installation::open(places, &provider(1), clock()).await.expect("opens")
    }

    /// Gives every event that was recorded its position, and publishes it.
    pub(crate) async fn settle(&self, installation: &Installation) {
        let mut sequencer = installation.sequencer().await.expect("takes over");
        while sequencer.publish().await.expect("published").is_some() {}
    }

    /// Changes the database beside Cordon. Bytes are written as `x'00'`.
    pub(crate) async fn beside(&self, sql: &str) -> u64 {
        let Some(server) = &self.server else {
            let connection = rusqlite::Connection::open(self.places().database_file()).expect("opens");
            return connection.execute(sql, []).expect("changed") as u64;
        };
        let client = connect(server).await;
        client.execute(&sql.replace("x'", "'\\x").replace("BLOB", "BYTEA"), &[]).await.expect("changed")
    }

    /// Counts with a query.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        match &self.server {
            None => {
                let connection = rusqlite::Connection::open(self.places().database_file()).expect("opens");
                connection.query_row(sql, [], |row| row.get(0)).expect("counts")
            }
            Some(server) => count_at(server, sql).await,
        }
    }
}

/// Counts with a query, at an address.
pub(crate) async fn count_at(server: &str, sql: &str) -> i64 {
    connect(server).await.query_one(sql, &[]).await.expect("counts").get(0)
}

async fn connect(server: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

/// Runs each of these on a database of either kind.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::Ground::sqlite()).await })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::Ground::postgres()).await })*
        }
    };
}
pub(crate) use on_both;
