//! Accounts and their keys, domains, lists and offers; links and clicks.

use sea_orm_migration::{prelude::*, schema};

/// Makes the first tables.
#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first_tables"
    }
}

const TABLES: [&str; 8] = [
    "account",
    "api_key",
    "domain",
    "offer",
    "sending_list",
    "short_link",
    "click",
    "idempotency_key",
];

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).to_owned()
}

fn id() -> ColumnDef {
    schema::uuid("id").primary_key().to_owned()
}

fn time(name: &'static str) -> ColumnDef {
    schema::big_integer(name)
}

fn time_null(name: &'static str) -> ColumnDef {
    schema::big_integer_null(name)
}

fn reference(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").to_owned()
}

fn unique(table: &'static str, columns: [&'static str; 2]) -> IndexCreateStatement {
    let name = format!("{table}_{}_{}_key", columns[0], columns[1]);
    let mut index = Index::create().name(name).table(table).unique().to_owned();
    index.col(columns[0]).col(columns[1]).to_owned()
}

/// Rows of an account in the order of their making: what every connection pages through.
fn by_account(table: &'static str) -> IndexCreateStatement {
    let mut index = Index::create()
        .name(format!("{table}_account_idx"))
        .table(table)
        .to_owned();
    index.col("account_id").col("id").to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(
        clippy::too_many_lines,
        reason = "one list of tables, to be read from top to bottom"
    )]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("account")
                .col(id())
                .col(schema::text("name"))
                .col(schema::text("status"))
                .col(schema::json_binary("products"))
                .col(schema::boolean("default_filter_bots"))
                .col(schema::text("tune_link_parameter"))
                .col(schema::text("tune_click_parameter"))
                .col(schema::text("everflow_link_parameter"))
                .col(schema::text("everflow_click_parameter"))
                .col(schema::json_binary("global_offer_parameters"))
                .col(time("created_at"))
                .to_owned(),
            table("api_key")
                .col(id())
                .col(schema::uuid("account_id"))
                .col(schema::text("name"))
                .col(schema::text_uniq("hash"))
                .col(schema::json_binary("scopes"))
                .col(time_null("expires_at"))
                .col(time_null("revoked_at"))
                .col(time_null("last_used_at"))
                .col(time("created_at"))
                .foreign_key(&mut reference("api_key", "account_id", "account"))
                .to_owned(),
            table("domain")
                .col(id())
                .col(schema::uuid("account_id"))
                .col(schema::text_uniq("host"))
                .col(schema::text("scheme"))
                .col(schema::text("status"))
                .col(schema::text_null("root_url"))
                .col(schema::text_null("fallback_url"))
                .col(time("created_at"))
                .foreign_key(&mut reference("domain", "account_id", "account"))
                .to_owned(),
            table("offer")
                .col(id())
                .col(schema::uuid("account_id"))
                .col(schema::text("name"))
                .col(schema::text("tracking_url"))
                .col(schema::text_null("platform"))
                .col(schema::text_null("external_id"))
                .col(schema::text_null("payout"))
                .col(schema::text_null("payout_currency"))
                .col(schema::text_null("payout_type"))
                .col(schema::boolean_null("filter_bots"))
                .col(schema::text("status"))
                .col(schema::json_binary("metadata"))
                .col(time("created_at"))
                .foreign_key(&mut reference("offer", "account_id", "account"))
                .to_owned(),
            table("sending_list")
                .col(id())
                .col(schema::uuid("account_id"))
                .col(schema::integer("list_id"))
                .col(schema::text("phone_number"))
                .col(schema::text("brand_name"))
                .col(schema::text("status"))
                .col(schema::json_binary("metadata"))
                .col(schema::uuid_null("domain_id"))
                .col(time("created_at"))
                .foreign_key(&mut reference("sending_list", "account_id", "account"))
                .foreign_key(&mut reference("sending_list", "domain_id", "domain"))
                .to_owned(),
            table("short_link")
                .col(id())
                .col(schema::uuid("account_id"))
                .col(schema::uuid("domain_id"))
                .col(schema::text("code"))
                .col(schema::text("destination"))
                .col(schema::uuid("sending_list_id"))
                .col(schema::uuid_null("offer_id"))
                .col(schema::text_null("contact_phone"))
                .col(schema::json_binary("metadata"))
                .col(schema::boolean("filter_bots"))
                .col(schema::text("status"))
                .col(time_null("expires_at"))
                .col(schema::integer_null("max_clicks"))
                .col(schema::text_null("fallback_url"))
                .col(time("created_at"))
                .foreign_key(&mut reference("short_link", "account_id", "account"))
                .foreign_key(&mut reference("short_link", "domain_id", "domain"))
                .foreign_key(&mut reference("short_link", "sending_list_id", "sending_list"))
                .foreign_key(&mut reference("short_link", "offer_id", "offer"))
                .to_owned(),
            table("click")
                .col(schema::big_pk_auto("seq"))
                .col(schema::uuid("id"))
                .col(time("clicked_at"))
                .col(schema::uuid("short_link_id"))
                .col(schema::text("method"))
                .col(schema::text_null("bot_reason"))
                .col(schema::text_null("bot_kind"))
                .col(schema::text("list_version"))
                .col(schema::text_null("user_agent"))
                .to_owned(),
            table("idempotency_key")
                .col(schema::uuid("account_id"))
                .col(schema::text("key"))
                .col(schema::text("fingerprint"))
                .col(schema::uuid("short_link_id"))
                .col(time("created_at"))
                .primary_key(Index::create().col("account_id").col("key"))
                .foreign_key(&mut reference("idempotency_key", "account_id", "account"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        let indexes = [
            unique("sending_list", ["account_id", "list_id"]),
            unique("sending_list", ["account_id", "phone_number"]),
            unique("short_link", ["domain_id", "code"]),
            by_account("domain"),
            by_account("offer"),
            by_account("sending_list"),
            by_account("short_link"),
            Index::create()
                .name("idempotency_key_created_at_idx")
                .table("idempotency_key")
                .col("created_at")
                .to_owned(),
        ];
        for index in indexes {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(*name).to_owned()).await?;
        }
        Ok(())
    }
}
