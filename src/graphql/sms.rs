//! What sending a text with a link in it comes to.

use async_graphql::{Description, Enum, Object, Result};

use super::error::Code;
use crate::{
    links::message::{self, MAX_CHARACTERS},
    values::sms,
};

/// What it costs: up to 1,600 characters are looked at one by one.
pub(super) const SMS: usize = 5;

/// In which encoding a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "sms::Encoding")]
pub(super) enum SmsEncoding {
    /// GSM-7, the alphabet that all phones have: 160 characters in one message, 153 in each segment of a longer one.
    #[graphql(name = "GSM_7")]
    Gsm7,
    /// UCS-2, for all others: 70 characters in one message, 67 in each segment of a longer one.
    #[graphql(name = "UCS_2")]
    Ucs2,
}

/// A text with the short link in it, and what sending it comes to: carriers charge by the segment.
#[derive(Debug, Description)]
pub(super) struct Sms(sms::Sms);

impl Sms {
    /// A text with a short URL in it.
    ///
    /// # Errors
    /// `BAD_REQUEST` when it is too long.
    pub(super) fn of(body: &str, short_url: &str) -> Result<Self> {
        let text = message::with_link(body, short_url);
        text.map(Self).map_err(|message::TooLong| {
            let message = format!("body must have at most {MAX_CHARACTERS} characters with the link in it.");
            Code::BadRequest.error(message)
        })
    }
}

#[Object(use_type_description)]
impl Sms {
    /// What is to be sent, the short URL in it.
    async fn text(&self) -> &str {
        self.0.text()
    }

    /// The encoding that it needs: one character that GSM-7 does not have puts all of it into UCS-2.
    async fn encoding(&self) -> SmsEncoding {
        self.0.encoding().into()
    }

    /// How long it is as its encoding counts: in septets of GSM-7, where `^ { } \ [ ] ~ | €` and a form feed take two, or in
    /// 16-bit units of UCS-2, where an emoji takes two or more.
    async fn length(&self) -> usize {
        self.0.length()
    }

    /// How many messages it is charged as. No character is split between two, which may cost one more.
    async fn segments(&self) -> usize {
        self.0.segments()
    }

    /// How much longer it may become without another segment, in the units of `length`.
    async fn left(&self) -> usize {
        self.0.left()
    }

    /// What keeps it from GSM-7, each character once, in the order in which they come; none if it is in GSM-7.
    async fn unicode_characters(&self) -> Vec<UnicodeCharacter> {
        self.0.beyond_gsm7().into_iter().map(UnicodeCharacter).collect()
    }
}

/// A character that GSM-7 does not have.
#[derive(Debug, Description)]
struct UnicodeCharacter(char);

#[Object(use_type_description)]
impl UnicodeCharacter {
    /// The character itself, such as `’`; some are invisible.
    async fn character(&self) -> String {
        self.0.into()
    }

    /// Its number in Unicode, such as `U+2019`.
    async fn code_point(&self) -> String {
        format!("U+{:04X}", u32::from(self.0))
    }
}
