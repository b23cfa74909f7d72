//! Proof that a preview page was looked at, which its `Continue` brings back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::{ClickId, ShortLinkId, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::store::Secret;

/// How long a token is good for, in milliseconds: a page that lies open for a day is an old one.
const LIFETIME: i64 = 24 * 3_600_000;

const LINK: usize = 16;
const TIME: usize = LINK + 8;
const SIGNED: usize = TIME + 16;
const WHOLE: usize = SIGNED + 32;

/// Signs tokens and tells good ones from others.
///
/// A token is base64url, without padding, of the link's id, the time of its making in milliseconds, the id that the click
/// gets, and an HMAC-SHA256 over those: so a click has its id before it is made, and made twice it is the same one.
#[derive(Clone)]
pub struct Tokens(Hmac<Sha256>);

impl Tokens {
    /// Signs with this key.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        // A key is filled up with zeros to the hash's block, as HMAC has it.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        Self(Hmac::new(&block.into()))
    }

    /// A token for a click on this link.
    #[must_use]
    pub fn sign(&self, link: ShortLinkId, click: ClickId, now: Timestamp) -> String {
        let mut token = [0; WHOLE];
        token[..LINK].copy_from_slice(Uuid::from(link).as_bytes());
        token[LINK..TIME].copy_from_slice(&now.millis().to_be_bytes());
        token[TIME..SIGNED].copy_from_slice(Uuid::from(click).as_bytes());
        let mac = self.0.clone().chain_update(&token[..SIGNED]).finalize();
        token[SIGNED..].copy_from_slice(&mac.into_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The click that a token is for; `None` for one that was not signed here, for another link, or a day ago.
    #[must_use]
    pub fn verify(&self, token: &str, link: ShortLinkId, now: Timestamp) -> Option<ClickId> {
        let token: [u8; WHOLE] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        // In the same time whatever is wrong.
        let mac = self.0.clone().chain_update(&token[..SIGNED]);
        mac.verify_slice(&token[SIGNED..]).ok()?;
        let issued = i64::from_be_bytes(token[LINK..TIME].try_into().ok()?);
        let is_good = token[..LINK] == *Uuid::from(link).as_bytes() && now.millis() - issued < LIFETIME;
        let click = Uuid::from_slice(&token[TIME..SIGNED]).ok()?;
        is_good.then(|| click.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_link_for_a_day_and_as_it_was_signed() {
        let tokens = Tokens::new(&[7; 32]);
        let now = Timestamp::from_millis(1_790_000_000_000);
        let later = |millis| Timestamp::from_millis(now.millis() + millis);
        let (link, other) = (ShortLinkId::at(now), ShortLinkId::at(now));
        let click = ClickId::at(now);
        let token = tokens.sign(link, click, now);
        assert_eq!(token.len(), 96);
        for good in [0, 1, LIFETIME - 1] {
            assert_eq!(tokens.verify(&token, link, later(good)), Some(click));
        }
        assert_eq!(tokens.verify(&token, link, later(LIFETIME)), None);
        assert_eq!(tokens.verify(&token, other, now), None);
        assert_eq!(Tokens::new(&[8; 32]).verify(&token, link, now), None);
        for place in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(tokens.verify(&forged, link, now), None, "{place}");
        }
        for wrong in ["", "A", &token[..95], &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(tokens.verify(wrong, link, now), None, "{wrong}");
        }
    }
}
