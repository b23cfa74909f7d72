//! `linkhop config`.

use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    output::{Output, table},
    settings::{Setting, Source},
};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Settings {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what `linkhop serve` would be set to and where each value is from, without starting anything
    #[command(
        after_help = "Passwords are shown as ***. What is wrong is said, and the exit status is 2.\n\n\
        Example:\n  linkhop config check --config /etc/linkhop.toml"
    )]
    Check {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        // Taken so that the same flags are allowed, required and tried as for `serve`.
        _config: Box<Config>,
    },
}

impl Settings {
    /// Whoever gets here has settings that are right: they were tried when the command line was.
    pub(super) fn run(self, settings: &[Setting], file: Option<&Path>) -> Result<()> {
        let Action::Check { output, .. } = self.action;
        output.print(|| json_of(settings, file), || text_of(settings, file))
    }
}

fn json_of(settings: &[Setting], file: Option<&Path>) -> Value {
    let one = |setting: &Setting| {
        json!({
            "key": setting.key,
            "flag": format!("--{}", setting.flag),
            "variable": setting.variable,
            "value": if setting.is_repeatable { json!(setting.values) } else { json!(setting.values.first()) },
            "source": setting.source.as_str(),
        })
    };
    json!({
        "file": file.map(|file| file.to_string_lossy()),
        "settings": settings.iter().map(one).collect::<Vec<_>>(),
    })
}

fn text_of(settings: &[Setting], file: Option<&Path>) -> String {
    let row = |setting: &Setting| {
        let source = match setting.source {
            Source::Flag => format!("flag --{}", setting.flag),
            Source::Variable => format!("variable {}", setting.variable),
            Source::File => format!("file {}", file.unwrap_or(Path::new("")).display()),
            Source::Default => "default".to_owned(),
        };
        let value = match setting.values.as_slice() {
            [] => "-".to_owned(),
            values => values.join(", "),
        };
        [setting.key.clone(), value, source]
    };
    let rows: Vec<_> = settings.iter().map(row).collect();
    table(["SETTING", "VALUE", "FROM"], &rows, "There are no settings.")
}
