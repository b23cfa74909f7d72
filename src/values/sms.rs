//! Texts as phones get them: in which encoding, how long, and in how many segments.

use std::collections::HashSet;

/// The characters of GSM 03.38 that take a septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
    ¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Those of its extension table, which take two: an escape comes first.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How the characters of a text are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The default alphabet of GSM 03.38, in septets.
    Gsm7,
    /// UTF-16, whose units outside the basic plane are pairs, in units of two bytes.
    Ucs2,
}

impl Encoding {
    /// How many units a message has that is sent as one.
    const fn whole(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// How many each segment of a longer one has: a header says which it is of how many.
    const fn part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// How many units a character takes. Handsets show no half of one, so it is never split between segments.
    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => septets(character).unwrap_or_default(),
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// A text and what sending it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    text: String,
    encoding: Encoding,
    length: usize,
    segments: usize,
    left: usize,
}

impl Sms {
    /// What sending a text comes to. Shift tables of single languages, which few carriers send, are not reckoned with.
    #[must_use]
    pub fn of(text: String) -> Self {
        let encoding = if text.chars().all(|character| septets(character).is_some()) {
            Encoding::Gsm7
        } else {
            Encoding::Ucs2
        };
        let (mut length, mut segments, mut used) = (0, 1, 0);
        for units in text.chars().map(|character| encoding.units(character)) {
            length += units;
            if used + units > encoding.part() {
                segments += 1;
                used = 0;
            }
            used += units;
        }
        let left = if length <= encoding.whole() {
            segments = 1;
            encoding.whole() - length
        } else {
            encoding.part() - used
        };
        Self {
            text,
            encoding,
            length,
            segments,
            left,
        }
    }

    /// The text as it is sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it is sent.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many units of its encoding it has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// How many segments it takes, which is what is paid for.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.segments
    }

    /// How many units more would fit without another segment.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// The characters that GSM-7 does not have, each once, in the order in which they come.
    #[must_use]
    pub fn beyond_gsm7(&self) -> Vec<char> {
        let mut seen = HashSet::new();
        let beyond = self
            .text
            .chars()
            .filter(|character| septets(*character).is_none());
        beyond.filter(|character| seen.insert(*character)).collect()
    }
}

/// How many septets a character takes in GSM-7; `None` where it has none there.
fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENSION.contains(character) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Encoding, length, segments and what is left.
    fn sent(text: &str) -> (Encoding, usize, usize, usize) {
        let sms = Sms::of(text.to_owned());
        (sms.encoding, sms.length, sms.segments, sms.left)
    }

    #[test]
    fn the_alphabet_has_127_characters_and_ten_more_behind_an_escape() {
        let all: HashSet<_> = BASIC.chars().chain(EXTENSION.chars()).collect();
        assert_eq!((BASIC.chars().count(), EXTENSION.chars().count()), (127, 10));
        assert_eq!(all.len(), 137);
        // Where others look alike: capital letters with the accent, and the small letter with the cedilla, are not in it.
        for beyond in [
            'ç', 'È', 'À', 'á', '`', '’', '“', '–', '…', '\t', '\u{a0}', '\u{1b}', 'Α',
        ] {
            assert_eq!(septets(beyond), None, "{beyond:?}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_phones_count_it() {
        use Encoding::{Gsm7, Ucs2};
        for (text, expected) in [
            (String::new(), (Gsm7, 0, 1, 160)),
            ("Hello".to_owned(), (Gsm7, 5, 1, 155)),
            ("€".to_owned(), (Gsm7, 2, 1, 158)),
            ("Ça coûte 5 €".to_owned(), (Ucs2, 12, 1, 58)),
            ("[50%] off ~ {a|b} \\ ^".to_owned(), (Gsm7, 29, 1, 131)),
            ("a".repeat(160), (Gsm7, 160, 1, 0)),
            ("a".repeat(161), (Gsm7, 161, 2, 145)),
            ("a".repeat(306), (Gsm7, 306, 2, 0)),
            ("a".repeat(307), (Gsm7, 307, 3, 152)),
            ("€".repeat(80), (Gsm7, 160, 1, 0)),
            ("é".repeat(160), (Gsm7, 160, 1, 0)),
            ("ж".repeat(70), (Ucs2, 70, 1, 0)),
            ("ж".repeat(71), (Ucs2, 71, 2, 63)),
            ("ж".repeat(134), (Ucs2, 134, 2, 0)),
            ("ж".repeat(135), (Ucs2, 135, 3, 66)),
            ("😀".to_owned(), (Ucs2, 2, 1, 68)),
            ("😀".repeat(35), (Ucs2, 70, 1, 0)),
            ("a".repeat(69) + "’", (Ucs2, 70, 1, 0)),
            ("a".repeat(70) + "’", (Ucs2, 71, 2, 63)),
        ] {
            assert_eq!(sent(&text), expected, "{text}");
        }
    }

    #[test]
    fn an_escape_and_what_it_is_for_are_not_split() {
        use Encoding::{Gsm7, Ucs2};
        // The pair would be the septets 153 and 154.
        assert_eq!(
            sent(&("a".repeat(152) + "€" + &"a".repeat(152))),
            (Gsm7, 306, 3, 152)
        );
        assert_eq!(
            sent(&("a".repeat(151) + "€" + &"a".repeat(153))),
            (Gsm7, 306, 2, 0)
        );
        // 76 of them a segment, whose last septet stays empty.
        assert_eq!(sent(&"€".repeat(153)), (Gsm7, 306, 3, 151));
        // The same of a pair of UTF-16.
        assert_eq!(
            sent(&("ж".repeat(66) + "😀" + &"ж".repeat(66))),
            (Ucs2, 134, 3, 66)
        );
        assert_eq!(sent(&"😀".repeat(67)), (Ucs2, 134, 3, 65));
    }

    #[test]
    fn what_keeps_a_text_from_gsm_7_is_named_once_and_in_order() {
        let beyond = |text: &str| Sms::of(text.to_owned()).beyond_gsm7();
        assert_eq!(beyond("It’s “here” – it’s 😀"), ['’', '“', '”', '–', '😀']);
        assert!(beyond("No {€} here").is_empty());
    }

    /// Segments as they come of cutting the units themselves.
    fn cut(text: &str, encoding: Encoding) -> usize {
        let units: Vec<_> = text
            .chars()
            .flat_map(|character| {
                let units = encoding.units(character);
                (0..units).map(move |unit| unit == 0)
            })
            .collect();
        if units.len() <= encoding.whole() {
            return 1;
        }
        let (mut at, mut segments) = (0, 0);
        while at < units.len() {
            let mut end = (at + encoding.part()).min(units.len());
            while units.get(end).is_some_and(|begins| !begins) {
                end -= 1;
            }
            at = end;
            segments += 1;
        }
        segments
    }

    fn a_text() -> impl Strategy<Value = String> {
        let gsm: Vec<_> = BASIC.chars().chain(EXTENSION.chars()).collect();
        prop_oneof![
            proptest::collection::vec(proptest::sample::select(gsm), 0..700).prop_map(String::from_iter),
            proptest::collection::vec(
                proptest::sample::select("a€[ж😀’".chars().collect::<Vec<_>>()),
                0..400
            )
            .prop_map(String::from_iter),
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn segments_are_what_cutting_gives(text in a_text()) {
            let sms = Sms::of(text.clone());
            let is_gsm7 = sms.beyond_gsm7().is_empty();
            prop_assert_eq!(sms.encoding() == Encoding::Gsm7, is_gsm7);
            if !is_gsm7 {
                prop_assert_eq!(sms.length(), text.encode_utf16().count());
            }
            prop_assert_eq!(sms.segments(), cut(&text, sms.encoding()));
        }

        #[test]
        fn as_much_fits_as_is_said_to_be_left(text in a_text()) {
            let sms = Sms::of(text.clone());
            let full = Sms::of(text + &"a".repeat(sms.left()));
            prop_assert_eq!((full.segments(), full.left()), (sms.segments(), 0));
            let over = Sms::of(full.text().to_owned() + "a");
            prop_assert_eq!(over.segments(), sms.segments() + 1);
        }
    }
}
