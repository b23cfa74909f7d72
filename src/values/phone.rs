//! Phone numbers in E.164 form.
//!
//! The verdict is taken from libphonenumber's metadata as the crate `phonenumber` carries it, and never from that crate's
//! parser, which changes numbers while it reads them: a number that begins with its country's national prefix loses digits
//! (`+78001234567` becomes `+7001234567`), a short one gains some (`+12644612` becomes `+12642644612`), and the result is
//! judged in place of what was given. What is left to decide is small: the number begins with a country code, and all
//! the rest of it matches a pattern of that code.

use std::sync::OnceLock;

use phonenumber::metadata::DATABASE;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// The numbering plan of each country code, indexed by the code, compiled at its first use.
///
/// All plans at once would hold 10 MB for countries that most servers never text to; one takes a millisecond at most,
/// North America's five. `None` is a code that nobody has.
static PLANS: [OnceLock<Option<Regex>>; 1000] = [const { OnceLock::new() }; 1000];

/// A valid phone number in E.164 form, as it was given.
///
/// Holding one is the proof of validity, so no code behind the API's edge checks again. It is never re-formatted: what is
/// stored, compared and put into a destination is byte for byte what the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(String);

/// Why a text is not a [`PhoneNumber`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhone {
    /// The text is not written as E.164, whatever number it may mean.
    #[error(
        "a phone number is written in E.164 form: a plus sign, then up to 15 digits that begin with the country code, \
         without spaces or any other character, such as +14155552671"
    )]
    Form,
    /// The text has the form of E.164, and libphonenumber knows no such number.
    #[error(
        "no country has such a phone number: check the country code, that no digit is missing or too many, and that no \
         national prefix (such as the 0 of 07911 123456) follows the country code"
    )]
    NotValid,
}

impl PhoneNumber {
    /// Reads an E.164 number, strictly.
    ///
    /// Google's own parser forgives a national prefix after the country code (`+4407911123456`) by dropping it. Here that
    /// is refused: kept as given it would be a second spelling of another number, and no carrier need deliver to it.
    ///
    /// The first call waits for the crate's metadata unless [`warm_up`] ran before.
    ///
    /// # Errors
    /// [`InvalidPhone::Form`] unless the text is `+`, a digit from 1 to 9 and at most 14 more digits;
    /// [`InvalidPhone::NotValid`] when libphonenumber's metadata has no such number.
    pub fn parse(number: &str) -> Result<Self, InvalidPhone> {
        let digits = number.strip_prefix('+').ok_or(InvalidPhone::Form)?;
        if !(1..=15).contains(&digits.len())
            || digits.starts_with('0')
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(InvalidPhone::Form);
        }
        // No country code is the beginning of another, so at most one of the three splits has a plan.
        let valid = (1..=3)
            .filter_map(|length| digits.split_at_checked(length))
            .any(|(code, national)| plan(code).is_some_and(|plan| plan.is_match(national)));
        if valid {
            Ok(Self(number.to_owned()))
        } else {
            Err(InvalidPhone::NotValid)
        }
    }

    /// The number as it was given, with its plus sign.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as it was given, for storing it without a copy.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Loads the metadata behind [`PhoneNumber::parse`], and North America's numbering plan, the largest.
///
/// That takes 60 to 350 ms of CPU, which otherwise the first client to send a phone number would wait for. It blocks: call
/// it at start, on a thread of its own. A second call costs nothing.
pub fn warm_up() {
    let _ = plan("1");
}

/// The pattern of all national numbers of a country code, or `None` for a code that nobody has.
fn plan(code: &str) -> Option<&'static Regex> {
    let code: u16 = code.parse().ok()?;
    PLANS
        .get(usize::from(code))?
        .get_or_init(|| compile(code))
        .as_ref()
}

/// Joins the patterns of every region and type of a country code into one.
///
/// Google's library first chooses the region by leading digits, and compares lengths and a general pattern too. The types'
/// patterns imply all that, nearly: of 1.5 million numbers near its examples three (Austria's and Germany's) are valid here
/// only. The whole number must match, where the crate's own `Descriptor::is_match` is content with its beginning.
fn compile(code: u16) -> Option<Regex> {
    let regions = DATABASE.by_code(&code)?;
    let patterns: Vec<&str> = regions
        .iter()
        .map(|region| region.descriptors())
        .flat_map(|of| {
            [
                of.fixed_line(),
                of.mobile(),
                of.toll_free(),
                of.premium_rate(),
                of.shared_cost(),
                of.personal_number(),
                of.voip(),
                of.pager(),
                of.uan(),
                of.voicemail(),
            ]
        })
        .flatten()
        .map(|descriptor| descriptor.national_number().as_str())
        .collect();
    // The metadata breaks its patterns over lines; `\d` is ASCII here, since the digits are.
    let built = RegexBuilder::new(&format!("^(?:{})$", patterns.join("|")))
        .ignore_whitespace(true)
        .unicode(false)
        .build();
    built.ok()
}

/// A text with something else wherever it holds the number, E.164: with its plus sign, with that percent-encoded, or without.
#[must_use]
pub fn replaced(text: &str, number: &str, by: &str) -> String {
    let digits = number.trim_start_matches('+');
    if digits.is_empty() {
        return text.to_owned();
    }
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(digits) {
        let (before, after) = (&rest[..at], &rest[at + digits.len()..]);
        let plus = ["+", "%2B", "%2b"]
            .into_iter()
            .find(|plus| before.ends_with(plus));
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let is_longer = is_digit(before.as_bytes().last()) && !ends_with_escape(before);
        if plus.is_none() && (is_longer || is_digit(after.as_bytes().first())) {
            // It is a part of another number.
            left.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        left.push_str(&before[..at - plus.map_or(0, str::len)]);
        left.push_str(by);
        rest = after;
    }
    left.push_str(rest);
    left
}

/// Whether a text ends with a percent-encoded byte, whose last digit is none of what follows.
fn ends_with_escape(text: &str) -> bool {
    let Some([percent, high, low]) = text.as_bytes().last_chunk() else {
        return false;
    };
    *percent == b'%' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

/// The same for all that a value holds: in texts, in names of fields, and in numbers, which become texts then.
pub fn replace_within(value: &mut Value, number: &str, by: &str) {
    match value {
        Value::String(text) => *text = replaced(text, number, by),
        Value::Number(figure) => {
            let text = figure.to_string();
            let left = replaced(&text, number, by);
            if left != text {
                *value = left.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_within(item, number, by)),
        Value::Object(fields) => {
            let all = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                replace_within(&mut value, number, by);
                (replaced(&name, number, by), value)
            });
            *fields = all.collect();
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPhone, PhoneNumber, warm_up};

    /// Google's verdicts, written by `scripts/renew-phone-examples`.
    const EXAMPLES: &str = include_str!("../../tests/data/phone_examples.tsv");

    fn is_valid(number: &str) -> bool {
        PhoneNumber::parse(number).is_ok()
    }

    #[test]
    fn a_valid_number_is_kept_as_it_was_given() {
        let number = PhoneNumber::parse("+14155552671").expect("a valid number");
        assert_eq!(number.as_str(), "+14155552671");
        assert_eq!(number.into_string(), "+14155552671");
    }

    #[test]
    fn anything_but_a_plus_and_up_to_fifteen_digits_is_refused_for_its_form() {
        for text in [
            "",
            "+",
            "++14155552671",
            "14155552671",
            "0014155552671",
            "+04155552671",
            "+1 4155552671",
            "+1-415-555-2671",
            "+1(415)5552671",
            " +14155552671",
            "+14155552671 ",
            "+14155552671\n",
            "+14155552671\0",
            "+14155552671;ext=5",
            "tel:+14155552671",
            "+1800FLOWERS",
            "+1415555267\u{967}",
            "\u{FF0B}14155552671",
            "+\u{FF11}4155552671",
            "+4915112345678901",
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(InvalidPhone::Form), "{text:?}");
        }
    }

    #[test]
    fn a_number_that_no_numbering_plan_has_is_refused() {
        for number in [
            "+1",
            "+999123456789",
            "+2101234567",
            "+1415555267",
            "+141555526711",
            "+10155552671",
            "+441",
            "+888888888888888",
        ] {
            assert_eq!(
                PhoneNumber::parse(number),
                Err(InvalidPhone::NotValid),
                "{number}"
            );
        }
    }

    #[test]
    fn digits_that_look_like_a_national_prefix_are_part_of_the_number() {
        for number in [
            "+78001234567",
            "+78091234567",
            "+3758011234567",
            "+37080012345",
            "+390236618300",
        ] {
            assert!(is_valid(number), "{number}");
        }
    }

    #[test]
    fn a_national_prefix_after_the_country_code_is_refused() {
        for (number, prefixed) in [
            ("+447911123456", "+4407911123456"),
            ("+33631966543", "+330631966543"),
            ("+525512345678", "+5215512345678"),
        ] {
            assert!(is_valid(number), "{number}");
            assert_eq!(
                PhoneNumber::parse(prefixed),
                Err(InvalidPhone::NotValid),
                "{prefixed}"
            );
        }
    }

    #[test]
    fn a_short_number_gains_no_digits() {
        assert_eq!(PhoneNumber::parse("+12644612"), Err(InvalidPhone::NotValid));
    }

    #[test]
    fn a_number_of_no_country_is_valid() {
        for number in ["+80012345678", "+870301234567", "+979123456789"] {
            assert!(is_valid(number), "{number}");
        }
    }

    #[test]
    fn the_verdicts_are_those_of_google() {
        warm_up();
        let (mut total, mut wrong) = ([0_usize; 2], [0_usize; 2]);
        let mut disagreements = Vec::new();
        for line in EXAMPLES.lines().filter(|line| line.starts_with('+')) {
            let mut columns = line.split('\t');
            let number = columns.next().expect("a number");
            let google = columns.next() == Some("1");
            total[usize::from(google)] += 1;
            if is_valid(number) != google {
                wrong[usize::from(google)] += 1;
                disagreements.push(line);
            }
        }
        eprintln!(
            "judged otherwise than by Google: {} of {} valid numbers, {} of {} invalid ones: {disagreements:#?}",
            wrong[1], total[1], wrong[0], total[0]
        );
        assert!(
            total[0] > 1_000 && total[1] > 1_000,
            "the table is too small to prove anything: {total:?}"
        );
        assert!(
            disagreements.len() * 1_000 <= total[0] + total[1],
            "under 99.9 % agreement: {disagreements:#?}"
        );
    }

    #[test]
    fn a_number_is_replaced_wherever_it_stands_and_no_other_is() {
        let mut value = serde_json::json!({
            "url": "https://example.com/?p=%2B12025550143&q=+12025550143#12025550143",
            "12025550143": [12_025_550_143_i64, {"a": "x12025550143y"}],
            "other": ["120255501432", "912025550143", 120_255_501_431_i64],
            "in a query": "?t=to%2012025550143&j=%22%3A%2212025550143%22&l=%2B120255501437xY",
            "n": 1, "b": true, "z": null,
        });
        super::replace_within(&mut value, "+12025550143", "…");
        assert_eq!(
            value,
            serde_json::json!({
                "url": "https://example.com/?p=…&q=…#…",
                "…": ["…", {"a": "x…y"}],
                "in a query": "?t=to%20…&j=%22%3A%22…%22&l=…7xY",
                "other": ["120255501432", "912025550143", 120_255_501_431_i64],
                "n": 1, "b": true, "z": null,
            })
        );
    }
}
