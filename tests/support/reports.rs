//! Reports in short.

use serde_json::Value;

use super::{TestApp, items};

/// Asks for a report with whatever there is to say, and for all of its answer but the nodes of rows.
pub const REPORT: &str = "
query(
  $filter: ClickFilter, $groupBy: [ClickGrouping!], $interval: ClickInterval, $timezone: String,
  $orderBy: ClickReportOrder, $first: Int
) {
  clickReport(
    filter: $filter, groupBy: $groupBy, interval: $interval, timezone: $timezone, orderBy: $orderBy, first: $first
  ) {
    from
    before
    timezone
    total { ...Counts }
    rows { from before keys { dimension metadataKey value } counts { ...Counts } }
    rowCount
    rest { ...Counts }
    rawFrom
  }
}
fragment Counts on ClickCounts { clicks humanClicks botClicks uniqueClicks }";

impl TestApp {
    /// A report.
    pub async fn report(&self, variables: Value) -> Value {
        self.graphql(REPORT, variables).await.data("clickReport")
    }
}

/// A report's rows: when, what, and the numbers of all clicks, people's, bots' and unique ones.
pub fn rows(report: &Value) -> Vec<String> {
    items(&report["rows"])
        .map(|row| {
            let time = row["from"].as_str().zip(row["before"].as_str());
            let time = time.map(|(from, before)| format!("{}/{}", plain(from), plain(before)));
            let keys = items(&row["keys"]).map(|key| key["value"].as_str().unwrap_or("-").to_owned());
            let words: Vec<_> = time.into_iter().chain(keys).collect();
            format!("{}: {}", words.join(", "), counts(&row["counts"]))
        })
        .collect()
}

/// The numbers of all clicks, people's, bots' and unique ones.
pub fn counts(counts: &Value) -> String {
    ["clicks", "humanClicks", "botClicks", "uniqueClicks"]
        .map(|figure| counts[figure].to_string())
        .join(" ")
}

/// A time without what is nothing of it.
fn plain(time: &str) -> &str {
    time.trim_end_matches("+00:00").trim_end_matches(":00")
}
