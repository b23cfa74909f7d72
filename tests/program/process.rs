//! The built program, started and always stopped.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::support::Database;

/// A running `linkhop`. It is killed with its guard, also when a test fails.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: File,
}

/// What a process left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed that was not read before.
    pub stdout: String,
    /// What it logged and complained about.
    pub stderr: String,
}

impl Ended {
    /// What a command that did its work has printed.
    pub fn printed(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// All that it wrote, wherever to.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Program {
    /// Starts `linkhop` with these arguments and variables, and none of the variables of the test's own.
    pub fn start<'a>(
        arguments: impl IntoIterator<Item = &'a str>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self::start_in(".", arguments, variables)
    }

    /// The same in a folder.
    pub fn start_in<'a>(
        folder: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkhop"));
        command.current_dir(folder);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("LINKHOP_") || text.starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        // A file, since nobody reads along: a full pipe would stop the program.
        let stderr = tempfile::tempfile().expect("a temporary file");
        let mut child = command
            .args(arguments)
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("a second handle"))
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().map(BufReader::new);
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Starts `linkhop serve` on a free port, and answers its address once it listens.
    pub fn serve(database: &Database) -> (Self, String) {
        Self::serve_with(database, &[])
    }

    /// The same with more arguments.
    pub fn serve_with(database: &Database, more: &[&str]) -> (Self, String) {
        // In the folder that this runs in would be those of all databases.
        let spool = database.spool();
        let mut program = Self::start(
            ["serve", "--listen", "127.0.0.1:0"]
                .into_iter()
                .chain(more.iter().copied()),
            [
                ("LINKHOP_DATABASE_URL", database.url.as_str()),
                ("LINKHOP_SPOOL", spool.to_str().expect("UTF-8")),
                // Tests send as fast as they can.
                ("LINKHOP_KEY_RATE", "0"),
                ("LINKHOP_ACCOUNT_RATE", "0"),
                // However busy the machine is.
                ("LINKHOP_REQUEST_TIMEOUT", "60"),
            ],
        );
        let line = program.line();
        let url = line.strip_prefix("Linkhop listens on ").expect("an address");
        (program, url.to_owned())
    }

    /// The next line that it prints; fails if it ends instead.
    pub fn line(&mut self) -> String {
        let stdout = self.stdout.as_mut().expect("not yet read to its end");
        let mut line = String::new();
        let bytes = stdout.read_line(&mut line).expect("a line");
        assert!(bytes > 0, "the program ended: {}", self.complaints());
        line.trim_end_matches('\n').to_owned()
    }

    /// Ends it as a crash of the machine would: it can do nothing about it.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL is sent");
        self.child.wait().expect("an end");
    }

    /// Asks it to stop, as an operator or an init system does.
    pub fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill(1) starts");
        assert!(sent.success());
    }

    /// Reads what it prints until it ends by itself.
    pub fn end(mut self) -> Ended {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.stdout.take() {
            pipe.read_to_string(&mut stdout).expect("UTF-8");
        }
        self.ended(stdout)
    }

    /// Waits until it ends by itself; fails, and kills it, if that takes longer.
    pub async fn end_within(mut self, limit: Duration) -> Ended {
        let mut pipe = self.stdout.take().expect("not yet read to its end");
        // The pipe closes with the process, be it by the guard.
        let rest = tokio::task::spawn_blocking(move || {
            let mut rest = String::new();
            pipe.read_to_string(&mut rest).map(|_| rest)
        });
        let rest = tokio::time::timeout(limit, rest).await.expect("an end in time");
        self.ended(rest.expect("no panic").expect("UTF-8"))
    }

    fn ended(&mut self, stdout: String) -> Ended {
        let status = self.child.wait().expect("an end");
        Ended {
            code: status.code(),
            stdout,
            stderr: self.complaints(),
        }
    }

    fn complaints(&mut self) -> String {
        let mut text = String::new();
        self.stderr.rewind().expect("a file");
        self.stderr.read_to_string(&mut text).expect("UTF-8");
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub fn run<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Ended {
    Program::start(arguments, variables).end()
}
