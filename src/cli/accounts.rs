//! `linkhop account` and `linkhop key`.

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use entity::{AccountId, account, api_key};
use sea_orm::EntityTrait;

use super::print;
use crate::{
    accounts::{self, NewApiKey},
    app::Clock,
    config::DatabaseConfig,
    store::Store,
};

#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    action: AccountAction,
}

#[derive(Debug, Subcommand)]
enum AccountAction {
    /// Make an account and print its id
    Create {
        /// What people call it
        #[arg(long)]
        name: String,
        /// What it has bought; may be given more than once
        #[arg(long = "product", value_name = "PRODUCT")]
        products: Vec<ProductName>,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// Make an API key of an account and print it: it is shown this once and stored nowhere
    Create {
        /// The account's id
        #[arg(long, value_name = "ID")]
        account: AccountId,
        /// What people call the key
        #[arg(long)]
        name: String,
        /// What it may do; may be given more than once
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<ScopeName>,
        /// From when on it is refused, such as 2027-01-31T00:00:00Z; never unless given
        #[arg(long, value_name = "TIME")]
        expires_at: Option<DateTime<Utc>>,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProductName {
    /// Short links for text messages
    Sms,
}

impl From<ProductName> for account::Product {
    fn from(name: ProductName) -> Self {
        match name {
            ProductName::Sms => Self::Sms,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeName {
    /// Read whatever the account has
    Read,
    /// Create and change short links
    LinksWrite,
    /// Create and change offers and sending lists
    CatalogWrite,
    /// Everything
    Admin,
}

impl From<ScopeName> for api_key::Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::LinksWrite => Self::LinksWrite,
            ScopeName::CatalogWrite => Self::CatalogWrite,
            ScopeName::Admin => Self::Admin,
        }
    }
}

impl Account {
    pub(super) async fn run(self) -> Result<()> {
        let AccountAction::Create {
            name,
            products,
            database,
        } = self.action;
        let store = open(&database).await?;
        let products: Vec<_> = products.into_iter().map(Into::into).collect();
        let account = accounts::create(&store.write, &name, &products, Clock::system().now()).await??;
        print(&format!("{}\n", account.id))
    }
}

impl Key {
    pub(super) async fn run(self) -> Result<()> {
        let KeyAction::Create {
            account,
            name,
            scopes,
            expires_at,
            database,
        } = self.action;
        let now = Clock::system().now();
        let expires_at = expires_at.map(entity::Timestamp::from);
        if expires_at.is_some_and(|end| end <= now) {
            bail!("--expires-at must be in the future");
        }
        let store = open(&database).await?;
        account::Entity::find_by_id(account)
            .one(&store.read)
            .await?
            .with_context(|| format!("there is no account {account}"))?;
        let scopes = scopes.into_iter().map(Into::into).collect();
        let new = NewApiKey {
            name,
            scopes,
            expires_at,
        };
        let (_, key) = accounts::create_key(&store.write, account, new, nanoid::rngs::default, now).await??;
        print(&format!("{}\n", key.expose()))
    }
}

async fn open(database: &DatabaseConfig) -> Result<Store> {
    Ok(Store::connect(database.database_url.expose(), &database.tuning.options(false)).await?)
}
