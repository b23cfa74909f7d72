//! The page that a bot sees on a link that filters bots, and the way on for a person who was taken for one.
//!
//! It leads where the link leads, by a form that a person sends and a program that only fetches does not.

use axum::{
    body::{Body, to_bytes},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use tokio::time::timeout;
use url::form_urlencoded;

use super::{
    pages::{self, document, escape},
    redirect::{
        READS, READS_AND_CONTINUE, failed, forget_if_full, gone, method_not_allowed, named, redirect, target,
    },
    request_id::RequestId,
    state::State,
    visitor::Visitor,
};
use crate::{
    clicks::recorder::Recorded,
    links::{
        lookup,
        resolve::{LiveLink, Resolved},
    },
};

/// The most bytes of a form: it holds a token of a hundred.
const FORM_BYTES: usize = 4096;

/// The field of the form.
const FIELD: &str = "token";

/// The page, to be answered once the bot's click is stored.
pub(super) fn page(link: &LiveLink, host: &str, token: &str) -> Response {
    with(
        StatusCode::OK,
        link,
        host,
        token,
        "Tap Continue to open the link.",
    )
}

/// Sent to where the page is, so that the query stays and fills macros.
fn with(status: StatusCode, link: &LiveLink, host: &str, token: &str, text: &str) -> Response {
    let brand = Some(link.brand_name()).filter(|brand| !brand.is_empty());
    let html = format!(
        "<p>{}</p><form method=\"post\"><input type=\"hidden\" name=\"{FIELD}\" value=\"{}\">\
         <button>Continue</button></form>",
        escape(text),
        escape(token)
    );
    // Chromium holds `form-action` against the whole way of a form, redirects of the destination's own among them: with
    // 'self' nobody arrives. The page has this one form, and no script or base that could send it elsewhere.
    document(status, brand.unwrap_or(host), &html, "")
}

/// `POST` to a short link: the page's `Continue`, or nothing that there is.
pub(super) async fn go_on(state: &State, id: &RequestId, request: &Parts, body: Body) -> Response {
    let Some((host, code)) = named(request) else {
        return method_not_allowed(READS);
    };
    let app = &state.app;
    let now = app.clock.now();
    let (stands, link) = match app.resolver.resolve(host, &code, now).await {
        Ok(Resolved::Active(link)) => (lookup::State::Active, link),
        Ok(Resolved::Gone(stands, link)) => (stands, link),
        Ok(Resolved::Blocked(list, link)) if link.filter_bots => return pages::blocked(list),
        Ok(Resolved::Unknown | Resolved::Blocked(..)) => return method_not_allowed(READS),
        Err(error) => return failed(id, &error),
    };
    if !link.filter_bots {
        return method_not_allowed(READS);
    }
    let token = match timeout(state.settings.request_timeout, to_bytes(body, FORM_BYTES)).await {
        Ok(Ok(form)) => form_urlencoded::parse(&form)
            .find(|(field, _)| field == FIELD)
            .map(|(_, token)| token.into_owned()),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let Some(token) = token else {
        return method_not_allowed(READS_AND_CONTINUE);
    };
    let is_exhausted = stands == lookup::State::Exhausted;
    if stands != lookup::State::Active && !is_exhausted {
        return gone(StatusCode::SEE_OTHER, stands, &link);
    }
    let Some(click) = app.continuing.click(&token, link.id, now) else {
        if is_exhausted {
            return gone(StatusCode::SEE_OTHER, stands, &link);
        }
        let token = app.continuing.token(link.id, now);
        let text = "This page is too old. Tap Continue once more to open the link.";
        return with(StatusCode::FORBIDDEN, &link, host, &token, text);
    };
    let visitor = Visitor::of(request, &state.settings.trusted_proxies);
    let (row, _) = visitor.visit(click, &link, now).click(&app.judge);
    let recorded = app.continuing.record(row, link.max_clicks, is_exhausted).await;
    forget_if_full(state, &code, recorded);
    match recorded {
        Recorded::Counted | Recorded::CountedLast => {
            redirect(StatusCode::SEE_OTHER, &target(&link, click, request))
        }
        Recorded::Exhausted => gone(StatusCode::SEE_OTHER, lookup::State::Exhausted, &link),
        Recorded::Undecided => pages::unavailable(),
    }
}
