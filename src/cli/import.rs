//! What all imports share: a file, an account, and what became of the lines.

use std::{fmt::Write as _, fs::File, io::BufReader, path::PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use entity::{AccountId, Timestamp, account};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Usage, account_id,
    format::{FormatName, told_by_name},
    known_account, open,
    output::Output,
};
use crate::{
    accounts,
    config::{DatabaseConfig, Unseen},
    files::{Format, Lines},
    store::Store,
};

/// How many wrong lines are shown.
const SHOWN: usize = 20;

/// After how many milliseconds it is told again how far it has got.
const TOLD_AFTER: i64 = 5_000;

/// What is brought along, and where to.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// The account to bring them to, as `linkhop account list` shows it
    #[arg(long, value_name = "ID", value_parser = Unseen(account_id))]
    account: AccountId,
    /// The file, a line for each
    #[arg(long, value_name = "FILE")]
    pub(super) file: PathBuf,
    /// How it is written: "ndjson" or "csv"; told by the end of its name unless given
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<FormatName>,
    /// Say what would be imported, and import nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Source {
    /// How the file is written.
    fn format(&self) -> Result<Format> {
        let format = self.format.map(Into::into).or_else(|| told_by_name(&self.file));
        format.ok_or_else(|| {
            let name = self.file.file_name().unwrap_or_default().to_string_lossy();
            anyhow!(Usage(format!(
                "--format: say \"ndjson\" or \"csv\"; the name of {name} doesn't"
            )))
        })
    }

    /// The lines of the file, each of at most so many bytes.
    pub(super) fn lines<O: DeserializeOwned>(&self, max_bytes: usize) -> Result<Lines<BufReader<File>, O>> {
        let format = self.format()?;
        let file = File::open(&self.file).with_context(|| format!("can't read {}", self.file.display()))?;
        Ok(Lines::of(BufReader::new(file), format, max_bytes)?)
    }

    /// The database, and the account in it.
    pub(super) async fn open(&self) -> Result<(Store, account::Model)> {
        let store = open(&self.database).await?;
        let account = accounts::find(&store.read, self.account).await?;
        Ok((store, account.map_err(known_account)?))
    }

    /// Says what was done.
    ///
    /// # Errors
    /// When lines were rejected.
    pub(super) fn end(&self, tally: &Tally, now: Timestamp) -> Result<()> {
        let is_dry_run = self.dry_run;
        self.output
            .print(|| tally.json(is_dry_run, now), || tally.text(is_dry_run, now))?;
        if tally.rejected > 0 {
            bail!("{} {}", tally.rejected, tally.words.complaint);
        }
        Ok(())
    }
}

/// What lines are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// What lines become, such as "links".
    pub(super) things: &'static str,
    /// What some lines do not, such as "lines make no link".
    pub(super) complaint: &'static str,
}

/// What was done so far.
#[derive(Debug)]
pub(super) struct Tally {
    words: Words,
    began: Timestamp,
    told: Timestamp,
    imported: u64,
    skipped: u64,
    rejected: u64,
    /// The first wrong lines.
    wrong: Vec<Wrong>,
}

/// A line that was rejected.
#[derive(Debug)]
struct Wrong {
    line: u64,
    code: Option<&'static str>,
    reason: String,
}

impl Tally {
    pub(super) const fn begin(words: Words, now: Timestamp) -> Self {
        Self {
            words,
            began: now,
            told: now,
            imported: 0,
            skipped: 0,
            rejected: 0,
            wrong: Vec::new(),
        }
    }

    /// Counts lines that became something, and such as were there already.
    pub(super) const fn add(&mut self, imported: u64, skipped: u64) {
        self.imported += imported;
        self.skipped += skipped;
    }

    /// Counts a wrong line.
    pub(super) fn reject(&mut self, line: u64, code: Option<&'static str>, reason: String) {
        self.rejected += 1;
        // Some are refused only together with others, after lines that stand behind them.
        let place = self.wrong.partition_point(|before| before.line < line);
        if place < SHOWN {
            self.wrong.insert(place, Wrong { line, code, reason });
            self.wrong.truncate(SHOWN);
        }
    }

    /// Tells the log how far it has got, now and then.
    pub(super) fn tell(&mut self, now: Timestamp) {
        if now.millis() - self.told.millis() >= TOLD_AFTER {
            self.told = now;
            tracing::info!(
                imported = self.imported,
                skipped = self.skipped,
                rejected = self.rejected,
                "importing {}",
                self.words.things
            );
        }
    }

    /// Lines a second.
    fn rate(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.millis() - self.began.millis()).unwrap_or_default();
        (self.imported + self.skipped + self.rejected) * 1000 / millis.max(1)
    }

    fn json(&self, is_dry_run: bool, now: Timestamp) -> Value {
        let wrong = self.wrong.iter().map(|Wrong { line, code, reason }| {
            let mut wrong = json!({"line": line, "reason": reason});
            if let Some(code) = code {
                wrong["errorCode"] = json!(code);
            }
            wrong
        });
        json!({
            "dryRun": is_dry_run,
            "imported": self.imported,
            "skipped": self.skipped,
            "rejected": self.rejected,
            "perSecond": self.rate(now),
            "wrong": wrong.collect::<Vec<_>>(),
        })
    }

    fn text(&self, is_dry_run: bool, now: Timestamp) -> String {
        let mut text = String::new();
        for Wrong { line, code, reason } in &self.wrong {
            let code = code.map_or_else(String::new, |code| format!("{code}: "));
            let _ = writeln!(text, "line {line}: {code}{reason}");
        }
        let more = self.rejected - self.wrong.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "and {more} more");
        }
        let imported = if is_dry_run {
            "would be imported"
        } else {
            "imported"
        };
        let _ = writeln!(
            text,
            "{} {} {imported}, {} skipped that are there already, {} lines rejected; {} a second",
            self.imported,
            self.words.things,
            self.skipped,
            self.rejected,
            self.rate(now)
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words {
        things: "links",
        complaint: "lines make no link",
    };

    #[test]
    fn the_first_wrong_lines_are_shown_whenever_they_are_known_to_be_wrong() {
        let begin = Timestamp::from_millis(0);
        let mut tally = Tally::begin(WORDS, begin);
        tally.add(3, 1);
        tally.reject(25, Some("INVALID_URL"), "no URL".to_owned());
        for line in 2..=22 {
            tally.reject(line, None, "wrong".to_owned());
        }
        tally.reject(1, Some("CODE_TAKEN"), "taken".to_owned());
        let now = Timestamp::from_millis(2_000);
        let text = tally.text(true, now);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), SHOWN + 2, "{text}");
        assert_eq!(lines[..2], ["line 1: CODE_TAKEN: taken", "line 2: wrong"]);
        assert_eq!(
            lines[SHOWN..],
            [
                "and 3 more",
                "3 links would be imported, 1 skipped that are there already, 23 lines rejected; 13 a second"
            ]
        );
        let json = tally.json(false, now);
        assert_eq!(
            json["wrong"][0],
            json!({"line": 1, "errorCode": "CODE_TAKEN", "reason": "taken"})
        );
        assert_eq!(json["wrong"][1], json!({"line": 2, "reason": "wrong"}));
    }
}
