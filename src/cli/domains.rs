//! `linkhop domain`.

use anyhow::Result;
use clap::{Args, Subcommand};
use entity::{AccountId, domain};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use super::{
    account_id, known_account, open,
    output::{Output, table, time_json, words},
};
use crate::{
    accounts::{self, rows_of},
    config::{DatabaseConfig, Unseen},
};

#[derive(Debug, Args)]
pub(super) struct Domain {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the hosts that short links live on, and whose they are
    List {
        /// Only those of the account with this id
        #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
        account: Option<AccountId>,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
}

impl Domain {
    pub(super) async fn run(self) -> Result<()> {
        let Action::List {
            account,
            output,
            database,
        } = self.action;
        let store = open(&database).await?;
        let domains = match account {
            Some(account) => {
                let account = accounts::find(&store.read, account)
                    .await?
                    .map_err(known_account)?;
                rows_of::<domain::Entity>(account.id)
            }
            None => domain::Entity::find(),
        };
        let domains = domains.order_by_asc(domain::Column::Id).all(&store.read).await?;
        let json = || domains.iter().map(json_of).collect();
        output.print(json, || text_of(&domains))
    }
}

fn json_of(domain: &domain::Model) -> Value {
    json!({
        "id": domain.id.to_string(),
        "accountId": domain.account_id.to_string(),
        "host": domain.host,
        "scheme": domain.scheme.as_str().to_uppercase(),
        "status": domain.status,
        "rootUrl": domain.root_url,
        "fallbackUrl": domain.fallback_url,
        "createdAt": time_json(Some(domain.created_at)),
    })
}

fn text_of(domains: &[domain::Model]) -> String {
    let row = |domain: &domain::Model| {
        [
            domain.host.clone(),
            words(&json!(domain.status)),
            domain.scheme.as_str().to_owned(),
            domain.account_id.to_string(),
            domain.id.to_string(),
        ]
    };
    let rows: Vec<_> = domains.iter().map(row).collect();
    table(
        ["HOST", "STATUS", "SCHEME", "ACCOUNT", "ID"],
        &rows,
        "There are no domains yet: the mutation createDomain makes one.",
    )
}
