//! What is fuzzed: functions that take any bytes and panic where a promise is broken.
//!
//! Three build this: `cargo fuzz`, from the folder above; `scripts/fuzz --stable`, whose driver is beside it; and the suite,
//! which runs every seed, so that no target falls behind the code.

pub mod destination;
pub mod import;
pub mod query;
mod world;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, as its binary in `fuzz_targets/`.
    pub name: &'static str,
    /// Where inputs are that it begins with, from the repository's root.
    pub seeds: &'static [&'static str],
    /// Takes an input.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 3] = [
    Target {
        name: "query",
        seeds: &["operations", "fuzz/seeds/query"],
        run: query::run,
    },
    Target {
        name: "destination",
        seeds: &["fuzz/seeds/destination"],
        run: destination::run,
    },
    Target {
        name: "import",
        seeds: &["fuzz/seeds/import"],
        run: import::run,
    },
];
