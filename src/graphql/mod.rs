//! The GraphQL door: from arguments to what the domain takes, and from its answers to types.
//!
//! No rule about links stands here, and no SQL. Descriptions are the manual that people in the playground and
//! agents that choose a tool read.

mod account;
mod api_key;
mod audit_entry;
mod batch;
mod click;
mod click_filter;
mod click_grouping;
mod click_report;
mod connection;
pub mod cost;
mod create_short_link;
mod create_short_links;
mod documents;
mod domain;
mod edit_account_settings;
mod edit_api_key;
mod edit_contact;
mod edit_domain;
mod edit_offer;
mod edit_sending_list;
mod edit_short_link;
pub mod error;
mod field_error;
mod filter;
mod limits;
mod lists;
mod live_click;
mod loader;
mod mutation;
mod node;
mod offer;
mod persisted;
mod qr_code;
mod query;
pub mod refusal;
mod sending_list;
mod short_link;
mod sms;
mod steps;
mod trusted;
mod usage;
mod user_error;
mod variables;

use std::sync::Arc;

use async_graphql::{Request, Schema};
use chrono::{DateTime, Utc};

use self::{
    api_key::ApiKey,
    audit_entry::AuditEntry,
    click::{Click, ClickTotal},
    connection::{Total, describe},
    cost::Bill,
    documents::Documents,
    domain::Domain,
    offer::Offer,
    sending_list::SendingList,
    short_link::ShortLink,
    steps::Steps,
};
pub use self::{
    limits::{Limits, normalised},
    live_click::{Streaming, Subscription},
    mutation::Mutation,
    persisted::DocumentId,
    query::Query,
    trusted::{Own, Trusted, TrustedError},
    variables::INTROSPECTION_IS_OFF,
};
use crate::{accounts::Principal, app::App};

/// The schema with all that its resolvers can reach.
pub type LinkhopSchema = Schema<Query, Mutation, Subscription>;

/// The schema over `app`. With `trusted` documents no others are run.
#[must_use]
pub fn schema(app: App, limits: Limits, introspection: bool, trusted: Option<Arc<Trusted>>) -> LinkhopSchema {
    let mut builder = builder()
        .extension(Steps {
            documents: Documents::new(limits, trusted),
            limits,
        })
        .data(app);
    if !introspection {
        // The names that the library suggests for wrong ones are the schema's too.
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

/// The schema in its definition language, as `schema.graphql` and `GET /schema.graphql` show it.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_enum_items()
        .include_specified_by();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    let builder =
        Schema::build(Query, Mutation, Subscription).register_output_type::<user_error::UserError>();
    // The library's own words for these say how it makes them.
    let builder = builder
        .override_output_type_description::<DateTime<Utc>>(
            "A moment in RFC 3339 with its offset, such as `2026-12-24T18:00:00Z`. Answers are in UTC and to the \
             millisecond, such as `2026-12-24T18:00:00.123+00:00`.",
        )
        .override_output_type_description::<serde_json::Value>(
            "Any JSON value. What it must be, mostly an object, is said where it is used.\n\n\
             In a document it is written \
             as a literal, `{campaign: \"spring\"}`; as a variable it is plain JSON.",
        );
    let builder = describe::<ShortLink, Total, _, _, _>(
        builder,
        "A page of short links.",
        "A short link and its place in the list.",
    );
    let builder = describe::<Offer, Total, _, _, _>(
        builder,
        "A page of offers.",
        "An offer and its place in the list.",
    );
    let builder = describe::<Click, ClickTotal, _, _, _>(
        builder,
        "A page of clicks.",
        "A click and its place among the others of the list.",
    );
    let builder = describe::<SendingList, Total, _, _, _>(
        builder,
        "A page of sending lists.",
        "A sending list and its place in the list of lists.",
    );
    let builder = describe::<ApiKey, Total, _, _, _>(
        builder,
        "A page of API keys.",
        "An API key and its place in the list.",
    );
    let builder = describe::<AuditEntry, Total, _, _, _>(
        builder,
        "A page of the audit log.",
        "An entry of the audit log and its place there.",
    );
    describe::<Domain, Total, _, _, _>(
        builder,
        "A page of domains.",
        "A domain and its place in the list.",
    )
}

/// Gives a request what depends on who sends it, and what they pay with.
#[must_use]
pub fn prepare(
    request: Request,
    app: &App,
    principal: Option<Arc<Principal>>,
    bill: Option<Bill>,
) -> Request {
    let request = match bill {
        Some(bill) => request.data(bill),
        None => request,
    };
    match principal {
        Some(principal) => {
            let loader = loader::loader(app, principal.account_id());
            request.data(loader).data(principal)
        }
        None => request,
    }
}
