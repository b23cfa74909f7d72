//! New accounts and keys.

use entity::{AccountId, ApiKeyId, Timestamp, account, api_key};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel};

use super::ApiKey;
use crate::values::name::{InvalidName, Name};

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<api_key::Scope>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Makes an account with the platforms' usual parameter names as settings.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when the name is no name.
pub async fn create(
    db: &impl ConnectionTrait,
    name: &str,
    products: &[account::Product],
    now: Timestamp,
) -> Result<Result<account::Model, InvalidName>, DbErr> {
    let name = match Name::parse(name) {
        Ok(name) => name,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let row = account::Model {
        id: AccountId::at(now),
        name: name.into(),
        status: account::Status::Active,
        products: account::Products(products.to_vec()),
        default_filter_bots: false,
        tune_link_parameter: "aff_sub".to_owned(),
        tune_click_parameter: "aff_click_id".to_owned(),
        everflow_link_parameter: "sub1".to_owned(),
        everflow_click_parameter: "sub2".to_owned(),
        global_offer_parameters: account::Parameters::default(),
        created_at: now,
    };
    Ok(Ok(row.into_active_model().insert(db).await?))
}

/// Makes a key of an account. The key itself is in no row: whoever calls must show it now.
///
/// # Errors
/// The outer one when the database does not answer, the inner one when the name is no name.
pub async fn create_key(
    db: &impl ConnectionTrait,
    account: AccountId,
    new: NewApiKey,
    random: fn(usize) -> Vec<u8>,
    now: Timestamp,
) -> Result<Result<(api_key::Model, ApiKey), InvalidName>, DbErr> {
    let name = match Name::parse(&new.name) {
        Ok(name) => name,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let key = ApiKey::draw(random);
    let row = api_key::Model {
        id: ApiKeyId::at(now),
        account_id: account,
        name: name.into(),
        hash: key.hash(),
        scopes: api_key::Scopes(new.scopes),
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: now,
    };
    Ok(Ok((row.into_active_model().insert(db).await?, key)))
}
