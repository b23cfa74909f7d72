//! Tenants, their keys and what these may do.

pub mod audit;
mod create;
mod key;
mod keys;
mod last_used;
mod operate;
mod principal;
mod scope;
mod settings;

pub use audit::{Actor, Audited};
pub use create::create;
pub use key::ApiKey;
pub use keys::{
    CreateKeyError, Granter, KeyFilter, MAX_OVERLAP, NewApiKey, RotateKeyError, Rotated, create_key, keys,
    keys_by_ids, keys_of, revoke_key, rotate_key,
};
pub use operate::{Changed, UnknownAccount, UnknownKey, all, enable, find, revoke_any_key, set_status};
pub use principal::{AuthenticateError, Authenticator, Principal};
pub use scope::{locked, rows_of};
pub use settings::{ParameterField, SettingsChange, SettingsError, update_settings};
