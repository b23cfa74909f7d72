//! The headers that tell how much may still be asked for (draft-ietf-httpapi-ratelimit-headers).

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    graphql::cost::seconds,
    rates::{Left, Spent},
};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says what is left of each quota, and in how many seconds it is whole again.
pub(super) fn tell_left(headers: &mut HeaderMap, left: [Option<Left>; 2]) {
    let (mut limit, mut policy) = (String::new(), String::new());
    for left in left.into_iter().flatten() {
        if !limit.is_empty() {
            limit.push_str(", ");
            policy.push_str(", ");
        }
        let until_whole = left
            .quota
            .seconds_for(left.quota.burst.get().saturating_sub(left.points));
        write_limit(&mut limit, left.whose.name(), left.points, until_whole.into());
        write_policy(&mut policy, &left);
    }
    insert(headers, limit, policy);
}

/// Says that one quota is spent, and in how many seconds there is enough of it.
pub(super) fn tell_spent(headers: &mut HeaderMap, spent: &Spent) {
    let (mut limit, mut policy) = (String::new(), String::new());
    let left = Left {
        whose: spent.whose,
        quota: spent.quota,
        points: 0,
    };
    let wait = seconds(spent.wait);
    write_limit(&mut limit, left.whose.name(), 0, wait);
    write_policy(&mut policy, &left);
    insert(headers, limit, policy);
    headers.insert(header::RETRY_AFTER, wait.into());
}

fn write_limit(text: &mut String, name: &str, remaining: u32, seconds: u64) {
    let _ = write!(text, "\"{name}\";r={remaining};t={seconds}");
}

fn write_policy(text: &mut String, left: &Left) {
    let (quota, window) = (left.quota.burst, left.quota.window());
    let _ = write!(text, "\"{}\";q={quota};w={window}", left.whose.name());
}

fn insert(headers: &mut HeaderMap, limit: String, policy: String) {
    if limit.is_empty() {
        return;
    }
    for (name, text) in [(LIMIT, limit), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
