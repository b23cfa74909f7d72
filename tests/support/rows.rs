//! Rows to begin with.

use entity::{
    AccountId, DomainId, OfferId, SendingListId, Timestamp, account, api_key, domain, offer, sending_list,
};
use linkhop::{
    accounts::{self, Granter, NewApiKey},
    store::Store,
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};

/// An account with all that a link needs: a key for everything, list 42 and its domain.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The account.
    pub account: account::Model,
    /// A key of it with the scope `ADMIN`.
    pub key: String,
    /// The key's row.
    pub key_row: api_key::Model,
    /// Its domain.
    pub domain: domain::Model,
    /// Its list, on that domain.
    pub list: sending_list::Model,
}

impl Tenant {
    /// Makes an account whose domain is `host`.
    pub async fn make(store: &Store, host: &str, now: Timestamp) -> Self {
        let products = [account::Product::Sms];
        let account = accounts::create(&store.write, host, &products, now)
            .await
            .expect("stored")
            .expect("a name");
        let (key_row, key) = make_key(store, account.id, &[api_key::Scope::Admin], None, now).await;
        let domain = domain::Model {
            id: DomainId::at(now),
            account_id: account.id,
            host: host.to_owned(),
            scheme: domain::Scheme::Https,
            status: domain::Status::Active,
            root_url: None,
            fallback_url: None,
            created_at: now,
        };
        let domain = domain
            .into_active_model()
            .insert(&store.write)
            .await
            .expect("a domain");
        let list = list(account.id, 42, "+18005551234", Some(domain.id), now);
        let list = list
            .into_active_model()
            .insert(&store.write)
            .await
            .expect("a list");
        Self {
            account,
            key,
            key_row,
            domain,
            list,
        }
    }

    /// An offer of the account, stored.
    pub async fn offer(
        &self,
        store: &Store,
        platform: Option<offer::Platform>,
        tracking_url: &str,
    ) -> offer::Model {
        let row = offer::Model {
            id: OfferId::at(self.account.created_at),
            account_id: self.account.id,
            name: "Offer".to_owned(),
            tracking_url: tracking_url.to_owned(),
            platform,
            external_id: Some("101".to_owned()),
            payout: None,
            payout_currency: None,
            payout_type: None,
            filter_bots: None,
            status: offer::Status::Active,
            metadata: json!({}),
            created_at: self.account.created_at,
        };
        row.into_active_model()
            .insert(&store.write)
            .await
            .expect("an offer")
    }

    /// One more list of the account, stored.
    pub async fn more_list(
        &self,
        store: &Store,
        list_id: i32,
        phone_number: &str,
        domain: Option<DomainId>,
    ) -> sending_list::Model {
        let row = list(
            self.account.id,
            list_id,
            phone_number,
            domain,
            self.account.created_at,
        );
        row.into_active_model()
            .insert(&store.write)
            .await
            .expect("a list")
    }

    /// One more domain of the account, stored.
    pub async fn more_domain(&self, store: &Store, host: &str) -> domain::Model {
        let row = domain::Model {
            id: DomainId::at(self.account.created_at),
            host: host.to_owned(),
            ..self.domain.clone()
        };
        row.into_active_model()
            .insert(&store.write)
            .await
            .expect("a domain")
    }

    /// One more key of the account.
    pub async fn key(
        &self,
        store: &Store,
        scopes: &[api_key::Scope],
        expires_at: Option<Timestamp>,
    ) -> String {
        make_key(
            store,
            self.account.id,
            scopes,
            expires_at,
            self.account.created_at,
        )
        .await
        .1
    }
}

/// An input of `createShortLink` that names this offer and list 42.
pub fn of_offer(offer: &offer::Model, mut fields: Value) -> Value {
    fields["offerId"] = json!(offer.id.to_string());
    fields["listId"] = json!(42);
    fields
}

async fn make_key(
    store: &Store,
    account: AccountId,
    scopes: &[api_key::Scope],
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> (api_key::Model, String) {
    let new = NewApiKey {
        name: "test".to_owned(),
        scopes: scopes.to_vec(),
        expires_at,
    };
    let made = accounts::create_key(
        &store.write,
        Granter::Operator(account),
        new,
        nanoid::rngs::default,
        now,
    )
    .await;
    let (row, key) = made.expect("a key");
    (row, key.expose().to_owned())
}

fn list(
    account: AccountId,
    list_id: i32,
    phone_number: &str,
    domain: Option<DomainId>,
    now: Timestamp,
) -> sending_list::Model {
    sending_list::Model {
        id: SendingListId::at(now),
        account_id: account,
        list_id,
        phone_number: phone_number.to_owned(),
        brand_name: "Example Outfitters".to_owned(),
        status: sending_list::Status::Active,
        metadata: json!({}),
        domain_id: domain,
        created_at: now,
    }
}
