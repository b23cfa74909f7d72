//! What the audit log is told of a link.
//!
//! Whom it was sent to is not for the log, which can't be changed: a person must be able to be forgotten. The number stands
//! in the row, but an offer may have put it into the destination, and an account into anything else.

use entity::{Timestamp, short_link};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{accounts::Audited, values::phone::replace_within};

/// What stands in the log for the recipient's number.
const HIDDEN: &str = "…";

impl Audited for short_link::Model {
    fn subject(&self) -> Uuid {
        self.id.into()
    }

    fn facts(&self) -> Value {
        let mut facts = json!({
            "linkId": self.code,
            "destinationUrl": self.destination,
            "status": self.status,
            "expiresAt": self.expires_at.map(Timestamp::utc),
            "maxClicks": self.max_clicks,
            "fallbackUrl": self.fallback_url,
            "filterBots": self.filter_bots,
            "metadata": self.metadata,
        });
        if let Some(number) = &self.contact_phone {
            replace_within(&mut facts, number, HIDDEN);
        }
        facts
    }
}
