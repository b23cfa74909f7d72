"""What Linkhop has stored, read past it: from an SQLite file or, by psql, from PostgreSQL."""

import contextlib
import csv
import glob
import io
import os
import pathlib
import secrets
import shutil
import sqlite3
import subprocess
import time
import urllib.parse

from server import Failed, cpu_ticks


class Sqlite:
    """A file and, beside it, the spool."""

    name = "SQLite"

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "linkhop.db"
        self.url = f"sqlite://{self.file}"
        self.spool = pathlib.Path(f"{self.file}-spool")

    def rows(self, sql):
        """The rows of a query, `{hex:COLUMN}` in it being an id as 32 digits."""
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(_fill(sql, "lower(hex({}))")).fetchall()
        finally:
            connection.close()

    @contextlib.contextmanager
    def held(self):
        """Nobody else can write in the meantime."""
        connection = sqlite3.connect(self.file, timeout=0, isolation_level=None, check_same_thread=False)
        deadline = time.monotonic() + 30
        try:
            # Not SQLite's own waiting, which sleeps ever longer: a busy server leaves the lock for microseconds.
            while not connection.in_transaction:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.0001)
            yield
        finally:
            connection.close()

    def cpu_ticks(self):
        """What the database costs outside the server: nothing."""
        return 0

    def drop(self):
        """The folder's owner removes the file."""


class Postgres:
    """A database of one's own on the server that `scripts/test --run` gives."""

    name = "PostgreSQL"

    def __init__(self, folder):
        server = os.environ.get("LINKHOP_TEST_DATABASE_URL")
        if not server:
            raise Failed("PostgreSQL is wanted and LINKHOP_TEST_DATABASE_URL is not set; use scripts/test --run")
        # The server's working folder is the caller's.
        self.folder = pathlib.Path(folder)
        self.psql = shutil.which("psql") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"))[-1:]), None)
        if self.psql is None:
            raise Failed("install psql (Debian: postgresql-client)")
        url = urllib.parse.urlsplit(server)
        # By the environment: what stands on a command line is everybody's to read.
        self.environment = {
            **os.environ,
            "PGHOST": url.hostname,
            "PGPORT": str(url.port or 5432),
            "PGUSER": urllib.parse.unquote(url.username or ""),
            "PGPASSWORD": urllib.parse.unquote(url.password or ""),
            "PGDATABASE": url.path.lstrip("/"),
        }
        database = f"linkhop_load_{secrets.token_hex(4)}"
        self.rows(f"CREATE DATABASE {database}")
        self.server_database = self.environment["PGDATABASE"]
        self.environment["PGDATABASE"] = database
        self.url = url._replace(path=f"/{database}").geturl()

    @property
    def spool(self):
        """Has a number of the database in its name, and is there once a server was."""
        return next(self.folder.glob("linkhop-spool-*"), self.folder / "linkhop-spool")

    def _start(self, *arguments, **more):
        return subprocess.Popen(
            [self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def rows(self, sql):
        """The rows of a query; see there. Numbers are numbers again, NULL is None, a truth is 0 or 1."""
        psql = self._start("--csv", "-t", "-P", "null=\\N", "-c", _fill(sql, "replace({}::text, '-', '')"))
        out, errors = psql.communicate()
        if psql.returncode != 0:
            raise Failed(f"psql: {errors.strip()}")
        return [tuple(map(_value, row)) for row in csv.reader(io.StringIO(out))]

    @contextlib.contextmanager
    def held(self):
        """Nobody else can read or write clicks in the meantime."""
        psql = self._start("-t", "-A", bufsize=1)
        try:
            psql.stdin.write("BEGIN;\nLOCK TABLE click IN ACCESS EXCLUSIVE MODE;\nSELECT 'held';\n")
            psql.stdin.flush()
            if psql.stdout.readline().strip() != "held":
                raise Failed("the table click could not be locked")
            yield
        finally:
            # Its connection ends with it, and the lock with the connection.
            psql.communicate("ROLLBACK;\n")

    def cpu_ticks(self):
        """Processor time of the whole PostgreSQL, those of its processes that have ended not counted."""
        ((backend,),) = self.rows("SELECT pg_backend_pid()")
        # That process has gone; any other of its kind is a child of the same one.
        others = self.rows("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        for (pid,) in others:
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                main = stat[stat.rindex(")") + 2 :].split()[1]
                children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
                total = 0
                for child in [main, *children]:
                    with contextlib.suppress(OSError):
                        total += cpu_ticks(child)
                return total
        return 0

    def drop(self):
        """Removes the database with all connections to it."""
        database = self.environment["PGDATABASE"]
        self.environment["PGDATABASE"] = self.server_database
        # A server that is being stopped itself has nothing to drop.
        with contextlib.suppress(Failed):
            self.rows(f"DROP DATABASE {database} WITH (FORCE)")


def _fill(sql, form):
    while "{hex:" in sql:
        before, rest = sql.split("{hex:", 1)
        column, after = rest.split("}", 1)
        sql = before + form.format(column) + after
    return sql


def _value(text):
    if text == "\\N":
        return None
    if text in ("t", "f"):
        return int(text == "t")
    try:
        return int(text)
    except ValueError:
        return text


DATABASES = {"sqlite": Sqlite, "postgres": Postgres}


def spooled(database):
    """How many clicks wait in the spool; a line that was cut off counts for none."""
    lines = 0
    for path in database.spool.glob("*.ndjson"):
        # One that has just been replayed is gone.
        with contextlib.suppress(FileNotFoundError):
            lines += path.read_bytes().count(b"\n")
    return lines


def is_replayed(database):
    """Whether nothing is left in the spool; a file may be there in which nothing could be written."""
    return all(size == 0 for size in map(_size, database.spool.glob("*.ndjson")))


def _size(path):
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def behind(database):
    """How many raw rows are not summed yet, and how many there are."""
    ((last, through),) = database.rows("SELECT (SELECT coalesce(max(seq), 0) FROM click), through FROM click_summing")
    return last - through, last


class Recount:
    """What there should be to be read, counted from raw rows in the plainest way."""

    def __init__(self, database):
        self.ids = {}
        people = {}
        self.links = {}
        self.doubles = 0
        for click, link, human, visitor, at in database.rows(
            "SELECT {hex:id}, {hex:short_link_id}, bot_reason IS NULL, visitor, clicked_at FROM click ORDER BY seq"
        ):
            if click in self.ids:
                self.doubles += 1
                continue
            self.ids[click] = link
            clicks, humans, _, first, last = self.links.get(link, (0, 0, 0, at, at))
            visitors = people.setdefault(link, set())
            if human and visitor is not None:
                visitors.add(visitor)
            self.links[link] = (clicks + 1, humans + human, len(visitors), min(first, at), max(last, at))

    def of(self, link):
        """Clicks, human, unique, first and last."""
        return self.links.get(link, (0, 0, 0, None, None))
