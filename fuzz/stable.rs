//! Fuzzes where there is no libFuzzer: `scripts/fuzz --stable` calls this.
//!
//!     stable TARGET SECONDS [SEED]   changes the target's seeds at random, the same way for the same SEED
//!     stable TARGET --input FILE     gives the target one file
//!
//! It knows nothing of what the code does with an input, so it finds less than libFuzzer, and needs no compiler of its own.

#![expect(clippy::print_stdout, reason = "it talks to whoever calls it")]
#![expect(unreachable_pub, reason = "its modules are a library's elsewhere")]

#[path = "src/lib.rs"]
mod targets;

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use targets::{TARGETS, Target};

/// How long an input may take; a machine may be busy.
const SLOW: Duration = Duration::from_secs(10);

/// The most bytes of an input.
const LONGEST: usize = 32 * 1024;

/// What parsers stumble over.
const TOKENS: [&str; 48] = [
    "",
    "\0",
    "\n",
    "\r",
    "\r\n",
    "\"",
    "\"\"",
    "\"\"\"",
    "\\",
    "\\\"\"\"",
    ",",
    "{",
    "}",
    "{{",
    "}}",
    "[",
    "]",
    "(",
    ")",
    "...",
    "$",
    "@",
    "#",
    "?",
    "&",
    "=",
    "%",
    "%00",
    "%2e%2e",
    "%7B%7B",
    "://",
    "//",
    "@x",
    ":0",
    ":99999",
    "/../",
    "+",
    "-1",
    "1e400",
    "2147483648",
    "null",
    "true",
    "\u{feff}",
    "\u{2028}",
    "\u{a0}",
    "ü",
    "{{query.a}}",
    "{{click.id}}",
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let target = |name: &str| TARGETS.into_iter().find(|target| target.name == name);
    let found = match arguments.as_slice() {
        [name, "--input", file] => target(name).map(|target| one(target, file)),
        [name, seconds] => target(name)
            .zip(seconds.parse().ok())
            .map(|(target, seconds)| many(target, seconds, RandomState::new().build_hasher().finish())),
        [name, seconds, seed] => target(name)
            .zip(seconds.parse().ok().zip(seed.parse().ok()))
            .map(|(target, (seconds, seed))| many(target, seconds, seed)),
        _ => None,
    };
    found.unwrap_or_else(|| {
        let names = TARGETS.map(|target| target.name).join(" or ");
        println!("stable TARGET SECONDS [SEED], or TARGET --input FILE; TARGET is {names}");
        ExitCode::from(2)
    })
}

fn one(target: Target, file: &str) -> ExitCode {
    match fs::read(file) {
        Ok(input) => {
            let is_found = is_finding(target, &input);
            println!("{file}: {}", if is_found { "a finding" } else { "nothing wrong" });
            ExitCode::from(u8::from(is_found))
        }
        Err(error) => {
            println!("can't read {file}: {error}");
            ExitCode::from(2)
        }
    }
}

fn many(target: Target, seconds: u64, seed: u64) -> ExitCode {
    let seeds = seeds(target);
    println!(
        "{}: {} inputs to begin with, {seconds} s, seed {seed}",
        target.name,
        seeds.len()
    );
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(seed);
    let mut count = 0_u64;
    for input in &seeds {
        if is_finding(target, input) {
            return save(target, input);
        }
    }
    while Instant::now() < end {
        let input = changed(&seeds, &mut random);
        count += 1;
        if is_finding(target, &input) {
            return save(target, &input);
        }
    }
    println!("{}: {count} inputs, nothing found", target.name);
    ExitCode::SUCCESS
}

/// Whether a target breaks a promise for an input, or takes too long; why is printed by then.
fn is_finding(target: Target, input: &[u8]) -> bool {
    let begin = Instant::now();
    let is_broken = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    let took = begin.elapsed();
    if took > SLOW {
        println!("it took {took:?}");
    }
    is_broken || took > SLOW
}

/// Keeps an input where `scripts/fuzz` finds it, under the name that `cargo fuzz` would give it.
fn save(target: Target, input: &[u8]) -> ExitCode {
    let folder = root().join("fuzz/artifacts").join(target.name);
    let mut name = std::hash::DefaultHasher::new();
    name.write(input);
    let file = folder.join(format!("crash-{:016x}", name.finish()));
    match fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)) {
        Ok(()) => println!("{}: found {}", target.name, file.display()),
        Err(error) => println!("{}: found {input:?}, and can't write it: {error}", target.name),
    }
    ExitCode::FAILURE
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs that a target begins with, in an order that does not depend on the disk.
fn seeds(target: Target) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in target.seeds {
        let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        files.extend(entries.map(|entry| entry.expect("a file").path()));
    }
    files.sort();
    let read = files.into_iter().map(|file| fs::read(file).expect("a seed"));
    read.collect()
}

/// A seed with a few changes.
fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.of(seeds).clone();
    for _ in 0..=random.below(6) {
        let (begin, end) = random.span(input.len());
        match random.below(9) {
            0 => drop(input.drain(begin..end)),
            1 => {
                let part = input[begin..end].to_vec();
                let at = random.below(input.len() + 1);
                input.splice(at..at, part);
            }
            2 => {
                let part = input[begin..end].repeat(2 + random.below(40));
                input.splice(begin..end, part);
            }
            3 | 4 => drop(input.splice(begin..begin, random.of(&TOKENS).bytes())),
            5 => drop(input.splice(begin..end, random.of(&TOKENS).bytes())),
            6 => {
                let other = random.of(seeds);
                let (from, to) = random.span(other.len());
                input.splice(begin..end, other[from..to].iter().copied());
            }
            7 => {
                if let Some(byte) = input.get_mut(begin) {
                    *byte ^= 1 << random.below(8);
                }
            }
            _ => {
                let byte = u8::try_from(random.below(256)).unwrap_or_default();
                input.insert(begin, byte);
            }
        }
        input.truncate(LONGEST);
    }
    input
}

/// Numbers that follow from a first one (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A part of so many bytes, mostly a short one.
    fn span(&mut self, length: usize) -> (usize, usize) {
        let begin = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 8 };
        let end = begin + self.below(most.min(length - begin) + 1);
        (begin, end)
    }
}
