//! `linkhop key`.

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use entity::{AccountId, ApiKeyId, api_key};
use serde_json::{Value, json};

use super::{
    Usage, account_id, known_account, open,
    output::{Output, table, time_json, time_text, words},
};
use crate::{
    accounts::{self, Changed, CreateKeyError, Granter, NewApiKey},
    app::Clock,
    config::{DatabaseConfig, Unseen},
};

#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an API key of an account and print it: it is shown this once and stored nowhere
    #[command(after_help = "Examples:\n  \
        linkhop key create --account acct_… --name dashboard --scope links-write --scope catalog-write\n  \
        linkhop key create --account acct_… --name trial --scope read --expires-at 2027-01-31T00:00:00Z")]
    Create(Create),
    /// Show an account's keys: scopes, expiry, last use; never the keys themselves
    List {
        /// The account's id, as `linkhop account list` shows it
        #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
        account: AccountId,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Take a key back for good: it is refused from the next request on
    Revoke {
        /// The key's id, as `linkhop key list` shows it; not the key itself
        #[arg(value_name = "ID", value_parser = Unseen(key_id))]
        key: ApiKeyId,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// The account's id, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    /// What people call the key
    #[arg(long)]
    name: String,
    /// What it may do: "read", "links-write" or "catalog-write", which may read too, or "admin", which may do
    /// everything; may be given more than once
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        required = true,
        hide_possible_values = true
    )]
    scopes: Vec<ScopeName>,
    /// From when on it is refused, such as 2027-01-31T00:00:00Z; never unless given
    #[arg(long, value_name = "TIME")]
    expires_at: Option<DateTime<Utc>>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeName {
    /// Read whatever the account has
    Read,
    /// Create short links, and read
    LinksWrite,
    /// Create and change offers and sending lists, and read
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

impl Key {
    pub(super) async fn run(self) -> Result<()> {
        match self.action {
            Action::Create(create) => create.run().await,
            Action::List {
                account,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let account = accounts::find(&store.read, account)
                    .await?
                    .map_err(known_account)?;
                let keys = accounts::keys(&store.read, account.id).await?;
                let json = || keys.iter().map(json_of).collect();
                output.print(json, || text_of(&keys))
            }
            Action::Revoke {
                key,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let revoked = accounts::revoke_any_key(&store, key, Clock::system().now()).await?;
                let Changed { row, is_new } = revoked.map_err(|unknown| {
                    anyhow!("{unknown}; `linkhop key list --account ID` shows those of an account")
                })?;
                let said = if is_new {
                    "is revoked: it is refused from the next request on".to_owned()
                } else {
                    format!("was revoked already, at {}", time_text(row.revoked_at, ""))
                };
                output.print(
                    || json_of(&row),
                    || format!("key {} ({}) {said}\n", row.id, row.name),
                )
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<()> {
        let now = Clock::system().now();
        let expires_at = self.expires_at.map(entity::Timestamp::from);
        let store = open(&self.database).await?;
        let account = accounts::find(&store.read, self.account)
            .await?
            .map_err(known_account)?;
        let new = NewApiKey {
            name: self.name,
            scopes: self.scopes.into_iter().map(Into::into).collect(),
            expires_at,
        };
        let granter = Granter::Operator(account.id);
        let transaction = store.begin().await?;
        let made = accounts::create_key(&*transaction, granter, new, nanoid::rngs::default, now).await;
        let (row, key) = made.map_err(|error| match error {
            CreateKeyError::Name(invalid) => Usage(format!("--name: {invalid}")).into(),
            CreateKeyError::Expired => Usage("--expires-at must be in the future".to_owned()).into(),
            other => anyhow::Error::from(other),
        })?;
        transaction.commit().await?;
        let json = || {
            let mut json = json_of(&row);
            json["apiKey"] = key.expose().into();
            json
        };
        self.output.print(json, || format!("{}\n", key.expose()))
    }
}

fn key_id(text: &str) -> Result<ApiKeyId, String> {
    text.parse()
        .map_err(|_| "a key's id is key_ and 32 hexadecimal digits; `linkhop key list` shows it".to_owned())
}

/// What is known of a key: neither the key, which is stored nowhere, nor its hash, which is nobody's business.
fn json_of(key: &api_key::Model) -> Value {
    json!({
        "id": key.id.to_string(),
        "accountId": key.account_id.to_string(),
        "name": key.name,
        "scopes": key.scopes,
        "expiresAt": time_json(key.expires_at),
        "lastUsedAt": time_json(key.last_used_at),
        "revokedAt": time_json(key.revoked_at),
        "createdAt": time_json(Some(key.created_at)),
    })
}

fn text_of(keys: &[api_key::Model]) -> String {
    let row = |key: &api_key::Model| {
        [
            key.id.to_string(),
            key.name.clone(),
            words(&json!(key.scopes)),
            time_text(key.expires_at, "never"),
            time_text(key.last_used_at, "never"),
            time_text(key.revoked_at, "no"),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    table(
        ["ID", "NAME", "SCOPES", "EXPIRES", "LAST USED", "REVOKED"],
        &rows,
        "The account has no keys yet: `linkhop key create` makes one.",
    )
}
