//! What a newcomer is told: help pages and shell completion.

use std::process::Command;

use clap::CommandFactory as _;
use linkhop::cli::Cli;

use super::process::run;

/// The words of every command, those that only hold others too.
fn commands(command: &clap::Command, above: &[String], found: &mut Vec<Vec<String>>) {
    for command in command.get_subcommands() {
        let words = [above, &[command.get_name().to_owned()]].concat();
        commands(command, &words, found);
        found.push(words);
    }
}

fn all_commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    commands(&Cli::command(), &[], &mut found);
    assert!(found.len() > 15, "{found:?}");
    found
}

#[test]
fn the_first_page_has_every_command_and_the_first_steps() {
    for arguments in [["--help"].as_slice(), &["-h"], &["help"]] {
        let page = run(arguments.iter().copied(), []).printed();
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().expect("a sentence").to_string();
            let line = format!("  {:<13}{about}\n", command.get_name());
            assert!(page.contains(&line), "{line}{page}");
        }
        for step in ["linkhop demo", "linkhop migrate up", "linkhop serve"] {
            assert!(page.contains(&format!("\n  {step} ")), "{page}");
        }
        // No command makes these, and no link is made without them.
        for mutation in ["createDomain", "createSendingList"] {
            assert!(page.contains(mutation), "{page}");
        }
    }
}

#[test]
fn a_program_without_a_command_shows_the_first_page() {
    let ended = run([], []);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(ended.stderr, run(["--help"], []).printed());
}

#[test]
fn every_command_explains_itself_within_a_terminal_s_width() {
    for words in all_commands() {
        let arguments = words.iter().map(String::as_str).chain(["--help"]);
        let page = run(arguments, [("COLUMNS", "80")]).printed();
        assert!(
            page.contains(&format!("Usage: linkhop {}", words.join(" "))),
            "{page}"
        );
        for line in page.lines().filter(|line| !line.contains("linkhop ")) {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
    }
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell], []).printed();
        for known in ["suspend", "database-url", "catalog-write"] {
            assert!(script.contains(known), "{shell} does not know {known}");
        }
    }
    let ended = run(["completions", "tcsh"], []);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
}

#[test]
fn bash_completes_with_the_script() {
    let script = run(["completions", "bash"], []).printed();
    let press_tab =
        "COMP_WORDS=(linkhop account su); COMP_CWORD=2; _linkhop linkhop su account; echo ${COMPREPLY[@]}";
    let output = Command::new("bash")
        .args(["-c", &format!("{script}\n{press_tab}")])
        .output();
    let output = output.expect("bash starts");
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), "suspend\n");
}
