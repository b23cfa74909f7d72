//! New accounts.

use entity::{AccountId, Timestamp, account, audit_entry::Action};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel};

use super::{Actor, audit};
use crate::values::name::{InvalidName, Name};

/// Makes an account with the platforms' usual parameter names as settings. Account and audit entry are two rows, so `db`
/// is a transaction wherever a server may stop in between.
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
    let row = row.into_active_model().insert(db).await?;
    let operator = Actor::operator(row.id);
    audit::record(db, operator, Action::AccountCreated, None, &row, now).await?;
    Ok(Ok(row))
}
