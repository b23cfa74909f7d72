//! What people call things.

/// The most characters of a name.
pub const MAX_CHARACTERS: usize = 255;

/// A name that people can read: 1 to [`MAX_CHARACTERS`] characters, not all of them white space, none a control
/// character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// The text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MAX_CHARACTERS} characters and no control characters")]
pub struct InvalidName;

impl Name {
    /// Takes a text as a name; white space around it is no part of it.
    ///
    /// # Errors
    /// When nothing is left, or too much, or it has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = text.trim();
        let characters = name.chars().take(MAX_CHARACTERS + 1).count();
        if !(1..=MAX_CHARACTERS).contains(&characters) || name.contains(char::is_control) {
            return Err(InvalidName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_255_characters_and_no_space_around_it() {
        for (text, name) in [
            ("x", "x"),
            (" Tom's \u{a0}", "Tom's"),
            (&"ü".repeat(255), &"ü".repeat(255)),
        ] {
            assert_eq!(Name::parse(text).map(String::from).as_deref(), Ok(name));
        }
        for text in [
            "",
            " \t",
            &"x".repeat(256),
            &"x".repeat(10_000),
            "a\0b",
            "a\nb",
            "\u{85}x\u{85}y",
        ] {
            assert_eq!(Name::parse(text), Err(InvalidName), "{text:.20?}");
        }
    }
}
