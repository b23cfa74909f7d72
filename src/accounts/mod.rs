//! Tenants, their keys and what these may do.

pub mod audit;
mod create;
mod key;
mod key_rows;
mod last_used;
mod operate;
mod principal;
mod scope;
mod settings;

pub use audit::{Actor, Audited};
pub use create::{NewApiKey, create, create_key};
pub use key::ApiKey;
pub use key_rows::keys_by_ids;
pub use operate::{Changed, UnknownAccount, UnknownKey, all, enable, find, keys, revoke_key, set_status};
pub use principal::{AuthenticateError, Authenticator, Principal};
pub use scope::{locked, rows_of};
pub use settings::{ParameterField, SettingsChange, SettingsError, update_settings};
