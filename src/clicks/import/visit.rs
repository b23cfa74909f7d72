//! From what a line says to the click that is stored of it.

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{
    ClickId, Timestamp, agent_list,
    click::{BotKind, BotReason, Method},
    text_id,
};
use sea_orm::ActiveEnum;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Fields, LinkName, Target};
use crate::{
    clicks::{address::Address, judge::Judge, said, visit::Visit},
    store::NewClick,
    values::query,
};

/// The list that is said to have judged clicks that bring their verdict.
pub const BROUGHT_LIST: &str = "imported";

/// How long before a click its id may have been made, in milliseconds: a preview page may be left a day later.
const MADE_BEFORE: i64 = 24 * 60 * 60 * 1000;

/// Why a line describes no click; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongClick {
    /// No link is named.
    #[error("name the link: shortUrl, or shortLinkId, or linkId and domain")]
    NoLink,
    /// The id of the link is none.
    #[error("shortLinkId is link_ and 32 hexadecimal digits")]
    LinkId,
    /// The account has no such link.
    #[error("the account has no such short link")]
    UnknownLink,
    /// It is not said when it was.
    #[error("clickedAt is missing: give the time, such as 2026-11-01T08:00:00Z")]
    NoTime,
    /// What is said to be the time is none.
    #[error("clickedAt is a time with its zone, such as 2026-11-01T08:00:00Z")]
    Time,
    /// It is not yet.
    #[error("clickedAt is in the future")]
    Future,
    /// Clicks of that time are removed: whether it was there can't be known.
    #[error("clicks from before {0} have been removed: whether this one was among them can't be known")]
    TooOld(DateTime<Utc>),
    /// Its id is no click's.
    #[error("id is click_ and 32 hexadecimal digits; leave it out, and one is made")]
    Id,
    /// Its id is of another time.
    #[error("id says that the click was made at another time than clickedAt; leave it out, and one is made")]
    IdOfOtherTime,
    /// There is no such method.
    #[error("method is GET, HEAD or POST")]
    Method,
    /// The address is none.
    #[error("ip is an address such as 203.0.113.7 or 2001:db8::1")]
    Address,
    /// The network is none.
    #[error("network is one such as 203.0.113.0 or 2001:db8::, with or without /24 or /48")]
    Network,
    /// The visitor is none.
    #[error("visitor is 16 hexadecimal digits, as `linkhop clicks export` writes it")]
    Visitor,
    /// The country is none.
    #[error("country is a code of two letters such as US")]
    Country,
    /// The referrer is none.
    #[error("referrer is a URL of the web or a host")]
    Referrer,
    /// The language is none.
    #[error("language is one such as en-US, or what Accept-Language said")]
    Language,
    /// There is no such reason.
    #[error("botReason is one of {}", names::<BotReason>())]
    Reason,
    /// There is no such kind.
    #[error("botKind is one of {}", names::<BotKind>())]
    Kind,
    /// A bot, and why is not said.
    #[error("isBot is true: say why in botReason, or leave both out and it is judged")]
    NoReason,
    /// A person with a reason to be a bot, or a kind of bot without one.
    #[error(
        "botReason and botKind are a bot's: they don't go with isBot false, nor botKind without botReason"
    )]
    NoBot,
}

/// All names of a word that is stored.
fn names<E: ActiveEnum<Value = String> + sea_orm::Iterable>() -> String {
    let names: Vec<_> = E::iter().map(|word| word.to_value()).collect();
    names.join(", ")
}

fn word<E: ActiveEnum<Value = String>>(text: &str) -> Option<E> {
    E::try_from_value(&text.to_owned()).ok()
}

/// How the line names its link.
pub(super) fn link_name(fields: &Fields) -> Result<LinkName, WrongClick> {
    if let Some(id) = &fields.short_link_id {
        return id.parse().map(LinkName::Id).map_err(|_| WrongClick::LinkId);
    }
    if let Some(url) = &fields.short_url {
        return Ok(LinkName::Url(url.clone()));
    }
    match (&fields.domain, &fields.link_id) {
        // The scheme means no more than the port where none is written out: a domain has the name either way.
        (Some(domain), Some(code)) if domain.ends_with(":80") => {
            Ok(LinkName::Url(format!("http://{domain}/{code}")))
        }
        (Some(domain), Some(code)) => Ok(LinkName::Url(format!("https://{domain}/{code}"))),
        _ => Err(WrongClick::NoLink),
    }
}

/// The click, judged by today's rules but for bursts: a file says nothing of the moments in which they were.
pub(super) fn click(
    fields: &Fields,
    target: &Target,
    judge: &Judge,
    now: Timestamp,
) -> Result<NewClick, WrongClick> {
    let at = clicked_at(fields, now)?;
    let address = fields.ip.as_deref().map(str::parse::<IpAddr>).transpose();
    let address = address.map_err(|_| WrongClick::Address)?;
    let method = fields.method.as_deref().map_or(Some(Method::Get), word);
    let query = query_of(fields);
    let visit = Visit {
        id: id(fields, at)?,
        link: target.id,
        destination: &target.destination,
        at,
        method: method.ok_or(WrongClick::Method)?,
        user_agent: fields.user_agent.as_deref(),
        is_prefetch: fields.is_prefetch.unwrap_or_default(),
        address,
        referrer: None,
        languages: fields.language.as_deref(),
        query: &query,
        is_private: false,
    };
    let (click, _) = visit.click(judge);
    let mut click = Arc::unwrap_or_clone(click);
    let row = &mut click.row;
    if fields.language.is_some() && row.language.is_none() {
        return Err(WrongClick::Language);
    }
    if let Some(referrer) = &fields.referrer {
        let host = if referrer.contains('/') {
            said::referrer_host(referrer)
        } else {
            said::referrer_host(&format!("https://{referrer}/"))
        };
        row.referrer = Some(host.ok_or(WrongClick::Referrer)?);
    }
    if let Some(network) = &fields.network
        && address.is_none()
    {
        row.address = Some(network_of(network).ok_or(WrongClick::Network)?);
    }
    if let Some(visitor) = &fields.visitor
        && address.is_none()
    {
        row.visitor = Some(visitor_of(visitor).ok_or(WrongClick::Visitor)?);
    }
    if let Some(country) = &fields.country {
        let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
        row.country = Some(
            is_code
                .then(|| country.to_ascii_uppercase())
                .ok_or(WrongClick::Country)?,
        );
    }
    bring_verdict(fields, &mut click)?;
    Ok(click)
}

fn clicked_at(fields: &Fields, now: Timestamp) -> Result<Timestamp, WrongClick> {
    let text = fields.clicked_at.as_deref().ok_or(WrongClick::NoTime)?;
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| WrongClick::Time)?;
    let at = Timestamp::from(time.with_timezone(&Utc));
    // Ids know of no time before 1970.
    if at.millis() < 0 {
        return Err(WrongClick::Time);
    }
    if at > now {
        return Err(WrongClick::Future);
    }
    Ok(at)
}

/// The id that a click brings or, from its time and all that is said of it, always the same one.
fn id(fields: &Fields, at: Timestamp) -> Result<ClickId, WrongClick> {
    if let Some(id) = &fields.id {
        let id: ClickId = id.parse().map_err(|_| WrongClick::Id)?;
        let made = Uuid::from(id).as_u64_pair().0 >> 16;
        let made = i64::try_from(made).unwrap_or(i64::MAX);
        let is_of_its_time = (at.millis() - MADE_BEFORE..=at.millis()).contains(&made);
        return if is_of_its_time {
            Ok(id)
        } else {
            Err(WrongClick::IdOfOtherTime)
        };
    }
    // Fields are written in one order, whatever the file's.
    let said = serde_json::to_vec(fields).unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(&said).into();
    let mut rest = [0; 10];
    rest.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(at.millis()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &rest)
        .into_uuid()
        .into())
}

/// The query of the short link, parameters that are given by name put before it.
fn query_of(fields: &Fields) -> String {
    let named = [
        ("sub1", &fields.sub1),
        ("sub2", &fields.sub2),
        ("sub3", &fields.sub3),
        ("sub4", &fields.sub4),
        ("sub5", &fields.sub5),
        ("source", &fields.source),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", query::encode(value.as_deref()?))));
    let sent = fields
        .query
        .as_deref()
        .map(|query| query.trim_start_matches('?').to_owned());
    named.chain(sent).collect::<Vec<_>>().join("&")
}

/// What is kept of a network: as much as of an address in it.
fn network_of(text: &str) -> Option<String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let wanted = if address.is_ipv4() { "24" } else { "48" };
    (bits.is_empty() || bits == wanted).then(|| Address::from(address).network())
}

/// The number of a visitor: what a server that the click is from knows them by.
fn visitor_of(text: &str) -> Option<i64> {
    let is_written = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| is_written)?;
    Some(number.cast_signed())
}

/// Puts the verdict that a line brings in the place of ours.
fn bring_verdict(fields: &Fields, click: &mut NewClick) -> Result<(), WrongClick> {
    let reason = fields
        .bot_reason
        .as_deref()
        .map(|text| word(text).ok_or(WrongClick::Reason));
    let kind = fields
        .bot_kind
        .as_deref()
        .map(|text| word(text).ok_or(WrongClick::Kind));
    let (reason, kind): (Option<BotReason>, Option<BotKind>) = (reason.transpose()?, kind.transpose()?);
    let row = &mut click.row;
    match (fields.is_bot, reason, kind) {
        (None, None, None) => return Ok(()),
        (Some(false), None, None) => (row.bot_reason, row.bot_kind) = (None, None),
        (Some(true), None, _) => return Err(WrongClick::NoReason),
        (Some(false), ..) | (None, None, Some(_)) => return Err(WrongClick::NoBot),
        (_, Some(reason), kind) => {
            row.bot_reason = Some(reason);
            row.bot_kind = kind.or(row.bot_kind);
        }
    }
    let list = agent_list::Model {
        id: text_id(BROUGHT_LIST),
        version: BROUGHT_LIST.to_owned(),
    };
    row.agent_list_id = list.id;
    click.list = Arc::new(list);
    Ok(())
}
