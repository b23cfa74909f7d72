//! `linkhop account`.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use entity::{AccountId, account};
use serde_json::{Value, json};

use super::{
    Usage, account_id, known_account, open,
    output::{Output, table, time_json, time_text, words},
};
use crate::{
    accounts::{self, Changed},
    app::Clock,
    config::{DatabaseConfig, Unseen},
};

#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an account and print its id
    #[command(after_help = "Example:\n  linkhop account create --name \"Example Outfitters\"")]
    Create {
        /// What people call it
        #[arg(long)]
        name: String,
        /// What it has bought: "sms", for short links in text messages
        #[arg(
            long = "product",
            value_name = "PRODUCT",
            default_value = "sms",
            hide_possible_values = true
        )]
        products: Vec<ProductName>,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Give a product to an account that was made without it
    #[command(after_help = "Example:\n  linkhop account enable acct_… --product sms")]
    Enable {
        /// What it has bought: "sms", for short links in text messages
        #[arg(
            long = "product",
            value_name = "PRODUCT",
            required = true,
            hide_possible_values = true
        )]
        products: Vec<ProductName>,
        #[command(flatten)]
        account: Named,
    },
    /// Show all accounts: id, name, status
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Refuse all requests with an account's keys; links that were sent out still work
    Suspend(Named),
    /// Let a suspended account's keys work again
    Resume(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The account's id, as `linkhop account list` shows it
    #[arg(value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    database: DatabaseConfig,
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

impl Account {
    pub(super) async fn run(self) -> Result<()> {
        match self.action {
            Action::Create {
                name,
                products,
                output,
                database,
            } => {
                let store = open(&database).await?;
                let products: Vec<_> = products.into_iter().map(Into::into).collect();
                let transaction = store.begin().await?;
                let account =
                    accounts::create(&*transaction, &name, &products, Clock::system().now()).await?;
                let account = account.map_err(|invalid| Usage(format!("--name: {invalid}")))?;
                transaction.commit().await?;
                output.print(|| json_of(&account), || format!("{}\n", account.id))
            }
            Action::Enable { products, account } => account.enable(products).await,
            Action::List { output, database } => {
                let accounts = accounts::all(&open(&database).await?.read).await?;
                let json = || accounts.iter().map(json_of).collect();
                output.print(json, || text_of(&accounts))
            }
            Action::Suspend(named) => named.set(account::Status::Suspended).await,
            Action::Resume(named) => named.set(account::Status::Active).await,
        }
    }
}

impl Named {
    async fn enable(self, products: Vec<ProductName>) -> Result<()> {
        let store = open(&self.database).await?;
        let products: Vec<_> = products.into_iter().map(Into::into).collect();
        let changed = accounts::enable(&store, self.account, &products, Clock::system().now()).await?;
        let Changed { row, is_new } = changed.map_err(known_account)?;
        let has = words(&json!(row.products));
        let said = if is_new {
            format!("has {has} from the next request on")
        } else {
            format!("had {has} already")
        };
        self.print(&row, &said)
    }

    async fn set(self, status: account::Status) -> Result<()> {
        let store = open(&self.database).await?;
        let changed = accounts::set_status(&store, self.account, status, Clock::system().now()).await?;
        let Changed { row, is_new } = changed.map_err(known_account)?;
        let said = match (status, is_new) {
            (account::Status::Suspended, true) => {
                "is suspended: its keys are refused from the next request on"
            }
            (account::Status::Suspended, false) => "was suspended already",
            (account::Status::Active, true) => "is active: its keys work from the next request on",
            (account::Status::Active, false) => "was active already",
        };
        self.print(&row, said)
    }

    fn print(self, row: &account::Model, said: &str) -> Result<()> {
        self.output.print(
            || json_of(row),
            || format!("account {} ({}) {said}\n", row.id, row.name),
        )
    }
}

fn json_of(account: &account::Model) -> Value {
    json!({
        "id": account.id.to_string(),
        "name": account.name,
        "status": account.status,
        "products": account.products,
        "createdAt": time_json(Some(account.created_at)),
    })
}

fn text_of(accounts: &[account::Model]) -> String {
    let row = |account: &account::Model| {
        [
            account.id.to_string(),
            account.name.clone(),
            words(&json!(account.status)),
            words(&json!(account.products)),
            time_text(Some(account.created_at), ""),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    table(
        ["ID", "NAME", "STATUS", "PRODUCTS", "CREATED"],
        &rows,
        "There are no accounts yet: `linkhop account create` makes one.",
    )
}
