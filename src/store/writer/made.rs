//! Writes for the tests of those who store them.

use std::sync::Arc;

use entity::{
    AccountId, AuditEntryId, ClickId, DomainId, SendingListId, ShortLinkId, Timestamp, agent_list,
    audit_entry, click, short_link,
};
use serde_json::json;
use tokio::sync::oneshot;

use super::{
    NewClick, NewLink, NewLinks, UsedKey,
    lot::{After, Asked, Message, Write},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A click that takes no place.
pub(super) fn click() -> Message {
    let row = click::Model {
        seq: 0,
        id: ClickId::at(NOW),
        clicked_at: NOW,
        short_link_id: ShortLinkId::at(NOW),
        method: click::Method::Get,
        bot_reason: None,
        bot_kind: None,
        is_prefetch: false,
        agent_list_id: 1,
        user_agent_id: None,
        address: None,
        visitor: None,
        country: None,
        referrer: None,
        language: None,
        parameters: None,
    };
    let list = agent_list::Model {
        id: 1,
        version: "1".to_owned(),
    };
    let click = NewClick {
        row,
        agent: None,
        list: Arc::new(list),
    };
    asked(Write::Click(Arc::new(click), None))
}

fn asked(write: Write) -> Message {
    let (caller, _) = oneshot::channel();
    Message::Store(Asked { write, caller })
}

/// So many links of one call.
pub(super) fn links(count: usize) -> Message {
    let account_id = AccountId::at(NOW);
    let (domain_id, sending_list_id) = (DomainId::at(NOW), SendingListId::at(NOW));
    let link = |number: usize| NewLink {
        row: short_link::Model {
            id: ShortLinkId::at(NOW),
            account_id,
            domain_id,
            code: format!("code{number}"),
            destination: "https://example.com/".to_owned(),
            sending_list_id,
            offer_id: None,
            contact_phone: None,
            metadata: json!({}),
            filter_bots: false,
            status: short_link::Status::Active,
            expires_at: None,
            max_clicks: None,
            fallback_url: None,
            created_at: NOW,
            exhausted_at: None,
            api_key_id: None,
        },
        key: None::<UsedKey>,
    };
    let entry = audit_entry::Model {
        account_id,
        id: AuditEntryId::at(NOW),
        api_key_id: None,
        action: audit_entry::Action::ShortLinksCreated,
        subject_id: None,
        affected: 0,
        before: None,
        after: None,
        created_at: NOW,
    };
    let links = (0..count).map(link).collect();
    let after = After {
        told: Box::new(|_| {}),
        turn: None,
    };
    asked(Write::Links(
        Arc::new(NewLinks { links, entry }),
        Vec::new(),
        after,
    ))
}
