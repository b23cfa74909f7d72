//! Texts with a short link in them.

use crate::values::sms::Sms;

/// Where in a text the link is to stand.
pub const PLACEHOLDER: &str = "{{link}}";

/// The most characters of a text with its link: ten segments and more, which no campaign sends.
pub const MAX_CHARACTERS: usize = 1600;

/// The text is too long to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text has at most {MAX_CHARACTERS} characters with its link")]
pub struct TooLong;

/// A text with its link: wherever [`PLACEHOLDER`] stands, else at the end, behind a space.
///
/// # Errors
/// When it is too long.
pub fn with_link(body: &str, short_url: &str) -> Result<Sms, TooLong> {
    // Before links make it longer: it may be megabytes.
    if is_too_long(body) {
        return Err(TooLong);
    }
    let text = if body.contains(PLACEHOLDER) {
        body.replace(PLACEHOLDER, short_url)
    } else if body.is_empty() || body.ends_with(char::is_whitespace) {
        body.to_owned() + short_url
    } else {
        format!("{body} {short_url}")
    };
    if is_too_long(&text) {
        return Err(TooLong);
    }
    Ok(Sms::of(text))
}

fn is_too_long(text: &str) -> bool {
    text.chars().nth(MAX_CHARACTERS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://go.example.com/Ab3kX9q";

    #[test]
    fn a_link_stands_where_the_text_says_or_at_its_end() {
        for (body, text) in [
            ("Sale: {{link}} ends", "Sale: https://go.example.com/Ab3kX9q ends"),
            (
                "{{link}} {{link}}",
                "https://go.example.com/Ab3kX9q https://go.example.com/Ab3kX9q",
            ),
            ("Sale", "Sale https://go.example.com/Ab3kX9q"),
            ("Sale: ", "Sale: https://go.example.com/Ab3kX9q"),
            ("Sale\n", "Sale\nhttps://go.example.com/Ab3kX9q"),
            ("", URL),
            // What is no placeholder of ours is text.
            (
                "Hi {{name}}, {{ link }}",
                "Hi {{name}}, {{ link }} https://go.example.com/Ab3kX9q",
            ),
        ] {
            assert_eq!(with_link(body, URL).expect("short").text(), text);
        }
    }

    #[test]
    fn a_text_has_at_most_1600_characters_with_its_link() {
        let room = MAX_CHARACTERS - URL.len() - 1;
        assert!(with_link(&"ü".repeat(room), URL).is_ok());
        for body in [
            "a".repeat(room + 1),
            "a".repeat(MAX_CHARACTERS + 1),
            PLACEHOLDER.repeat(100),
            PLACEHOLDER.repeat(1_000_000),
        ] {
            assert_eq!(with_link(&body, URL), Err(TooLong));
        }
    }
}
