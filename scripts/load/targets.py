"""What wrk is set on: Linkhop, and the least that gives the same answers."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from background import Background
from database import DATABASES, behind, is_replayed
from server import LIST, Failed, Server, cpu_ticks, memory
from wrk import drive


class Bare:
    """The bare server of a workload, see benches/baseline.rs."""

    name = "bare"

    def __init__(self, stack, workload):
        self.process = subprocess.Popen(
            [os.environ["BASELINE_BIN"], workload], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)
        self.pid = self.process.pid
        self.url = self.process.stdout.readline().strip()

    def ticks(self):
        """Its processor time, and the database's that it has not."""
        return cpu_ticks(self.pid), 0

    def settle(self):
        """Nothing is put off until after the answers."""
        time.sleep(1)

    def drive(self, seconds, connections, load, *check):
        """One run."""
        return drive(seconds, connections, self.url, *load.arguments(), *check)


class Linkhop:
    """Linkhop, and how many rows there should be of its answers."""

    name = "Linkhop"

    def __init__(self, stack, database, **settings):
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-bench.")))
        self.database = DATABASES[database](self.folder)
        stack.callback(self.database.drop)
        self.server = stack.enter_context(Server(os.environ["LINKHOP_BIN"], self.folder, self.database, settings))
        self.server.set_up()
        self.server.start()
        self.server.make_list()
        self.url = f"http://127.0.0.1:{self.server.port}"
        # By table: rows before the first run, answers since, and requests that wrk hung up on, which may have a row.
        self.expected = {}

    @property
    def pid(self):
        """Another after each start."""
        return self.server.process.pid

    def ticks(self):
        """Its processor time and the database's."""
        return self.server.cpu_ticks(), self.database.cpu_ticks()

    def settle(self):
        """Waits for the spool to be stored and for summing to catch up, at least a second; returns how long that took.

        What was put off until after the answers is a cost of the answers too.
        """
        begin = time.monotonic()
        while not is_replayed(self.database) or behind(self.database)[0] > 0:
            if time.monotonic() - begin > 120:
                raise Failed(f"{behind(self.database)[0]} clicks are not summed after two minutes of idleness, or the spool not stored")
            time.sleep(0.1)
        taken = time.monotonic() - begin
        time.sleep(max(0, 1 - taken))
        return taken

    def rows(self, table):
        """How many there are; a click may have two."""
        ((rows,),) = self.database.rows(f"SELECT count(DISTINCT id) FROM {table}")
        return rows

    def drive(self, seconds, connections, load, *check):
        """One run."""
        before, answered, in_flight = self.expected.get(load.table) or (self.rows(load.table), 0, 0)
        run = drive(seconds, connections, self.url, *load.arguments(), *check)
        load.done += run.requests
        self.expected[load.table] = (before, answered + run.requests, in_flight + connections)
        return run

    def seed(self, links):
        """Makes links and returns the file of their codes."""
        codes = self.folder / "codes"
        print(f"== seeding {links} links", file=sys.stderr)
        drive(3600, 16, self.url, "seed", codes, links, self.server.key, LIST, until=codes)
        if codes.read_bytes().count(b"\n") != links:
            raise Failed("the links were not made")
        return codes

    def restart(self, **settings):
        """Starts it again with other settings."""
        self.server.stop()
        self.server.settings = settings
        self.server.start()


class Sampler(Background):
    """Looks at a server while it is under load: memory four times a second, queue and sums once."""

    def __init__(self, target, tell=None):
        super().__init__()
        self.target, self.tell = target, tell
        # The most KiB that were resident apart from mapped files.
        self.anonymous = 0
        # Clicks that waited to be stored, and those that were not summed, one of each a second.
        self.waiting, self.behind = [], []

    def work(self):
        step, begin = 0, time.monotonic()
        while True:
            anonymous = memory(self.target.pid, "RssAnon")
            self.anonymous = max(self.anonymous, anonymous)
            if step % 4 == 0 and isinstance(self.target, Linkhop):
                self.waiting.append(self.target.server.counters()["waiting"])
                self.behind.append(behind(self.target.database)[0])
            if self.tell:
                self.tell(step / 4, anonymous)
            step += 1
            if self.ended.wait(max(0, begin + step / 4 - time.monotonic())):
                return
