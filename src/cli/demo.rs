//! `linkhop demo`: everything that a newcomer needs to make and open a link, and a history to look at.

mod history;

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use entity::{AccountId, DomainId, OfferId, SendingListId, account, domain, offer, sending_list};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, QueryOrder, TransactionTrait,
};
use serde_json::{Value, json};

use super::{expect_whole, print, run_to_the_end, tell_of_metrics, trace};
use crate::{
    accounts::{self, Granter, NewApiKey, rows_of},
    app::Clock,
    clicks::judge::Judge,
    config::{DatabaseTuning, ServerConfig},
    server::Server,
    store::Store,
};

const LIST_ID: i32 = 42;
const PHONE_NUMBER: &str = "+18005551234";

// Whoever plays with it is not to be stopped; the settings are there to be tried.
#[derive(Debug, Args)]
#[command(mut_arg("key_rate", |rate| rate.default_value("0")), mut_arg("account_rate", |rate| rate.default_value("0")))]
pub(super) struct Demo {
    /// Where the demo keeps its database and its key
    #[arg(
        long,
        env = "LINKHOP_DATA_DIR",
        value_name = "FOLDER",
        default_value = "linkhop-demo"
    )]
    data_dir: PathBuf,
    /// Print one JSON object as the first line, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseTuning,
    #[command(flatten)]
    server: ServerConfig,
}

/// What a newcomer is told.
struct Welcome {
    url: String,
    api_key: String,
    offers: serde_json::Map<String, Value>,
}

impl Demo {
    pub(super) async fn run(self) -> Result<()> {
        let folder = &self.data_dir;
        fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
        let file = folder.join("linkhop.db");
        let store = Store::connect(&url_of(&file), &self.database.options(true)).await?;
        store.migrate_up().await?;
        expect_whole(&store).await?;
        let mut settings = self.server.settings(None)?;
        let traced = trace(&self.server, &store)?;
        let server = Server::bind(store.clone(), &self.server).await?;
        let (account, api_key) = self.account(&store, server.judge()).await?;
        let host = host_of(server.address());
        // The oldest: others are whoever's who tries the demo.
        let domain = rows_of::<domain::Entity>(account)
            .order_by_asc(domain::Column::Id)
            .one(&store.read)
            .await?;
        let domain = domain.context("the demo's domain is missing; start with another --data-dir")?;
        domain::ActiveModel {
            id: Set(domain.id),
            host: Set(host.clone()),
            ..Default::default()
        }
        .update(&store.write)
        .await?;
        let offers = rows_of::<offer::Entity>(account)
            .order_by_asc(offer::Column::Id)
            .all(&store.read)
            .await?;
        let offers = offers
            .into_iter()
            .map(|offer| (offer.name, offer.id.to_string().into()))
            .collect();
        let welcome = Welcome {
            url: format!("http://{host}"),
            api_key: api_key.clone(),
            offers,
        };
        print(&if self.json { welcome.json() } else { welcome.text() })?;
        settings.playground_key = Some(api_key);
        tell_of_metrics(&server)?;
        run_to_the_end(server, settings, traced).await;
        Ok(())
    }

    /// The demo's account and its key; made at the first start, and the same ones ever after.
    async fn account(&self, store: &Store, judge: &Judge) -> Result<(AccountId, String)> {
        let file = self.data_dir.join("api-key");
        if let Some(account) = account::Entity::find()
            .order_by_asc(account::Column::Id)
            .one(&store.read)
            .await?
        {
            let key = fs::read_to_string(&file)
                .with_context(|| format!("{} is missing; start with another --data-dir", file.display()))?;
            return Ok((account.id, key.trim().to_owned()));
        }
        // Rows and key file together or neither: a start that is cut short is made again.
        let transaction = store.write.begin().await?;
        let (account, key) = seed(&transaction, judge).await?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        writeln!(options.open(&file)?, "{key}")?;
        transaction.commit().await?;
        Ok((account, key))
    }
}

async fn seed(db: &impl sea_orm::ConnectionTrait, judge: &Judge) -> Result<(AccountId, String)> {
    let today = Clock::system().now();
    // It has been there for as long as its history.
    let now = today.hours_before(24 * (history::DAYS + 1));
    let account = accounts::create(db, "Demo", &[account::Product::Sms], now).await??;
    let new = NewApiKey {
        name: "demo".to_owned(),
        scopes: vec![entity::api_key::Scope::Admin],
        expires_at: None,
    };
    let (_, key) = accounts::create_key(
        db,
        Granter::Operator(account.id),
        new,
        nanoid::rngs::default,
        today,
    )
    .await?;
    let domain = domain::Model {
        id: DomainId::at(now),
        account_id: account.id,
        host: "unset.invalid".to_owned(),
        scheme: domain::Scheme::Http,
        status: domain::Status::Active,
        root_url: None,
        fallback_url: None,
        created_at: now,
    };
    let list = |list_id, phone_number: &str, brand_name: &str| sending_list::Model {
        id: SendingListId::at(now),
        account_id: account.id,
        list_id,
        phone_number: phone_number.to_owned(),
        brand_name: brand_name.to_owned(),
        status: sending_list::Status::Active,
        metadata: json!({}),
        domain_id: Some(domain.id),
        created_at: now,
    };
    let lists = [
        list(LIST_ID, PHONE_NUMBER, "Linkhop demo"),
        list(LIST_ID + 1, "+18005551235", "Linkhop demo, reminders"),
    ];
    let offer = |name: &str, platform, tracking_url: &str, external_id: &str| offer::Model {
        id: OfferId::at(now),
        account_id: account.id,
        name: name.to_owned(),
        tracking_url: tracking_url.to_owned(),
        platform: Some(platform),
        external_id: Some(external_id.to_owned()),
        payout: Some("12.50".to_owned()),
        payout_currency: Some("USD".to_owned()),
        payout_type: Some(offer::PayoutType::Cpa),
        filter_bots: None,
        status: offer::Status::Active,
        metadata: json!({}),
        created_at: now,
    };
    let tune = "https://tune.example.com/aff_c?offer_id={{offer.external_id}}&aff_id=7&aff_sub2={{metadata.campaign}}";
    let everflow = "https://everflow.example.com/6JHXF/2CTPL/?uid=202&sub3={{contact.phone}}";
    let offers = [
        offer("Summer (TUNE)", offer::Platform::Tune, tune, "101"),
        offer("Winter (Everflow)", offer::Platform::Everflow, everflow, "202"),
    ];
    domain.into_active_model().insert(db).await?;
    for list in lists.clone() {
        list.into_active_model().insert(db).await?;
    }
    for offer in offers.clone() {
        offer.into_active_model().insert(db).await?;
    }
    let sender = history::Sender {
        account: &account,
        lists: &lists,
        offers: &offers,
    };
    history::seed(db, sender, judge, today).await?;
    Ok((account.id, key.expose().to_owned()))
}

/// The URL of an `SQLite` file, whatever its folder is called.
fn url_of(file: &Path) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'.')
        .remove(b'-')
        .remove(b'_');
    format!(
        "sqlite://{}",
        percent_encode(file.as_os_str().as_encoded_bytes(), &KEPT)
    )
}

/// The address as a browser on this machine reaches it, as a domain's host.
fn host_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    if address.port() == domain::Scheme::Http.default_port() {
        return address.to_string().trim_end_matches(":80").to_owned();
    }
    address.to_string()
}

impl Welcome {
    fn playground(&self) -> String {
        format!("{}/graphql", self.url)
    }

    fn json(&self) -> String {
        let line = json!({
            "url": self.url,
            "playground": self.playground(),
            "apiKey": self.api_key,
            "listId": LIST_ID,
            "phoneNumber": PHONE_NUMBER,
            "offers": self.offers,
        });
        format!("{line}\n")
    }

    fn text(&self) -> String {
        let Self { url, api_key, .. } = self;
        let playground = self.playground();
        let query = "mutation($input: CreateShortLinkInput!) { createShortLink(input: $input) \
                     { ... on CreateShortLinkSuccess { shortUrl } ... on UserError { code message path } } }";
        let variables = json!({"input": {"url": "https://example.com/spring-sale", "listId": LIST_ID}});
        let body = json!({"query": query, "variables": variables});
        let offers: String = self.offers.iter().fold(String::new(), |mut text, (name, id)| {
            let _ = writeln!(text, "  {name:<18} {}", id.as_str().unwrap_or_default());
            text
        });
        format!(
            "Linkhop demo is ready.\n\n\
             Playground  {playground}\n\
             API key     {api_key}\n\
             List        {LIST_ID} ({PHONE_NUMBER})\n\
             Offers\n{offers}\n\
             Make a link from a shell, then open the shortUrl it answers:\n\n\
             curl -s {url}/graphql -H 'Content-Type: application/json' -H 'X-Api-Key: {api_key}' -d '{body}'\n\n\
             Ctrl-C stops it; the next start keeps data and key.\n"
        )
    }
}
