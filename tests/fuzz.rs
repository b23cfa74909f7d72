//! What `scripts/fuzz` gives random inputs is given its seeds here: what was found once stays mended, and no target falls
//! behind the code.

use std::{collections::BTreeSet, fs, path::Path};

use toml::{Table, Value};

use self::targets::TARGETS;

#[path = "../fuzz/src/lib.rs"]
mod targets;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(path: &str) -> Table {
    let text = fs::read_to_string(root().join(path)).expect(path);
    text.parse().expect(path)
}

#[test]
fn every_seed_passes() {
    for target in TARGETS {
        let mut seeds = 0;
        for folder in target.seeds {
            for entry in fs::read_dir(root().join(folder)).expect("seeds") {
                let path = entry.expect("an entry").path();
                // Its name is printed where it fails.
                eprintln!("{}", path.display());
                (target.run)(&fs::read(path).expect("a seed"));
                seeds += 1;
            }
        }
        assert!(seeds > 5, "{} has {seeds} seeds", target.name);
    }
}

#[test]
fn each_target_has_its_binary_of_the_same_parts() {
    let (own, theirs) = (manifest("Cargo.toml"), manifest("fuzz/Cargo.toml"));
    let binaries = theirs["bin"].as_array().expect("binaries").iter();
    let names: BTreeSet<_> = binaries.filter_map(|binary| binary["name"].as_str()).collect();
    assert_eq!(names, TARGETS.iter().map(|target| target.name).collect());
    for name in names {
        let file = format!("fuzz/fuzz_targets/{name}.rs");
        let text = fs::read_to_string(root().join(&file)).expect("a target");
        assert!(
            text.contains(&format!("linkhop_fuzz::{name}::run(input)")),
            "{file}: {text}"
        );
    }
    // One that differs would be another version beside the one that is fuzzed.
    let version = |dependency: &Value| {
        let version = dependency.get("version").unwrap_or(dependency);
        version.as_str().map(str::to_owned)
    };
    let own = |name: &str| {
        let workspace = own["workspace"]["dependencies"].get(name);
        [
            workspace,
            own["dependencies"].get(name),
            own["dev-dependencies"].get(name),
        ]
        .into_iter()
        .flatten()
        .find_map(version)
    };
    for (name, dependency) in theirs["dependencies"].as_table().expect("dependencies") {
        let is_elsewhere = dependency.get("path").is_some() || name == "libfuzzer-sys";
        assert!(
            is_elsewhere || own(name) == version(dependency),
            "{name}: {dependency:?}"
        );
    }
}
