//! Settings: each is declared once, as a field in [`config`](crate::config), and may be given in four ways.
//!
//! A setting is an argument that has a variable. Its key in the file is its flag in other letters, so nobody need
//! declare that. What the file says becomes the argument's default: flags and variables win over it, and the same
//! parser takes it. A variable that is empty sets nothing: what starts containers passes one for what is unset.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, ArgMatches, Command, FromArgMatches as _,
    error::{Error, ErrorKind},
    parser::ValueSource,
};

use super::{Cli, file::File, help};
use crate::config::{CONFIG, DatabaseUrl};

/// A command line that was understood, with all that its settings were read from.
#[derive(Debug)]
pub struct Invocation {
    pub(super) cli: Cli,
    pub(super) settings: Vec<Setting>,
    pub(super) file: Option<PathBuf>,
}

/// One setting of the command that was called.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its key in the file.
    pub key: String,
    /// Its flag, without dashes.
    pub flag: String,
    /// Its variable.
    pub variable: String,
    /// What it is set to, secrets masked; several where it may be given more than once.
    pub values: Vec<String>,
    /// Whether it may be given more than once.
    pub is_repeatable: bool,
    /// Who set it.
    pub source: Source,
}

/// Who set a setting. The first of these that does wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag,
    Variable,
    File,
    Default,
}

impl Source {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Variable => "variable",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// Reads the command line, the variables and the file that these name.
///
/// # Errors
/// With what is wrong with them, or the help that was asked for.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let declared = help::command();
    // The file may hold what is required, and where it is stands among the arguments.
    let lenient = on_settings(declared.clone(), &|setting, _| setting.required(false));
    let file = match without_empty_variables(lenient).try_get_matches_from(&arguments) {
        Ok(matches) => matches.get_one::<PathBuf>(CONFIG).cloned(),
        // The command as it is declared says it best, and has the right help: with every variable.
        Err(error) => {
            let command = if error.use_stderr() {
                without_empty_variables(declared)
            } else {
                declared
            };
            return Err(command.try_get_matches_from(&arguments).err().unwrap_or(error));
        }
    };
    let file = file.map(|path| File::read(&path, &all_settings(&declared)));
    let file = file
        .transpose()
        .map_err(|error| Error::raw(ErrorKind::ValueValidation, format!("{error}\n")))?;
    let mut filled = on_settings(
        declared,
        &|setting, key| match file.as_ref().and_then(|file| file.get(key)) {
            Some(values) => setting.required(false).default_values(values.to_vec()),
            None => setting,
        },
    );
    let matches = without_empty_variables(filled.clone())
        .try_get_matches_from(&arguments)
        .map_err(hinted)?;
    // Gives the arguments of all commands to each, as reading the command line does.
    filled.build();
    Ok(Invocation {
        cli: Cli::from_arg_matches(&matches)?,
        settings: effective(&filled, &matches, file.as_ref()),
        file: file.map(|file| file.path().to_owned()),
    })
}

/// The key of a setting in the file; none of what is no setting, or says where the file is.
fn key(argument: &Arg) -> Option<String> {
    argument.get_env()?;
    let flag = argument.get_long()?;
    (flag != CONFIG).then(|| flag.replace('-', "_"))
}

/// Changes the settings of a command and of all below it.
fn on_settings(command: Command, change: &impl Fn(Arg, &str) -> Arg) -> Command {
    command
        .mut_args(|argument| match key(&argument) {
            Some(key) => change(argument, &key),
            None => argument,
        })
        .mut_subcommands(|command| on_settings(command, change))
}

/// The command with all below it, none of which reads a variable that is empty.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|argument| match argument.get_env() {
            Some(name) if is_empty(name) => argument.env(None::<&'static str>),
            _ => argument,
        })
        .mut_subcommands(without_empty_variables)
}

/// The settings of a command and of all below it, by their keys.
fn all_settings(command: &Command) -> BTreeMap<String, Arg> {
    let mut all: BTreeMap<_, _> = command.get_subcommands().flat_map(all_settings).collect();
    all.extend(
        command
            .get_arguments()
            .filter_map(|argument| Some((key(argument)?, argument.clone()))),
    );
    all
}

/// Says where else a setting that is missing may be given.
fn hinted(mut error: Error) -> Error {
    use clap::error::{ContextKind, ContextValue};
    let database = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::Strings(missing)) if missing.iter().any(|name| name.starts_with("--database-url"))
    );
    if error.kind() == ErrorKind::MissingRequiredArgument && database {
        let tip =
            "it may also be given as LINKHOP_DATABASE_URL, or as database_url in a file that --config names";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The settings of the command that was called, as it was declared.
fn effective(command: &Command, matches: &ArgMatches, file: Option<&File>) -> Vec<Setting> {
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        return effective(command, matches, file);
    }
    let setting = |argument: &Arg| {
        let key = key(argument)?;
        let id = argument.get_id().as_str();
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => Source::Flag,
            Some(ValueSource::EnvVariable) => Source::Variable,
            _ if file.is_some_and(|file| file.get(&key).is_some()) => Source::File,
            _ => Source::Default,
        };
        let shown = |value: &OsStr| {
            let value = value.to_string_lossy();
            if argument.is_hide_env_values_set() {
                masked(&value)
            } else {
                value.into_owned()
            }
        };
        Some(Setting {
            flag: argument.get_long()?.to_owned(),
            variable: argument.get_env()?.to_string_lossy().into_owned(),
            values: matches.get_raw(id).into_iter().flatten().map(shown).collect(),
            is_repeatable: matches!(argument.get_action(), ArgAction::Append),
            source,
            key,
        })
    };
    command.get_arguments().filter_map(setting).collect()
}

/// A secret as it may be shown: of a database's URL all but the password, of anything else nothing.
fn masked(secret: &str) -> String {
    secret
        .parse()
        .map_or_else(|_| "***".to_owned(), |url: DatabaseUrl| url.masked())
}
