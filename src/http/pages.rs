//! The few pages that recipients may see.

use std::fmt::Write as _;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{catalog::blocked::List, links::lookup::State};

const STYLE: &str = "body{margin:0;min-height:100vh;display:grid;place-content:center;padding:1.5rem;\
    box-sizing:border-box;font:1.125rem/1.5 system-ui,sans-serif;color:#1f2430;background:#f6f7f9;text-align:center}\
    h1{font-size:1.5rem;margin:0 0 .5rem;overflow-wrap:anywhere}p{margin:0;max-width:28rem}\
    button{margin-top:1.5rem;width:100%;min-height:3.5rem;font:inherit;font-weight:600;color:#fff;background:#2456d6;\
    border:0;border-radius:.75rem}label{display:block;margin-top:1rem;text-align:left}\
    input,textarea{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}button:focus-visible{outline:3px solid #8fb0ff;outline-offset:3px}\
    @media(prefers-color-scheme:dark){body{color:#e8eaf0;background:#16181d}}";

/// A plain page: a title and a sentence.
fn page(status: StatusCode, title: &str, text: &str) -> Response {
    document(
        status,
        title,
        &format!("<p>{}</p>", escape(text)),
        "form-action 'none'; ",
    )
}

/// A page with what `html` has below its title: no script, nothing loaded from elsewhere, never stored or indexed.
/// `forms` is what its policy says of forms.
pub(super) fn document(status: StatusCode, title: &str, html: &str, forms: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{html}</main></body></html>\n"
    );
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; {forms}base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::CONTENT_SECURITY_POLICY, &policy),
    ];
    let mut response = (status, headers, html).into_response();
    response
        .headers_mut()
        .insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

pub(super) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, character| {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' | '\'' => {
                    let _ = write!(escaped, "&#{};", u32::from(character));
                }
                other => escaped.push(other),
            }
            escaped
        })
}

/// For an unknown host or code.
pub(super) fn not_found() -> Response {
    let text = "There is nothing at this address. Check that the link was copied whole.";
    page(StatusCode::NOT_FOUND, "Link not found", text)
}

/// For a link that no longer redirects.
pub(super) fn gone(state: State) -> Response {
    let text = match state {
        State::Expired => "This link has expired.",
        State::Exhausted => "This link has been used as often as it could be.",
        State::Disabled => "This link is switched off.",
        State::Active | State::Archived => "This link has been removed.",
    };
    page(StatusCode::GONE, "Link no longer available", text)
}

/// For a link to a host that is blocked: gone, and where a deny list says so, for reasons that may be of law.
pub(super) fn blocked(list: List) -> Response {
    let status = match list {
        List::Operator => StatusCode::GONE,
        List::DenyList => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
    };
    let text = "This link has been blocked, since where it leads may do harm.";
    page(status, "Link blocked", text)
}

/// For a click that could not be stored: it is not answered, and may be tried again.
pub(super) fn unavailable() -> Response {
    let mut response = page(
        StatusCode::SERVICE_UNAVAILABLE,
        "One moment, please",
        "Please open the link again in a few seconds.",
    );
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// For the root of a domain.
pub(super) fn root(brand: &str) -> Response {
    let text = "This address is used for links in text messages.";
    page(StatusCode::OK, brand, text)
}

/// `GET /robots.txt`: all may look, and every answer's header says not to index it. A crawler that was kept
/// out would never see that.
pub(super) async fn robots() -> &'static str {
    "User-agent: *\nAllow: /\n"
}

/// `GET /favicon.ico`: browsers ask for it; there is none.
pub(super) async fn favicon() -> impl IntoResponse {
    (
        StatusCode::NO_CONTENT,
        [(header::CACHE_CONTROL, "public, max-age=86400")],
    )
}
