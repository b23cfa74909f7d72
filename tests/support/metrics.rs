//! A page of metrics, read as strictly as the text format of Prometheus is written down.

use std::collections::{BTreeMap, BTreeSet};

/// What a page says.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Each family with its type.
    pub families: BTreeMap<String, String>,
    /// Each series as it stands on the page, with its value.
    pub samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads a page; fails on anything that the format does not allow.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut page = Self::default();
        // The family that is being read, and whether its help was said.
        let mut family: Option<String> = None;
        let mut helped: Option<String> = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                expect_name(name);
                assert!(!help.trim().is_empty(), "no help: {line}");
                expect_escaped(help, "\\n");
                assert!(!page.families.contains_key(name), "{name} stands there twice");
                helped = Some(name.to_owned());
                family = None;
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                assert_eq!(helped.as_deref(), Some(name), "a type without its help before it");
                let kinds = ["counter", "gauge", "histogram", "summary"];
                assert!(kinds.contains(&kind), "no type: {line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                page.families.insert(name.to_owned(), kind.to_owned());
                family = Some(name.to_owned());
            } else {
                assert!(!line.starts_with('#'), "a comment that says nothing: {line}");
                let family = family.as_deref().unwrap_or_else(|| panic!("no family: {line}"));
                page.add(family, line);
            }
        }
        page.expect_whole();
        page
    }

    /// The value of a series; fails where there is none.
    pub fn get(&self, series: &str) -> f64 {
        let value = self.samples.get(series);
        *value.unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples))
    }

    /// By how much a series is more than on an earlier page, where it may not have been yet.
    pub fn since(&self, earlier: &Self, series: &str) -> f64 {
        self.get(series) - earlier.samples.get(series).copied().unwrap_or_default()
    }

    /// All counters of the server's own that are not what they were, with how much they grew.
    pub fn counted_since(&self, earlier: &Self) -> BTreeMap<&str, f64> {
        let series = self.samples.keys().map(String::as_str);
        let is_counter = |name: &str| name.starts_with("linkhop_") && name.ends_with("_total");
        let counters = series.filter(|series| series.split('{').next().is_some_and(is_counter));
        let grown = counters.map(|series| (series, self.since(earlier, series)));
        grown.filter(|(_, more)| *more != 0.0).collect()
    }

    fn add(&mut self, family: &str, line: &str) {
        let (series, value) = line
            .rsplit_once(' ')
            .unwrap_or_else(|| panic!("no value: {line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => {
                let labels = rest
                    .strip_suffix('}')
                    .unwrap_or_else(|| panic!("no end of labels: {line}"));
                (name, labels_of(labels))
            }
            None => (series, BTreeMap::new()),
        };
        expect_name(name);
        let parts: &[&str] = match self.families[family].as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            "summary" => &["_sum", "_count"],
            _ => &[""],
        };
        let part = name
            .strip_prefix(family)
            .unwrap_or_else(|| panic!("not of {family}: {line}"));
        assert!(parts.contains(&part), "not of {family}: {line}");
        assert_eq!(part == "_bucket", labels.contains_key("le"), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        let is_new = self.samples.insert(series.to_owned(), value).is_none();
        assert!(is_new, "twice: {line}");
    }

    /// Expects that histograms add up.
    fn expect_whole(&self) {
        for (name, kind) in &self.families {
            let of_family = |series: &&String| {
                let rest = series.strip_prefix(name.as_str());
                rest.is_some_and(|rest| {
                    ["", "_bucket", "_sum", "_count"].contains(&rest.split('{').next().unwrap_or("-"))
                })
            };
            let series: Vec<_> = self.samples.keys().filter(of_family).collect();
            assert!(!series.is_empty(), "{name} has no samples");
            if kind != "histogram" {
                continue;
            }
            // By their other labels.
            let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for (series, value) in &self.samples {
                let Some(rest) = series.strip_prefix(&format!("{name}_bucket{{")) else {
                    continue;
                };
                let (others, limit) = rest.rsplit_once("le=\"").expect("a limit");
                let limit = limit.trim_end_matches("\"}").replace("+Inf", "inf");
                let others = others.trim_end_matches(',').to_owned();
                let limit = limit.parse().expect("a limit");
                buckets.entry(others).or_default().push((limit, *value));
            }
            for (others, mut buckets) in buckets {
                buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
                assert!(
                    buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1),
                    "{name} {others}"
                );
                let (last, all) = *buckets.last().expect("a bucket");
                assert!(last.is_infinite(), "{name} {others}");
                let count = self.get(&format!("{name}_count{{{others}}}"));
                assert!((count - all).abs() < f64::EPSILON, "{name} {others}");
                self.get(&format!("{name}_sum{{{others}}}"));
            }
        }
    }

    /// The names of all series.
    pub fn series(&self) -> BTreeSet<&str> {
        self.samples.keys().map(String::as_str).collect()
    }
}

fn expect_name(name: &str) {
    let is_good = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == ':';
    assert!(
        name.chars().all(is_good)
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty(),
        "no name: {name:?}"
    );
}

/// Expects that each backslash has one of these after it.
fn expect_escaped(text: &str, special: &str) {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            let next = characters.next();
            assert!(next.is_some_and(|next| special.contains(next)), "{text}");
        }
    }
}

fn labels_of(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text
            .split_once("=\"")
            .unwrap_or_else(|| panic!("no label: {text}"));
        expect_name(name);
        assert!(!name.contains(':'), "no label: {name}");
        let mut end = None;
        let mut is_escaped = false;
        for (at, character) in rest.char_indices() {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.unwrap_or_else(|| panic!("no end: {rest}"));
        expect_escaped(&rest[..end], "\\n\"");
        let is_new = labels.insert(name.to_owned(), rest[..end].to_owned()).is_none();
        assert!(is_new, "{name} twice");
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or_else(|| {
            assert!(text.is_empty(), "no comma: {text}");
            text
        });
    }
    labels
}

#[test]
fn what_is_not_in_the_format_is_refused() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\"d\"} 1\n\
        # HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum{} 3\nh_count{} 2\n";
    let page = Metrics::parse(good);
    assert!((page.get("a_total{b=\"c\\\"d\"}") - 1.0).abs() < f64::EPSILON);
    for (part, instead) in [
        ("a_total{b", "b_total{b"),
        ("# TYPE a_total", "# TYPE b_total"),
        (" counter", " count"),
        ("{b=", "{b:="),
        ("\\\"d", "\\xd"),
        ("\"} 1", "\"} one"),
        ("\"} 1", "\" 1"),
        ("\"} 1\n", "\"} 1\na_total{b=\"c\\\"d\"} 1\n"),
        ("h_count{} 2", "h_count{} 3"),
        ("h_count{} 2", "h_count{} 2 "),
        ("h_bucket{le=\"1\"} 1", "h_bucket{le=\"1\"} 3"),
        ("h_bucket{le=\"+Inf\"} 2\n", ""),
        ("h_count{} 2\n", "h_count{} 2"),
        ("# HELP h H.\n", ""),
    ] {
        assert!(good.contains(part), "{part}");
        let bad = good.replacen(part, instead, 1);
        let refused = std::panic::catch_unwind(|| Metrics::parse(&bad));
        assert!(refused.is_err(), "{bad}");
    }
}
