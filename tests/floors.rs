//! Imports go down only.

use std::{fs, path::Path};

/// The floors from the ground up; what stands on one line may not know each other.
const FLOORS: [&[&str]; 10] = [
    &["apart", "traces"],
    &["files", "rates", "store", "values"],
    &["accounts"],
    &["catalog"],
    &["links"],
    &["clicks"],
    &["app"],
    &["mcp"],
    &["graphql", "http"],
    &["server"],
];

/// Plain data, or the top of the house.
const TOP: [&str; 4] = ["config", "cli", "main", "lib"];

/// Where rows that belong to an account may be reached otherwise than through `accounts::rows_of`: who sends a
/// key has no account yet, who visits a link never has one, and an operator looks after all of them.
/// New clicks are read for all accounts at once that listen to theirs.
const UNSCOPED: [&str; 9] = [
    "src/accounts/operate.rs",
    "src/accounts/principal.rs",
    "src/accounts/scope.rs",
    "src/catalog/domain/hosts.rs",
    "src/catalog/domain/mod.rs",
    "src/clicks/live/read.rs",
    "src/cli/demo.rs",
    "src/cli/domains.rs",
    "src/links/resolve/read.rs",
];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let name = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy()
                .into_owned();
            found.push((name, text));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// The modules of this crate that a file names: `crate::a::…` and each first word of `use crate::{a::…, b::…}`.
fn named_modules(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut start = true;
            let mut word = String::new();
            for character in group.chars() {
                if depth == 1 && start && (character.is_alphanumeric() || character == '_') {
                    word.push(character);
                    continue;
                }
                if !word.is_empty() {
                    named.push(std::mem::take(&mut word));
                    start = false;
                }
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => start = true,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            named.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    named
}

#[test]
fn no_file_imports_from_its_own_floor_or_above() {
    let mut wrong = Vec::new();
    for (name, text) in all_sources() {
        let module = name.split('/').nth(1).expect("a module").trim_end_matches(".rs");
        let Some(floor) = floor_of(module) else {
            assert!(
                TOP.contains(&module),
                "{name} is on no floor: give it one in tests/floors.rs"
            );
            continue;
        };
        for other in named_modules(&text) {
            let is_up = match floor_of(&other) {
                Some(of_other) => of_other >= floor && other != module,
                // Configuration is plain data that the upper floors are told by.
                None => TOP.contains(&other.as_str()) && !(other == "config" && module == "server"),
            };
            if is_up && !(module == "http" && other == "graphql") {
                wrong.push(format!("{name} imports {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_names_no_door() {
    for (name, text) in all_sources() {
        let module = name.split('/').nth(1).expect("a module").trim_end_matches(".rs");
        if floor_of(module).is_some_and(|floor| floor < 6) {
            for door in ["axum::", "async_graphql"] {
                assert!(!text.contains(door), "{name} names {door}");
            }
        }
    }
}

#[test]
fn rows_of_an_account_are_reached_through_the_account() {
    let owned = [
        "api_key",
        "domain",
        "idempotency_key",
        "offer",
        "sending_list",
        "short_link",
    ];
    for (name, text) in all_sources() {
        if UNSCOPED.contains(&name.as_str()) {
            continue;
        }
        for table in owned {
            for start in ["find()", "find_by_id("] {
                let query = format!("{table}::Entity::{start}");
                assert!(
                    !text.contains(&query),
                    "{name} starts a query with {query}: start it with rows_of"
                );
            }
        }
    }
}

#[test]
fn imports_are_read_whichever_way_they_are_written() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n    e::F,\n};\nfn f() { crate::g::h() }";
    assert_eq!(named_modules(text), ["a", "d", "e", "g"]);
}
