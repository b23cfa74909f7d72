//! `openapi.json`: what people and programs read who know REST APIs.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::{
    extract::State as Extract,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{
    ROUTES, pages,
    shorten::{INVALID_KEY, MISSING_KEY},
    state::State,
};
use crate::graphql::refusal::reasons;

/// Reasons that have nothing to do with what the link is to be: status, code, and when.
const OF_REQUESTS: [(u16, &str, &str); 11] = [
    (
        400,
        "bad_request",
        "The body is no JSON object in UTF-8, or a field is of the wrong type.",
    ),
    (401, MISSING_KEY, "No API key was sent."),
    (401, INVALID_KEY, "The API key is unknown, expired or revoked."),
    (403, "account_suspended", "The account is suspended."),
    (403, "forbidden", "The API key lacks the scope `LINKS_WRITE`."),
    (408, "timeout", "The body did not arrive in time."),
    (413, "bad_request", "The body is too large."),
    (
        415,
        "bad_request",
        "The body is not `application/json`, of another charset than UTF-8, or compressed.",
    ),
    (
        429,
        "rate_limited",
        "The key or its account has asked for too much; `Retry-After` says in how many seconds to come again. Or too many \
         wrong keys came from the address.",
    ),
    (
        500,
        "internal",
        "It is our fault; the log has the `X-Request-Id` of the answer.",
    ),
    (
        503,
        "timeout",
        "It took too long. The link may have been made all the same: send it again with the same `idempotencyKey`.",
    ),
];

/// `GET /openapi.json`.
pub(super) async fn served(Extract(state): Extract<State>) -> Response {
    if !state.settings.introspection {
        return pages::not_found().into_response();
    }
    (
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        state.openapi.clone(),
    )
        .into_response()
}

/// The OpenAPI document of the REST call, as `openapi.json` and `GET /openapi.json` show it.
#[must_use]
pub fn openapi() -> String {
    let [_, _, _, shorten, ..] = ROUTES;
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Linkhop",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Makes trackable short links, for clients that were written for a REST API. All else that Linkhop \
                does, reports too, is in its GraphQL API at `/graphql`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "paths": {shorten: {"post": operation()}},
        "components": {
            "schemas": {"NewLink": input(), "Link": success()},
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey", "in": "header", "name": "X-Api-Key",
                    "description": "An API key with the scope `LINKS_WRITE`: `trk_` and 32 letters and digits.",
                },
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "The same API key as `Authorization: Bearer`.",
                },
            },
        },
    });
    // Its fields come sorted, so that a change is seen as what it is.
    format!("{document:#}\n")
}

fn operation() -> Value {
    let mut responses = serde_json::Map::new();
    let link = json!({"$ref": "#/components/schemas/Link"});
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "The link, ready to be sent.",
            "content": {"application/json": {"schema": link}},
        }),
    );
    for (status, reasons) in by_status() {
        responses.insert(status.to_string(), problem(&reasons));
    }
    json!({
        "operationId": "shortenLink",
        "summary": "Make a short link",
        "description": "Turns a URL, or an offer of the account, into a short link on the domain of a sending list. It is \
            `createShortLink` of the GraphQL API: the same fields, the same checks in the same order, the same links.",
        "requestBody": {
            "required": true,
            "description": "What the link is to be. Fields that are not named here are passed over.",
            "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/NewLink"},
                "examples": {
                    "url": {
                        "summary": "A link to a URL",
                        "value": {
                            "url": "https://example.com/spring-sale",
                            "listId": 42,
                            "metadata": {"campaign": "spring"},
                        },
                    },
                },
            }},
        },
        "responses": responses,
    })
}

/// Codes in lower case and when they are given, by their status.
fn by_status() -> BTreeMap<u16, Vec<(String, String)>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (status, code, when) in OF_REQUESTS {
        let reasons = all.entry(status).or_default();
        reasons.push((code.to_owned(), when.to_owned()));
    }
    for reason in reasons() {
        let reasons = all.entry(reason.status).or_default();
        reasons.push((reason.code.to_ascii_lowercase(), reason.when.trim().to_owned()));
    }
    all
}

/// The envelope with these codes.
fn problem(reasons: &[(String, String)]) -> Value {
    let mut description = String::from("No link was made.");
    for (code, when) in reasons {
        let _ = write!(description, "\n- `{code}`: {when}");
    }
    let codes: Vec<_> = reasons.iter().map(|(code, _)| code).collect();
    json!({
        "description": description,
        "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["error", "code"],
            "additionalProperties": false,
            "properties": {
                "error": {
                    "type": "string",
                    "description": "What is wrong and what to do, for people; its wording may change.",
                },
                "code": {"type": "string", "enum": codes, "description": "Which error it is, for programs."},
            },
        }}},
    })
}

fn input() -> Value {
    let int = |least: i32, description: &str| {
        json!({
            "type": ["integer", "null"], "format": "int32", "minimum": least, "maximum": i32::MAX,
            "description": description,
        })
    };
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    json!({
        "type": "object",
        "description": "Give `url` or `offerId`, and `listId` or `phoneNumber`; all else is optional, and null is as good as \
            nothing.",
        "properties": {
            "url": text("Where the link leads: an absolute http or https URL of at most 4,096 bytes. Required unless \
                `offerId` is given, and ignored then."),
            "offerId": text("An active offer of the account, whose tracking URL the link leads to. Wins over `url`."),
            "listId": int(i32::MIN, "The sending list that the link is sent from, by its number in the account. Required \
                unless `phoneNumber` is given, which it wins over."),
            "phoneNumber": text("The sending list that the link is sent from, by its phone number, E.164 such as \
                `+18005551234`."),
            "contactPhone": text("The recipient, E.164; kept with the link, and what `{{contact.phone}}` in an offer becomes."),
            "metadata": {
                "type": ["object", "null"],
                "description": "What clicks are attributed to: at most 4,096 bytes as JSON, 5 levels deep. \
                    `{{metadata.campaign}}` in an offer becomes its value.",
            },
            "code": {
                "type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]{3,64}$",
                "description": "The code that the link is to have, none that the server uses itself. Seven random letters and \
                    digits unless given.",
            },
            "filterBots": {
                "type": ["boolean", "null"],
                "description": "Whether bots are to see a preview page instead of being sent on. The offer's setting decides \
                    if null, then the account's.",
            },
            "expiresAt": {
                "type": ["string", "null"], "format": "date-time",
                "description": "From when on visitors get a 410 page, or `fallbackUrl`. In the future, the year 9999 at the \
                    latest.",
            },
            "maxClicks": int(1, "How many people the link lets through. Those after them get a 410 page, or `fallbackUrl`."),
            "fallbackUrl": text("Where visitors are sent once the link no longer redirects, of the same form as `url`."),
            "idempotencyKey": {
                "type": ["string", "null"], "minLength": 1, "maxLength": 255,
                "description": "Makes the call safe to repeat: the same key and input within 24 hours answer the link that was \
                    made first.",
            },
        },
    })
}

fn success() -> Value {
    let fields = json!({
        "shortUrl": {
            "type": "string", "format": "uri",
            "description": "What to send to recipients, such as `https://go.example.com/Ab3kX9q`.",
        },
        "linkId": {"type": "string", "description": "The link's code on its domain, such as `Ab3kX9q`."},
        "destinationUrl": {
            "type": "string",
            "description": "Where recipients land. Macros of click time, such as `{{click.id}}`, stand in it literally.",
        },
        "domain": {"type": "string", "description": "The host of `shortUrl`."},
        "offerId": {
            "type": ["string", "null"],
            "description": "The offer that the link leads to; null if it was made with `url`.",
        },
        "filterBots": {
            "type": "boolean",
            "description": "Whether bots see a preview page instead of being sent on.",
        },
        "replayed": {
            "type": "boolean",
            "description": "Whether `idempotencyKey` was used before, and this is the link that it made then.",
        },
    });
    let names: Vec<String> = fields
        .as_object()
        .map(|fields| fields.keys().cloned().collect())
        .unwrap_or_default();
    json!({
        "type": "object",
        "description": "A short link.",
        "required": names,
        "additionalProperties": false,
        "properties": fields,
    })
}
