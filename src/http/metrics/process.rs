//! What the system says of this process. Only Linux is asked.

use std::{fs, str::FromStr};

/// How many of the clock's ticks a second has in what the kernel tells programs: the same on every machine that Rust runs
/// on, since programs count on it.
const TICKS: f64 = 100.0;

/// What the process uses; `None` is what the system does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Seconds of computing, its own and the system's for it.
    pub cpu_seconds: Option<f64>,
    /// Bytes of memory.
    pub resident_bytes: Option<u64>,
    /// Open files and connections.
    pub open_files: Option<u64>,
    /// How many it may have.
    pub max_files: Option<u64>,
}

impl Process {
    /// Reads files of the kernel's, which takes microseconds.
    pub(super) fn now() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok();
        Self {
            cpu_seconds: cpu_seconds(&read("stat")),
            resident_bytes: number_after(&read("status"), "VmRSS:").map(|kib: u64| kib * 1024),
            open_files: files.map(|files| files.count() as u64),
            max_files: max_open_files(),
        }
    }
}

/// How many files and connections the process may have open, where the system says so.
#[must_use]
pub fn max_open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    number_after(&limits, "Max open files")
}

/// The name of the program stands in parentheses and may hold anything; what follows is the third field.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields = stat.rsplit_once(')')?.1;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / TICKS)
}

/// The first number of the line that begins so.
fn number_after<T: FromStr>(text: &str, start: &str) -> Option<T> {
    let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 5 0 0 0 250 50 0 0 20 0 9 0 11 1 2";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
        assert_eq!(
            number_after("VmPeak:\t  9 kB\nVmRSS:\t    1234 kB\n", "VmRSS:"),
            Some(1234)
        );
        let limits =
            "Max processes   1   2   processes\nMax open files            1024      524288    files\n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024));
        assert_eq!(
            number_after::<u64>("Max open files  unlimited unlimited files", "Max open files"),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_files() {
        let Process {
            cpu_seconds,
            resident_bytes,
            open_files,
            ..
        } = Process::now();
        assert!(cpu_seconds.is_some());
        assert!(resident_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(open_files.is_some_and(|files| files >= 3));
    }
}
