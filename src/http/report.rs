//! `/report`: a form on each short domain, by which people say what is wrong with a link.

use axum::{
    Extension,
    body::to_bytes,
    extract::{RawQuery, Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use entity::{Timestamp, domain};
use tokio::time::timeout;
use url::form_urlencoded;

use super::{
    guesses::counted,
    pages::{document, escape, not_found},
    redirect::{failed, host_of},
    request_id::RequestId,
    state::State,
    visitor::address_of,
};
use crate::{
    catalog,
    links::report::{MAX_EMAIL, MAX_REASON, NewReport, ReportError, report},
    rates::{Standing, Tries, Try},
    values::{host::Host, web_url},
};

/// The most bytes of a form.
const FORM_BYTES: usize = 16 * 1024;

/// How often an address may send the form in [`SECONDS`].
const OF_ADDRESS: u32 = 5;

/// How many of all of them are stored in [`SECONDS`]: whoever has many addresses does not fill the database.
const OF_ALL: u32 = 500;

/// How long they are counted together.
const SECONDS: u32 = 600;

/// Where all addresses are counted together.
const ALL: [u8; 16] = [0; 16];

/// Counts reports.
#[derive(Debug)]
pub(super) struct Reports {
    of_address: Tries,
    of_all: Tries,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            of_address: Tries::new(OF_ADDRESS, SECONDS),
            of_all: Tries::new(OF_ALL, SECONDS),
        }
    }
}

impl Reports {
    /// Counts that an address sends the form; after how many seconds to come again where it did too often, or where too much
    /// was reported by all.
    fn begin(&self, address: Option<[u8; 16]>, now: Timestamp) -> Option<u32> {
        let of_address = address.map_or(Standing::Clean, |address| self.of_address.note(address, now));
        let of_all = self.of_all.standing(&ALL, now);
        [of_address, of_all]
            .into_iter()
            .find_map(|standing| match standing {
                Standing::Over(seconds) => Some(seconds),
                Standing::Clean | Standing::Noted => None,
            })
    }

    /// A place for a report that may be stored, or after how many seconds to come again: those who send theirs at the same
    /// time get no more of them stored than one after another. What is not stored fills no database, and shuts nobody else
    /// out.
    async fn place(&self, now: Timestamp) -> Result<Try, u32> {
        self.of_all.begin(ALL, now).await
    }
}

/// `GET /report`: the form, with the link in it that the URL's parameter `link` names.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match visited(&state, &uri, &headers).await {
        Ok(Some(_)) => form(StatusCode::OK, &read(query.unwrap_or_default().as_bytes()), None),
        Ok(None) => not_found(),
        Err(error) => failed(&id, &error),
    }
}

/// `POST /report`: stores what the form says.
pub(super) async fn post(
    Extract(state): Extract<State>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let domain = match visited(&state, &parts.uri, &parts.headers).await {
        Ok(Some(domain)) => domain,
        Ok(None) => return not_found(),
        Err(error) => return failed(&id, &error),
    };
    let app = &state.app;
    let now = app.clock.now();
    let address = address_of(&parts.extensions, &parts.headers, &state.settings.trusted_proxies);
    if let Some(seconds) = state.reports.begin(counted(address), now) {
        return too_many(seconds);
    }
    let new = match timeout(state.settings.request_timeout, to_bytes(body, FORM_BYTES)).await {
        Ok(Ok(form)) => read(&form),
        Ok(Err(_)) => {
            return said(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Too long",
                "Send a shorter report.",
            );
        }
        Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "Too slow", "Send the report again."),
    };
    let place = match state.reports.place(now).await {
        Ok(place) => place,
        Err(seconds) => return too_many(seconds),
    };
    let wrong = match report(&app.store, &app.resolver, &domain, &new, now).await {
        Ok(_) => {
            place.counts();
            let text = "The operator of this server will look at it.";
            return said(StatusCode::OK, "Thank you", text);
        }
        Err(ReportError::Link) => {
            "There is no such link here. Copy it from the message as a whole.".to_owned()
        }
        Err(ReportError::Reason) => {
            format!("Say what is wrong with the link, in at most {MAX_REASON} characters.")
        }
        Err(ReportError::Email) => "This is no e-mail address. It may be left out.".to_owned(),
        Err(ReportError::Database(error)) => return failed(&id, &error),
        Err(ReportError::Read(error)) => return failed(&id, &error),
    };
    form(StatusCode::BAD_REQUEST, &new, Some(&wrong))
}

/// The domain that is visited; `None` where the host is none.
async fn visited(
    state: &State,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<domain::Model>, sea_orm::DbErr> {
    match host_of(uri, headers).and_then(Host::parse) {
        Some(host) => catalog::domain::of_visit(&state.app.store.read, &host).await,
        None => Ok(None),
    }
}

/// Reads a form; of a field that is there twice the last one counts.
fn read(form: &[u8]) -> NewReport {
    let mut new = NewReport::default();
    for (name, value) in form_urlencoded::parse(form) {
        match &*name {
            "link" => new.link = value.into_owned(),
            "reason" => new.reason = value.into_owned(),
            "email" => new.email = value.into_owned(),
            _ => {}
        }
    }
    new
}

/// The form, with what was filled in before and what is wrong with it.
fn form(status: StatusCode, new: &NewReport, wrong: Option<&str>) -> Response {
    let (link, reason, email) = (escape(&new.link), escape(&new.reason), escape(&new.email));
    let wrong = wrong.map_or_else(String::new, |wrong| {
        format!("<p role=\"alert\"><strong>{}</strong></p>", escape(wrong))
    });
    let most_link = web_url::MAX_BYTES;
    let html = format!(
        "<p>Say what is wrong with a link that you were sent.</p>{wrong}\
         <form method=\"post\" action=\"/report\">\
         <label>Link<input name=\"link\" required maxlength=\"{most_link}\" autocomplete=\"off\" value=\"{link}\"></label>\
         <label>What is wrong with it<textarea name=\"reason\" required rows=\"5\" maxlength=\"{MAX_REASON}\">\n{reason}</textarea></label>\
         <label>Your e-mail address, if you want an answer\
         <input name=\"email\" type=\"email\" maxlength=\"{MAX_EMAIL}\" value=\"{email}\"></label>\
         <button>Report</button></form>"
    );
    document(status, "Report a link", &html, "form-action 'self'; ")
}

fn said(status: StatusCode, title: &str, text: &str) -> Response {
    document(
        status,
        title,
        &format!("<p>{}</p>", escape(text)),
        "form-action 'none'; ",
    )
}

fn too_many(seconds: u32) -> Response {
    let text = format!(
        "There were too many reports. Try again in {} minutes.",
        seconds.div_ceil(60)
    );
    let mut response = said(StatusCode::TOO_MANY_REQUESTS, "Later, please", &text);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
