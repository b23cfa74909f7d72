//! What a text search looks for.

/// The most characters of a search.
pub const MAX_CHARACTERS: usize = 200;

/// The most words of a search.
pub const MAX_WORDS: usize = 10;

/// The words of a search: runs of ASCII letters and digits in lower case, one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search(Vec<String>);

/// Why a text can't be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSearch {
    /// Nothing in it is a letter or digit.
    #[error(
        "search needs a word of letters A to Z or digits, such as the start of a code or of a part of a URL"
    )]
    NoWord,
    /// More than [`MAX_CHARACTERS`].
    #[error("search may have at most {MAX_CHARACTERS} characters; this has {0}")]
    TooLong(usize),
    /// More than [`MAX_WORDS`].
    #[error("search may have at most {MAX_WORDS} words; this has {0}")]
    TooManyWords(usize),
}

impl Search {
    /// Cuts a text into words, at all that is neither letter nor digit.
    ///
    /// # Errors
    /// When it has no word, or too much of them.
    pub fn parse(text: &str) -> Result<Self, InvalidSearch> {
        let characters = text.chars().count();
        if characters > MAX_CHARACTERS {
            return Err(InvalidSearch::TooLong(characters));
        }
        let words: Vec<_> = text
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match words.len() {
            0 => Err(InvalidSearch::NoWord),
            1..=MAX_WORDS => Ok(Self(words)),
            many => Err(InvalidSearch::TooManyWords(many)),
        }
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let words = |text| Search::parse(text).map(|search| search.0.join(" "));
        for (text, expected) in [
            ("sale", "sale"),
            ("  Spring-SALE\t50% ", "spring sale 50"),
            ("https://shop.example.com/a_b", "https shop example com a b"),
            ("\"OR\" NOT a* §b", "or not a b"),
            ("étude", "tude"),
        ] {
            assert_eq!(words(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_search_has_a_word_and_not_too_many() {
        for nothing in ["", " ", "???", "é", "🦀"] {
            assert_eq!(Search::parse(nothing), Err(InvalidSearch::NoWord), "{nothing}");
        }
        assert!(Search::parse(&"a ".repeat(10)).is_ok());
        assert_eq!(
            Search::parse(&"a ".repeat(11)),
            Err(InvalidSearch::TooManyWords(11))
        );
        assert!(Search::parse(&"é".repeat(199).replacen('é', "aé", 1)).is_ok());
        assert_eq!(Search::parse(&"a".repeat(201)), Err(InvalidSearch::TooLong(201)));
    }
}
