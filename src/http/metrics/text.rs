//! The text format of Prometheus, version 0.0.4: what is measured, family by family.

use std::fmt::{Display, Write as _};

/// The media type of a page.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of samples is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// It only goes up, from 0 at the start of the server.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many took how long.
    Histogram,
    /// How many there were, and the sum of what they had.
    Summary,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A family that is being written; its samples follow its head.
#[derive(Debug)]
pub(super) struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    /// Begins the family of that name, and says what it is.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let _ = write!(self.0, "# HELP {name} ");
        escape(&mut self.0, help, "\\\n");
        let _ = write!(self.0, "\n# TYPE {name} {kind}\n");
        Family {
            page: &mut self.0,
            name,
        }
    }

    /// A family of one sample.
    pub(super) fn one(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample("", &[], value);
    }

    /// The page as it is sent.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// A sample; `part` is what comes after the family's name, such as `_sum`.
    pub(super) fn sample(&mut self, part: &str, labels: &[(&str, &str)], value: impl Display) {
        self.page.push_str(self.name);
        self.page.push_str(part);
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.page, "{before}{label}=\"");
            escape(self.page, text, "\\\n\"");
            self.page.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.page, "{end} {value}");
    }
}

/// Writes a text with a backslash before each of these characters.
fn escape(page: &mut String, text: &str, special: &str) {
    for character in text.chars() {
        if special.contains(character) {
            page.push('\\');
        }
        page.push(if character == '\n' { 'n' } else { character });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_a_line_stays_one_line() {
        let mut page = Page::default();
        let mut family = page.family("a_total", Kind::Counter, "One\\two\nthree \"four\".");
        family.sample("", &[("b", "x\"y\\z\n")], 1);
        family.sample("_c", &[("b", ""), ("d", "é")], 0.5);
        page.one("e", Kind::Gauge, "F.", 1e21);
        let expected = "# HELP a_total One\\\\two\\nthree \"four\".\n# TYPE a_total counter\n\
            a_total{b=\"x\\\"y\\\\z\\n\"} 1\na_total_c{b=\"\",d=\"é\"} 0.5\n\
            # HELP e F.\n# TYPE e gauge\ne 1000000000000000000000\n";
        assert_eq!(page.into_text(), expected);
    }
}
