//! The redirect: from a visited host and code to where the link leads.

use std::borrow::Cow;

use axum::{
    Extension,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use entity::ClickId;
use percent_encoding::percent_decode_str;

use super::{
    metrics::Requests, pages, preview, request_id::RequestId, state::State, traced::Traced, visitor::Visitor,
};
use crate::{
    catalog,
    clicks::recorder::Recorded,
    links::{
        self,
        resolve::{LiveLink, Resolved},
    },
    values::{host::Host, host_name, template::fill_at_click},
};

/// What handsets glue to a link at the end of a sentence.
const PUNCTUATION: [char; 12] = ['.', ',', ';', ':', '!', '\'', '"', ')', ']', '}', '>', '\u{201d}'];

/// What is allowed on a path.
pub(super) const READS: &str = "GET, HEAD";

/// What is allowed on a link that shows bots a page.
pub(super) const READS_AND_CONTINUE: &str = "GET, HEAD, POST";

/// A visit that may be traced. A way of its own: where nothing is, a visit has not even to ask.
pub(super) async fn traced_visit(state: Extract<State>, request: Request) -> Response {
    match Traced::visit(&request) {
        Some(traced) => traced.around(visit(state, request)).await,
        None => visit(state, request).await,
    }
}

/// Whatever is no route of the server's own: a short link, or nothing.
pub(super) async fn visit(Extract(state): Extract<State>, request: Request) -> Response {
    let measured = state.requests.as_ref().and_then(Requests::begin_visit);
    let (request, body) = request.into_parts();
    let id = RequestId::of(&request.headers);
    let response = if request.method == Method::POST {
        // In a box: no other visit should have to carry it.
        Box::pin(preview::go_on(&state, &id, &request, body)).await
    } else {
        answer(&state, &id, &request).await
    };
    // No path: it is somebody's link.
    tracing::debug!(
        request_id = id.as_str(),
        status = response.status().as_u16(),
        "visited"
    );
    if let Some(measured) = measured {
        measured.end(response.status());
    }
    id.name(response)
}

async fn answer(state: &State, id: &RequestId, request: &Parts) -> Response {
    if !is_read(&request.method) {
        return refuse(state, id, request).await;
    }
    let Some((host, code)) = named(request) else {
        return pages::not_found();
    };
    let app = &state.app;
    let now = app.clock.now();
    let link = match app.resolver.resolve(host, &code, now).await {
        Ok(Resolved::Active(link)) => link,
        Ok(Resolved::Gone(state, link)) => return gone(StatusCode::FOUND, state, &link),
        Ok(Resolved::Blocked(list, _)) => return pages::blocked(list),
        Ok(Resolved::Unknown) => return pages::not_found(),
        Err(error) => return failed(id, &error),
    };
    let visitor = Visitor::of(request, &state.settings.trusted_proxies);
    let visit = visitor.visit(ClickId::at(now), &link, now);
    let (click, verdict) = visit.click(&app.judge);
    let limit = link.max_clicks.filter(|_| !verdict.is_bot());
    let recorded = app.recorder.record(click, limit).await;
    forget_if_full(state, &code, recorded);
    match recorded {
        Recorded::Counted | Recorded::CountedLast if verdict.is_bot() && link.filter_bots => {
            preview::page(&link, host, &app.continuing.token(link.id, now))
        }
        Recorded::Counted | Recorded::CountedLast => {
            redirect(StatusCode::FOUND, &target(&link, visit.id, request))
        }
        Recorded::Exhausted => gone(StatusCode::FOUND, links::lookup::State::Exhausted, &link),
        Recorded::Undecided => pages::unavailable(),
    }
}

/// For a method that no link has: which ones this one has.
async fn refuse(state: &State, id: &RequestId, request: &Parts) -> Response {
    let Some((host, code)) = named(request) else {
        return method_not_allowed(READS);
    };
    let app = &state.app;
    match app.resolver.resolve(host, &code, app.clock.now()).await {
        Ok(Resolved::Active(link) | Resolved::Gone(_, link) | Resolved::Blocked(_, link))
            if link.filter_bots =>
        {
            method_not_allowed(READS_AND_CONTINUE)
        }
        Ok(_) => method_not_allowed(READS),
        Err(error) => failed(id, &error),
    }
}

/// Has a link that lets nobody else through read again: bots take no place, so nothing else would tell them.
pub(super) fn forget_if_full(state: &State, code: &str, recorded: Recorded) {
    if matches!(recorded, Recorded::CountedLast | Recorded::Exhausted) {
        state.app.resolver.forget(code);
    }
}

/// The host and the code that are visited.
pub(super) fn named(request: &Parts) -> Option<(&str, Cow<'_, str>)> {
    host_of(&request.uri, &request.headers).zip(code_of(request.uri.path()))
}

/// Where a click on the link leads.
pub(super) fn target<'a>(link: &'a LiveLink, click: ClickId, request: &Parts) -> Cow<'a, str> {
    fill_at_click(link.destination(), click, request.uri.query().unwrap_or_default())
}

/// `GET /`: the root of a domain.
pub(super) async fn root(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    if !is_read(request.method()) {
        return method_not_allowed(READS);
    }
    let Some(host) = host_of(request.uri(), request.headers()).and_then(Host::parse) else {
        return pages::not_found();
    };
    let db = &state.app.store.read;
    let domain = match catalog::domain::of_visit(db, &host).await {
        Ok(Some(domain)) => domain,
        Ok(None) => return pages::not_found(),
        Err(error) => return failed(&id, &error),
    };
    if let Some(url) = &domain.root_url {
        if let Some(list) = state.app.hosts.blocked().list_of(host_name::host_of(url)) {
            return pages::blocked(list);
        }
        return redirect(StatusCode::FOUND, url);
    }
    match catalog::sending_list::brand_of(db, domain.account_id, domain.id).await {
        Ok(brand) => pages::root(brand.as_deref().unwrap_or(&domain.host)),
        Err(error) => failed(&id, &error),
    }
}

/// The host that a request names.
pub(super) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// The code that a path names, without what a handset glued to it.
fn code_of(path: &str) -> Option<Cow<'_, str>> {
    let segment = path.strip_prefix('/')?;
    let code = match percent_decode_str(segment).decode_utf8().ok()? {
        Cow::Borrowed(code) => Cow::Borrowed(code.trim_end_matches(PUNCTUATION)),
        Cow::Owned(code) => Cow::Owned(code.trim_end_matches(PUNCTUATION).to_owned()),
    };
    (!code.is_empty()).then_some(code)
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// One hop, for this visitor and this time only.
pub(super) fn redirect(status: StatusCode, url: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(url) else {
        // Nothing is stored that can't be sent, so this is a row that somebody else wrote.
        tracing::error!("a stored URL can't be sent as a Location header");
        return pages::not_found();
    };
    let headers = [
        (header::LOCATION, location),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin")),
        (
            header::HeaderName::from_static("x-robots-tag"),
            HeaderValue::from_static("noindex"),
        ),
    ];
    (status, headers).into_response()
}

/// For a link that no longer redirects: where it leads instead, or why.
pub(super) fn gone(status: StatusCode, state: links::lookup::State, link: &LiveLink) -> Response {
    match link.fallback_url() {
        Some(url) => redirect(status, url),
        None => pages::gone(state),
    }
}

pub(super) fn method_not_allowed(allowed: &str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allowed)]).into_response()
}

pub(super) fn failed(id: &RequestId, error: &dyn std::error::Error) -> Response {
    tracing::error!(
        request_id = id.as_str(),
        error = crate::graphql::error::chain(error),
        "a visit failed"
    );
    pages::unavailable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_that_a_handset_glues_to_a_link_is_no_part_of_its_code() {
        for path in [
            "/Ab3",
            "/Ab3.",
            "/Ab3).",
            "/Ab3%22",
            "/Ab3%E2%80%9D",
            "/Ab3!,",
            "/Ab3'>",
        ] {
            assert_eq!(code_of(path).as_deref(), Some("Ab3"), "{path}");
        }
        assert_eq!(code_of("/%41b3").as_deref(), Some("Ab3"));
        for path in ["/", "/...", "", "/%FF"] {
            assert_eq!(code_of(path), None, "{path}");
        }
    }
}
