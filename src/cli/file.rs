//! The file that settings may stand in.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

/// What a file sets: each key with its value, or its values where the setting takes several.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

/// What is wrong with a file. Nothing here repeats a line of it: the database's password may be in that line.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It is not there, or not for us to read.
    #[error("can't read {}: {}", .0.display(), .1)]
    Read(PathBuf, io::Error),
    /// It is no TOML.
    #[error("{}, line {}: {}", .0.display(), .1, .2)]
    Parse(PathBuf, usize, String),
    /// A key is of no setting.
    #[error("{}: there is no setting '{key}'; {help}", .path.display())]
    UnknownKey {
        path: PathBuf,
        key: String,
        help: String,
    },
    /// A value is not what its setting takes.
    #[error("{}: {key}: {reason}", .path.display())]
    Value {
        path: PathBuf,
        key: String,
        reason: String,
    },
}

impl File {
    /// Reads a file and tries each value on the setting that it is for, whichever command that is of: one file
    /// serves them all, and what is wrong in it is said at once and not when that command is first run.
    pub(super) fn read(path: &Path, settings: &BTreeMap<String, Arg>) -> Result<Self, FileError> {
        let text = fs::read_to_string(path).map_err(|error| FileError::Read(path.to_owned(), error))?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = 1 + before.unwrap_or_default().matches('\n').count();
            FileError::Parse(path.to_owned(), line, error.message().to_owned())
        })?;
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let Some(setting) = settings.get(&key) else {
                return Err(FileError::UnknownKey {
                    path: path.to_owned(),
                    help: if value.is_table() {
                        "keys stand at the top of the file, in no table".to_owned()
                    } else {
                        let known: Vec<_> = settings.keys().map(String::as_str).collect();
                        format!("there are {}", known.join(", "))
                    },
                    key,
                });
            };
            match texts(value, setting).and_then(|texts| accepted(texts, setting)) {
                Ok(texts) => values.insert(key, texts),
                Err(reason) => {
                    let path = path.to_owned();
                    return Err(FileError::Value { path, key, reason });
                }
            };
        }
        Ok(Self {
            path: path.to_owned(),
            values,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of a setting.
    pub(super) fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }
}

/// A value as it would be written on the command line.
fn texts(value: Value, setting: &Arg) -> Result<Vec<String>, String> {
    match value {
        Value::Array(_) if !matches!(setting.get_action(), ArgAction::Append) => {
            Err("it takes one value and no array".to_owned())
        }
        Value::Array(values) => values.into_iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Array(_) | Value::Table(_) => Err("it takes texts, numbers, true or false".to_owned()),
    }
}

/// The texts, if the setting's own parser takes them: the same that flags and variables go through.
fn accepted(texts: Vec<String>, setting: &Arg) -> Result<Vec<String>, String> {
    let flag = setting.get_long().unwrap_or_default();
    let command = Command::new("linkhop")
        .no_binary_name(true)
        .arg(setting.clone().required(false).env(None::<&'static str>));
    match command.try_get_matches_from(texts.iter().map(|text| format!("--{flag}={text}"))) {
        Ok(_) => Ok(texts),
        Err(error) => {
            let said = error.render().to_string();
            let said = said.strip_prefix("error: ").unwrap_or(&said);
            let (said, _) = said.split_once("\n\nFor more information").unwrap_or((said, ""));
            Err(said.trim_end().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<File, FileError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("linkhop.toml");
        fs::write(&path, text).expect("a file");
        let origin = Arg::new("cors_origin")
            .long("cors-origin")
            .env("LINKHOP_CORS_ORIGIN");
        let origin = origin.action(ArgAction::Append).value_delimiter(',');
        File::read(&path, &BTreeMap::from([("cors_origin".to_owned(), origin)]))
    }

    #[test]
    fn a_setting_that_may_be_given_more_than_once_takes_an_array_or_one_value() {
        let file = read("cors_origin = ['https://a.example', 'https://b.example']").expect("right");
        let both = ["https://a.example", "https://b.example"].map(str::to_owned);
        assert_eq!(file.get("cors_origin"), Some(both.as_slice()));
        let file = read("cors_origin = 'https://a.example'").expect("right");
        assert_eq!(file.get("cors_origin"), Some(&both[..1]));
        let file = read("cors_origin = []").expect("right");
        assert_eq!(file.get("cors_origin"), Some([].as_slice()));
        assert_eq!(read("").expect("right").get("cors_origin"), None);
    }

    #[test]
    fn an_array_holds_no_other() {
        for text in ["cors_origin = [['https://a.example']]", "cors_origin = [{}]"] {
            let error = read(text).expect_err("wrong").to_string();
            assert!(
                error.ends_with("cors_origin: it takes texts, numbers, true or false"),
                "{error}"
            );
        }
    }
}
