//! How much work one request may ask for, counted before any of it is done.
//!
//! The library checks depth and complexity, but only once it has parsed the text and walked every fragment
//! wherever it is spread, first of all in its own parsing step: a kilobyte of fragments that spread each other
//! keeps it busy for minutes. So the text is counted before it is parsed, and the spreads before the library
//! sees them.

use std::collections::HashMap;

use async_graphql::{
    Pos, ServerError, ServerResult, ValidationResult,
    parser::{
        Error as ParseError, parse_query,
        types::{ExecutableDocument, Field, Selection, SelectionSet},
    },
};

use super::{batch::Beyond, error::Code};

/// How deep brackets of any kind may be nested in a query's text: what protects the parser's stack.
const MAX_NESTING: usize = 128;

/// How many selection sets may stand inside one another once spreads are followed; the library's own limit, which
/// it would call a bad request.
const MAX_LEVELS: usize = 32;

/// How often an introspection may go from a type to others by [`TYPE_LISTS`]: each time multiplies the answer by the
/// schema's fields. The standard query does it once, a documentation browser twice at most.
const MAX_TYPE_LISTS: usize = 2;

/// The fields of introspection that lead from one type to many.
const TYPE_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// How long a query's text may be; variables do not count.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// How much work one request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fields inside one another.
    pub depth: usize,
    /// The sum of what fields cost: 1 each, more for mutations, lists, and lists below the links of a batch.
    pub complexity: usize,
    /// Aliases in the whole document.
    pub aliases: usize,
    /// Fragment spreads once those inside fragments are followed.
    pub spreads: usize,
    /// Names, numbers, strings and punctuation marks.
    pub tokens: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 15,
            complexity: 2000,
            aliases: 50,
            spreads: 1000,
            tokens: 10_000,
        }
    }
}

impl Limits {
    /// What the library counted of a request, with the points that it has `beyond` that, if both are within the limits.
    ///
    /// # Errors
    /// `QUERY_TOO_COMPLEX`.
    pub(super) fn judge(
        &self,
        counted: ValidationResult,
        Beyond(beyond): Beyond,
    ) -> ServerResult<ValidationResult> {
        within("levels of fields", counted.depth, self.depth)?;
        let complexity = counted.complexity.saturating_add(beyond);
        within("points of complexity", complexity, self.complexity)?;
        Ok(ValidationResult {
            complexity,
            ..counted
        })
    }

    /// Parses a query, if that and following its spreads takes no more work than one request may ask for.
    ///
    /// # Errors
    /// `QUERY_TOO_COMPLEX`, or a syntax error.
    pub(super) fn parse(&self, query: &str) -> ServerResult<ExecutableDocument> {
        self.check_text(query)?;
        let document = parse_query(query).map_err(|error| match error {
            ParseError::RecursionLimitExceeded => {
                let message = "This request has too many levels of selections. Split it into several.";
                refusal(Code::QueryTooComplex, message)
            }
            other => other.into(),
        })?;
        self.check_document(&document)?;
        Ok(document)
    }

    fn check_text(&self, query: &str) -> ServerResult<()> {
        within("bytes of query text", query.len(), MAX_TEXT_BYTES)?;
        let Some(Extent { tokens, nesting }) = measure(query) else {
            return Err(refusal(
                Code::BadRequest,
                "A string in this query never ends; close it.",
            ));
        };
        within("tokens", tokens, self.tokens)?;
        within("levels of brackets", nesting, MAX_NESTING)
    }

    fn check_document(&self, document: &ExecutableDocument) -> ServerResult<()> {
        let mut spreads = Spreads {
            document,
            known: HashMap::new(),
            level: 0,
            type_lists: 0,
        };
        let mut aliases = 0;
        let mut total = Extended::default();
        for (_, operation) in document.operations.iter() {
            let set = &operation.node.selection_set.node;
            aliases += count_aliases(set);
            total = total.beside(spreads.of(set));
        }
        for fragment in document.fragments.values() {
            let set = &fragment.node.selection_set.node;
            aliases += count_aliases(set);
            // One that is not spread is followed all the same by the library's checks.
            total = total.or(spreads.of(set));
        }
        within("aliases", aliases, self.aliases)?;
        within("fragment spreads after expansion", total.spreads, self.spreads)?;
        within("levels of selections", total.levels, MAX_LEVELS)?;
        within(
            "lists of types inside one another",
            spreads.type_lists,
            MAX_TYPE_LISTS,
        )?;
        // A text without fragments can't have more selections than tokens; one with them may not either.
        within("selections after expansion", total.selections, self.tokens)
    }
}

fn within(what: &str, found: usize, most: usize) -> ServerResult<()> {
    if found <= most {
        return Ok(());
    }
    let found = if found == usize::MAX {
        "too many".to_owned()
    } else {
        found.to_string()
    };
    let message =
        format!("This request has {found} {what}; at most {most} are allowed. Split it into several.");
    Err(refusal(Code::QueryTooComplex, message))
}

/// An error of the whole request.
pub(super) fn refusal(code: Code, message: impl Into<String>) -> ServerError {
    let mut error = code.error(message).into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// How many tokens a query's text has; 0 where a string in it never ends.
pub(super) fn count_tokens(query: &str) -> usize {
    measure(query).map_or(0, |extent| extent.tokens)
}

struct Extent {
    tokens: usize,
    nesting: usize,
}

/// A query's text with one space between its tokens and nothing else: what is the same of two texts that differ in white
/// space, commas and comments; `None` where a string never ends.
#[must_use]
pub fn normalised(query: &str) -> Option<String> {
    let mut text = String::with_capacity(query.len());
    scan(query, |token| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&String::from_utf8_lossy(token));
    })?;
    Some(text)
}

/// Counts what a parser would have to build, without building it; `None` where a string never ends.
fn measure(query: &str) -> Option<Extent> {
    scan(query, |_| {})
}

/// Hands over each token.
///
/// It must cut strings exactly where the parser does: a bracket that it takes for text is not counted.
fn scan(query: &str, mut each: impl FnMut(&[u8])) -> Option<Extent> {
    let bytes = query.as_bytes();
    let (mut tokens, mut open, mut nesting, mut at) = (0, 0_usize, 0, 0);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => {
                at += 1;
                continue;
            }
            b'#' => {
                at += rest
                    .iter()
                    .position(|byte| matches!(byte, b'\n' | b'\r'))
                    .unwrap_or(rest.len());
                continue;
            }
            b'"' => string_length(rest)?,
            b'.' if rest.starts_with(b"...") => 3,
            b'{' | b'[' | b'(' => {
                open += 1;
                nesting = nesting.max(open);
                1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                1
            }
            b'-' | b'0'..=b'9' => {
                let ends = |byte: &u8| !(is_word(*byte) || b".+-".contains(byte));
                rest.iter().position(ends).unwrap_or(rest.len())
            }
            _ if is_word(byte) => rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len()),
            _ => 1,
        };
        tokens += 1;
        each(rest.get(..length).unwrap_or(rest));
        at += length;
    }
    Some(Extent { tokens, nesting })
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The bytes of the string that starts here, with its quotation marks; `None` where it never ends.
fn string_length(rest: &[u8]) -> Option<usize> {
    // In a block the only escape is that of its mark; elsewhere a backslash takes any one character along.
    let (mark, escape, escaped): (&[u8], &[u8], usize) = if rest.starts_with(b"\"\"\"") {
        (b"\"\"\"", b"\\\"\"\"", 4)
    } else {
        (b"\"", b"\\", 2)
    };
    let mut at = mark.len();
    while at < rest.len() {
        if rest[at..].starts_with(escape) {
            at += escaped;
        } else if rest[at..].starts_with(mark) {
            return Some(at + mark.len());
        } else {
            at += 1;
        }
    }
    None
}

fn count_aliases(set: &SelectionSet) -> usize {
    set.items
        .iter()
        .map(|item| match &item.node {
            Selection::Field(field) => {
                usize::from(field.node.alias.is_some()) + count_aliases(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => count_aliases(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        })
        .sum()
}

/// What following all spreads comes to.
#[derive(Clone, Copy, Default)]
struct Extended {
    selections: usize,
    spreads: usize,
    /// Selection sets inside one another.
    levels: usize,
    /// [`TYPE_LISTS`] inside one another.
    type_lists: usize,
}

impl Extended {
    const ENDLESS: Self = Self {
        selections: usize::MAX,
        spreads: usize::MAX,
        levels: usize::MAX,
        type_lists: usize::MAX,
    };

    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            spreads: self.spreads.saturating_add(other.spreads),
            levels: self.levels.max(other.levels),
            type_lists: self.type_lists.max(other.type_lists),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            selections: self.selections.max(other.selections),
            spreads: self.spreads.max(other.spreads),
            levels: self.levels.max(other.levels),
            type_lists: self.type_lists.max(other.type_lists),
        }
    }
}

/// Follows each fragment once, however often it is spread.
struct Spreads<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being followed: one met again then is in a circle, which has no end.
    known: HashMap<&'a str, Option<Extended>>,
    /// How many selection sets are being followed: what keeps a long chain from using up the stack.
    level: usize,
    /// The most [`TYPE_LISTS`] inside one another in an introspection.
    type_lists: usize,
}

impl<'a> Spreads<'a> {
    fn of(&mut self, set: &'a SelectionSet) -> Extended {
        if self.level > MAX_LEVELS {
            return Extended::ENDLESS;
        }
        self.level += 1;
        let mut total = Extended::default();
        for item in &set.items {
            let found = match &item.node {
                Selection::Field(field) => self.of_field(&field.node),
                Selection::InlineFragment(fragment) => self.of(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.node.fragment_name.node),
            };
            total = total.beside(found);
            total.selections = total.selections.saturating_add(1);
        }
        self.level -= 1;
        if !set.items.is_empty() {
            total.levels = total.levels.saturating_add(1);
        }
        total
    }

    fn of_field(&mut self, field: &'a Field) -> Extended {
        let mut inner = self.of(&field.selection_set.node);
        let name = field.name.node.as_str();
        if TYPE_LISTS.contains(&name) {
            inner.type_lists = inner.type_lists.saturating_add(1);
        } else if matches!(name, "__schema" | "__type") {
            self.type_lists = self.type_lists.max(inner.type_lists);
        }
        inner
    }

    fn of_fragment(&mut self, name: &'a str) -> Extended {
        let inner = match self.known.get(name) {
            Some(Some(known)) => *known,
            Some(None) => Extended::ENDLESS,
            None => {
                let Some(fragment) = self.document.fragments.get(name) else {
                    return Extended {
                        spreads: 1,
                        ..Extended::default()
                    };
                };
                self.known.insert(name, None);
                let inner = self.of(&fragment.node.selection_set.node);
                self.known.insert(name, Some(inner));
                inner
            }
        };
        Extended {
            spreads: inner.spreads.saturating_add(1),
            ..inner
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn tokens_are_counted_as_the_specification_cuts_them() {
        for (text, tokens) in [
            ("{ a }", 3),
            ("query Q($a: Int = -1) { f(x: [1.5, \"a \\\" b\"]) @d }", 23),
            ("# comment } } }\n{a,b,,}", 4),
            ("\"\"\"block \" \\\"\"\" { \"\"\"", 1),
            ("{...F ...{a}}", 8),
            ("", 0),
            (r#"["""\\""" x """ ["""y"""]"#, 5),
        ] {
            assert_eq!(measure(text).map(|extent| extent.tokens), Some(tokens), "{text}");
        }
    }

    #[test]
    fn texts_that_differ_in_what_means_nothing_are_the_same() {
        let one = normalised("query A($a: Int = 1) { b(c: \"x , y\", d: $a) { ...F } } # the end");
        let other = normalised("\u{feff}query A ( $a : Int=1 ){\n  # comment\n  b(c:\"x , y\" d:$a){...F,}}");
        assert_eq!(one, other);
        assert_ne!(
            one,
            normalised("query A($a: Int = 1) { b(c: \"x, y\", d: $a) { ...F } }")
        );
        assert_ne!(normalised("{ ab }"), normalised("{ a b }"));
        assert_eq!(
            normalised("{ a(b: \"ä\") }").as_deref(),
            Some("{ a ( b : \"ä\" ) }")
        );
        assert_eq!(normalised("{ a(b: \""), None);
    }

    #[test]
    fn a_string_that_never_ends_is_seen() {
        for text in ["{a(b:\"[[", "{a(b:[\"\"\"x\" [[", r#"{a(b:"""[\""""#] {
            assert!(measure(text).is_none(), "{text}");
        }
    }

    #[test]
    fn nesting_counts_brackets_that_are_no_text() {
        let nesting = |text| measure(text).map(|extent| extent.nesting);
        assert_eq!(nesting("{a(b:[[{c:\"[[[\"}]]){d}} # {{{{{{{{"), Some(5));
        // Behind a backslash that a block string does not take for an escape.
        assert_eq!(nesting(r#"[ """\\""" x """ [[[[ """y""" "#), Some(5));
    }

    #[test]
    fn a_fragment_bomb_is_counted_and_not_followed() {
        let mut bomb = "query{...F0}".to_owned();
        for step in 0..25 {
            let next = step + 1;
            let _ = write!(bomb, " fragment F{step} on Query{{...F{next} ...F{next}}}");
        }
        bomb.push_str(" fragment F25 on Query{__typename}");
        let document = parse_query(bomb).expect("it parses");
        let error = Limits::default()
            .check_document(&document)
            .expect_err("far too many");
        assert!(
            error.message.contains("67108863 fragment spreads"),
            "{}",
            error.message
        );
    }

    #[test]
    fn fragments_in_a_circle_are_refused() {
        let circle = "query{...A} fragment A on Query{...B} fragment B on Query{...A}";
        let document = parse_query(circle).expect("it parses");
        assert!(Limits::default().check_document(&document).is_err());
    }
}
