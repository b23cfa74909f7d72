//! A database for one test.

use std::{path::PathBuf, sync::Arc};

use linkhop::store::{Options, Store};
use sea_orm::{ConnectionTrait as _, Database as Connection};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Names the `PostgreSQL` server of the tests: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
const SERVER: &str = "LINKHOP_TEST_DATABASE_URL";

/// A migrated database of a test's own.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub url: String,
    /// Holds the `SQLite` file and the spool; removed with the last who holds it.
    folder: Arc<TempDir>,
}

impl Database {
    /// An empty database, not migrated.
    pub async fn empty() -> Self {
        if let Ok(server) = std::env::var(SERVER) {
            return Self {
                url: create(&server, None).await,
                folder: folder(),
            };
        }
        Self::file()
    }

    /// An empty `SQLite` file, not migrated, whichever database the suite runs on.
    pub fn file() -> Self {
        let folder = folder();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self { url, folder }
    }

    /// Whether it is an `SQLite` file.
    pub fn is_file(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// A migrated database.
    pub async fn migrated() -> Self {
        // Migrated once a run and copied after that: a copy takes a tenth of the time.
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let Ok(server) = std::env::var(SERVER) else {
            let database = Self::empty().await;
            database.store().await.migrate_up().await.expect("migrations");
            return database;
        };
        let template = TEMPLATE.get_or_init(async || {
            let url = create(&server, None).await;
            let store = Store::connect(&url, &Options::default())
                .await
                .expect("the template");
            store.migrate_up().await.expect("migrations");
            store.write.close().await.expect("closed");
            store.read.close().await.expect("closed");
            url.rsplit_once('/').expect("a URL with a database").1.to_owned()
        });
        Self {
            url: create(&server, Some(template.await)).await,
            folder: folder(),
        }
    }

    /// The same database, for as long as this one is held.
    pub fn shared(&self) -> Self {
        Self {
            url: self.url.clone(),
            folder: Arc::clone(&self.folder),
        }
    }

    /// A folder of a server's own for clicks that the database does not take in time.
    pub fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// Opens it; an `SQLite` file that is not there is made.
    pub async fn store(&self) -> Store {
        let options = Options {
            create: true,
            ..Options::default()
        };
        Store::connect(&self.url, &options)
            .await
            .expect("the test's database")
    }
}

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a temporary folder"))
}

async fn create(server: &str, template: Option<&str>) -> String {
    let name = format!("test_{}", Uuid::new_v4().simple());
    let template = template
        .map(|name| format!(" TEMPLATE {name}"))
        .unwrap_or_default();
    let admin = Connection::connect(server)
        .await
        .expect("the PostgreSQL server of the tests");
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}{template}"))
        .await
        .expect("a new database");
    admin.close().await.expect("closed");
    format!(
        "{}/{name}",
        server.rsplit_once('/').expect("a URL with a database").0
    )
}
