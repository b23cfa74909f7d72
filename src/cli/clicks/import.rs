//! `linkhop clicks import`.

use std::mem::take;

use anyhow::Result;
use clap::Args;

use super::super::import::{Source, Tally, Words};
use crate::{
    app::Clock,
    clicks::{
        import::{Columns, Imported, Importer, LOT, MAX_LINE_BYTES, Numbered},
        judge::{self, Judge},
    },
    config::{AgentsConfig, CountriesConfig, NetworksConfig},
    files::Line,
};

/// What `--help` says below the flags.
pub(super) const AFTER_HELP: &str = "\
A line of NDJSON is an object, the first row of CSV holds the names of its cells. A click has clickedAt and its link (shortUrl, or \
shortLinkId, or linkId and domain); all else may be left out: id, method, userAgent, ip or network, country, referrer, language, \
visitor, isPrefetch, query or sub1 to sub5 and source; isBot, botReason, botKind for a verdict that is kept. docs/operations.md says more.

Wrong lines are counted and the first are shown; all others are stored. What is there already is skipped, so it may be stopped at \
any time, and running it again goes on.

Examples:
  linkhop clicks import --account acct_… --file history.ndjson --dry-run
  linkhop clicks import --account acct_… --file history.csv --geo-database countries.mmdb";

const WORDS: Words = Words {
    things: "clicks",
    complaint: "lines hold no click that can be stored",
};

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    agents: AgentsConfig,
    #[command(flatten)]
    networks: NetworksConfig,
    #[command(flatten)]
    countries: CountriesConfig,
}

impl Import {
    pub(super) async fn run(self) -> Result<()> {
        let mut lines = self.source.lines(MAX_LINE_BYTES)?;
        let columns = Columns::of(lines.names())?;
        let (store, account) = self.source.open().await?;
        let secret = store.secret("visitor", nanoid::rngs::default).await?;
        let judge = Judge::new(&self.rules(), &secret)?;
        let mut importer = Importer::begin(&store, account.id, judge, self.source.dry_run).await?;
        let clock = Clock::system();
        let mut tally = Tally::begin(WORDS, clock.now());
        let mut lot: Vec<Numbered> = Vec::with_capacity(LOT);
        while let Some(Line { number, said }) = lines.next_line()? {
            match columns.fields(said) {
                Ok(fields) => match importer.read(&fields, clock.now()).await? {
                    Ok(new) => lot.push((number, new)),
                    Err(wrong) => tally.reject(number, None, wrong.to_string()),
                },
                Err(wrong) => tally.reject(number, None, wrong.to_string()),
            }
            if lot.len() == LOT {
                add(&mut tally, importer.store(take(&mut lot)).await?);
                tally.tell(clock.now());
            }
        }
        add(&mut tally, importer.store(lot).await?);
        importer.finish().await?;
        self.source.end(&tally, clock.now())
    }

    /// The rules of the server's verdicts, without those of bursts.
    fn rules(&self) -> judge::Options {
        judge::Options {
            agents: self.agents.bot_agents.clone(),
            networks: self.networks.bot_networks.clone(),
            countries: self.countries.geo_database.clone(),
            burst_address: 0,
            burst_link: 0,
        }
    }
}

fn add(tally: &mut Tally, lot: Imported) {
    tally.add(lot.stored, lot.skipped);
    for (line, why) in lot.refused {
        tally.reject(line, None, why.to_string());
    }
}
