//! `POST /v2/links/shorten`: `createShortLink` for clients that were written for a REST API.

mod input;
mod problem;

use axum::{
    Extension,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::api_key::Scope;
use serde_json::{Value, json};

use self::problem::Problem;
pub(super) use self::problem::{INVALID_KEY, MISSING_KEY, fail};
use super::{
    body::Refusal,
    operation::{BodyLimit, Deadline},
    principal::Caller,
    received::expect_json,
    request_id::RequestId,
    state::State,
    visitor::address_of,
};
use crate::{
    graphql::{
        error::{Code, lacks},
        refusal::refused,
    },
    links::create::{Created, create},
};

/// Makes a link for the caller's account.
pub(super) async fn post(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match shorten(&state, &headers, request).await {
        Ok((created, caller)) => {
            let mut response = answer(StatusCode::OK, &success(&created));
            caller.tell_left(&mut response);
            response
        }
        Err(problem) => problem.answer(&id),
    }
}

/// Any other method.
pub(super) async fn method_not_allowed(Extension(id): Extension<RequestId>) -> Response {
    let message = "Send what the link is to be with POST, as a JSON object.";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
    Problem::from(refusal.with(header::ALLOW, "POST")).answer(&id)
}

async fn shorten(state: &State, headers: &HeaderMap, request: Request) -> Result<(Created, Caller), Problem> {
    let deadline = Deadline::of(state);
    let app = &state.app;
    let address = address_of(request.extensions(), headers, &state.settings.trusted_proxies);
    let caller = deadline.work(Caller::of(state, headers, address)).await??;
    let principal = caller.principal.as_ref().ok_or(Problem::MissingKey)?;
    if !principal.may(Scope::LinksWrite) {
        let message = lacks(Scope::LinksWrite);
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message).into());
    }
    expect_json(headers)?;
    let new = input::read(&deadline.body(BodyLimit::of(state, &caller), request).await?)?;
    let made = create(
        app.link_tools(),
        &principal.account,
        (&**principal).into(),
        new,
        app.clock.now(),
    );
    match deadline.work(made).await? {
        Ok(created) => Ok((created, caller)),
        Err(error) => Err(match refused(error) {
            Ok(refused) => Problem::Refused(refused),
            Err(fault) => Refusal::Fault(fault).into(),
        }),
    }
}

/// The fields of `CreateShortLinkSuccess`, without the whole link behind them.
fn success(created: &Created) -> Value {
    let Created {
        link,
        domain,
        replayed,
    } = created;
    json!({
        "shortUrl": domain.short_url(&link.code),
        "linkId": link.code,
        "destinationUrl": link.destination,
        "domain": domain.host,
        "offerId": link.offer_id.map(|id| id.to_string()),
        "filterBots": link.filter_bots,
        "replayed": replayed,
    })
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
