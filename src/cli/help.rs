//! The first page of `linkhop --help`.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::Cli;

/// The commands by what somebody wants to do, in the order in which a newcomer will.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Try it", &["demo"]),
    ("Run it", &["migrate", "serve", "config"]),
    (
        "Look after it",
        &[
            "account",
            "key",
            "domain",
            "links",
            "clicks",
            "destination",
            "report",
            "backup",
            "move",
        ],
    ),
];

/// The program's command with its first page. `clap` knows one list of commands and no groups of them.
pub(super) fn command() -> Command {
    let command = Cli::command();
    let styles = command.get_styles().clone();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut groups = String::new();
    let mut others: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
    others.retain(|name| GROUPS.iter().all(|(_, names)| !names.contains(name)));
    others.push("help");
    for (title, names) in GROUPS.into_iter().chain([("For your tools", others.as_slice())]) {
        let _ = writeln!(groups, "\n{header}{title}:{header:#}");
        for name in names {
            let about = match command.find_subcommand(name) {
                Some(command) => command.get_about().map(ToString::to_string).unwrap_or_default(),
                None => "Explain a command, as in `linkhop help key create`".to_owned(),
            };
            let _ = writeln!(groups, "  {literal}{name:<13}{literal:#}{about}");
        }
    }
    // Braces are the template's own.
    let groups = groups.replace(['{', '}'], "");
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{groups}\n{header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_a_group_is_one() {
        let command = Cli::command();
        for name in GROUPS.into_iter().flat_map(|(_, names)| names) {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
    }
}
