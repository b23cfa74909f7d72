//! What the server must know and nobody else.

use std::fmt::Write as _;

use entity::server_secret;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait as _, sea_query::OnConflict};

use super::Store;

/// The bytes of a secret.
pub type Secret = [u8; 32];

impl Store {
    /// The secret of that name. It is drawn from `random` where there is none yet, and never again: all nodes over one
    /// database share it, and what was made with it stays good.
    ///
    /// # Errors
    /// When the database does not answer, or holds something else.
    pub async fn secret(&self, name: &str, random: fn(usize) -> Vec<u8>) -> Result<Secret, DbErr> {
        let stored = || server_secret::Entity::find_by_id(name).one(&self.write);
        if let Some(secret) = stored().await? {
            return parse(&secret.value);
        }
        let drawn = server_secret::ActiveModel {
            name: Set(name.to_owned()),
            value: Set(digits(&random(size_of::<Secret>()))),
        };
        // Another node may have been faster: then that one's is everybody's.
        let once = OnConflict::new().do_nothing().to_owned();
        server_secret::Entity::insert(drawn)
            .on_conflict(once)
            .exec_without_returning(&self.write)
            .await?;
        let secret = stored().await?;
        parse(&secret.map(|secret| secret.value).unwrap_or_default())
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn parse(digits: &str) -> Result<Secret, DbErr> {
    let mut secret = Secret::default();
    let is_whole = digits.len() == 2 * secret.len() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_whole {
        return Err(DbErr::Custom("a secret in the database is none".to_owned()));
    }
    for (byte, at) in secret.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_default();
    }
    Ok(secret)
}
