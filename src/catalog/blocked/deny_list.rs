//! A file of hosts, read again whenever it has changed.

use std::{fs, io, path::Path, path::PathBuf, sync::Arc, time::SystemTime};

use super::Hosts;
use crate::values::host_name::{HostName, InvalidHostName};

/// The file as it was read last.
pub(super) struct DenyList {
    file: PathBuf,
    /// When it was changed, and how long it was: of what was read, or could not be.
    seen: Option<Seen>,
    /// Whether it was said that it can't be read.
    is_said: bool,
}

type Seen = (Option<SystemTime>, u64);

/// Why a deny list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DenyListError {
    /// It is not there, or may not be read.
    #[error("can't read the deny list {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is no host.
    #[error("{}, line {line}: {text:?} is no host: {what}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What the line says.
        text: String,
        /// What is wrong with it.
        what: InvalidHostName,
    },
}

impl DenyList {
    /// Nothing is read yet.
    pub(super) const fn new(file: PathBuf) -> Self {
        Self {
            file,
            seen: None,
            is_said: false,
        }
    }

    /// Its hosts, where it has changed.
    ///
    /// # Errors
    /// When it can't be used.
    pub(super) async fn read(&mut self) -> Result<Option<Hosts>, DenyListError> {
        let (file, seen) = (self.file.clone(), self.seen);
        let reading = tokio::task::spawn_blocking(move || read(&file, seen));
        let (seen, hosts) = reading.await.unwrap_or((self.seen, Ok(None)));
        self.seen = seen;
        hosts
    }

    /// The same, but that one which can't be used is said to be so, once, and changes nothing.
    pub(super) async fn changed(&mut self) -> Option<Hosts> {
        match self.read().await {
            Ok(hosts) => {
                self.is_said &= hosts.is_none();
                hosts
            }
            Err(error) => {
                let cause = match &error {
                    DenyListError::Read { source, .. } => Some(source.to_string()),
                    DenyListError::Line { .. } => None,
                };
                if cause.is_none() || !self.is_said {
                    tracing::error!(%error, cause, "the deny list can't be used; what it said before stays blocked");
                }
                self.is_said = true;
                None
            }
        }
    }
}

type Read = (Option<Seen>, Result<Option<Hosts>, DenyListError>);

/// Reads the file, if it is another one than was seen.
fn read(file: &Path, seen: Option<Seen>) -> Read {
    let unreadable = |source| DenyListError::Read {
        file: file.to_owned(),
        source,
    };
    let now = match fs::metadata(file) {
        Ok(metadata) => Some((metadata.modified().ok(), metadata.len())),
        Err(error) => return (None, Err(unreadable(error))),
    };
    if now == seen {
        return (seen, Ok(None));
    }
    match fs::read_to_string(file) {
        Ok(text) => (now, parse(file, &text).map(Some)),
        Err(error) => (None, Err(unreadable(error))),
    }
}

fn parse(file: &Path, text: &str) -> Result<Hosts, DenyListError> {
    let mut hosts = std::collections::HashSet::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let host = HostName::parse(line).map_err(|what| DenyListError::Line {
            file: file.to_owned(),
            line: number,
            text: line.to_owned(),
            what,
        })?;
        hosts.insert(String::from(host).into_boxed_str());
    }
    Ok(Arc::new(hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_host_or_a_comment() {
        let text = "# Bad ones\nEvil.example  # really\n\n  phish.example\r\nbücher.example\n";
        let hosts = parse(Path::new("deny.txt"), text).expect("hosts");
        let mut hosts: Vec<_> = hosts.iter().map(AsRef::as_ref).collect();
        hosts.sort_unstable();
        assert_eq!(hosts, ["evil.example", "phish.example", "xn--bcher-kva.example"]);
        let error = parse(Path::new("deny.txt"), "a.example\n0.0.0.0 b.example\n").expect_err("no host");
        assert!(
            error
                .to_string()
                .starts_with("deny.txt, line 2: \"0.0.0.0 b.example\" is no host: "),
            "{error}"
        );
    }
}
