"""What reports cost over millions of clicks, and what redirects cost beside them."""

import dataclasses
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from background import Background
from database import DATABASES, behind
from questions import questions
from server import Failed, Server
from targets import Linkhop
from wrk import Redirects

CLICKS = int(os.environ.get("BENCH_CLICKS") or 10_000_000)
LINKS = int(os.environ.get("BENCH_LINKS") or 100_000)
RUNS = 10
# What a click may take on the disk, raw and summed.
BYTES = 250
TABLES = {
    "click": "raw",
    "link_click": "by link",
    "link_visitor": "visitors of links",
    "link_total": "sums of links",
    "click_column": "columns",
    "subject_total": "sums of lists, offers, domains and accounts",
    "subject_quarter": "the same by quarters of an hour",
}


class Generated(Linkhop):
    """Linkhop over links and clicks that benches/clicks has made."""

    # pylint: disable-next=super-init-not-called
    def __init__(self, stack, database, clicks, links=LINKS):
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-bench.")))
        self.database = DATABASES[database](self.folder)
        stack.callback(self.database.drop)
        print(f"== making {clicks:,} clicks", file=sys.stderr)
        self.made = json.loads(self.clicks(str(clicks), str(links)))
        self.server = stack.enter_context(Server(os.environ["LINKHOP_BIN"], self.folder, self.database))
        self.server.key = self.made["apiKey"]
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.expected = {}

    def clicks(self, *arguments, said=None):
        """What benches/clicks prints."""
        done = subprocess.run(
            [os.environ["CLICKS_BIN"], self.database.url, *arguments],
            input=said,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"clicks {' '.join(arguments)} failed")
        return done.stdout

    def sum_up(self):
        """Starts it, and returns how long it took until all clicks were summed."""
        begin = moved = time.monotonic()
        self.server.start()
        most = None
        while (left := behind(self.database)[0]) > 0:
            if left != most:
                most, moved = left, time.monotonic()
            if self.server.process.poll() is not None or time.monotonic() - moved > 60:
                raise Failed(f"clicks are not summed any more:\n{self.server.log()[-2000:]}")
            time.sleep(0.2)
        return time.monotonic() - begin

    def bytes(self):
        """What each table takes on the disk with its indexes; and, under None, what is free in the file."""
        if self.database.name == "SQLite":
            rows = self.database.rows(
                "SELECT coalesce(tbl_name, name), sum(pgsize) FROM dbstat LEFT JOIN sqlite_schema USING (name) GROUP BY 1"
            )
            ((free,),) = self.database.rows("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
            return {**dict(rows), None: free}
        rows = self.database.rows("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'")
        return {**dict(rows), None: 0}


class Asker:
    """One connection that asks GraphQL."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Content-Type": "application/json", "X-Api-Key": server.key}

    def ask(self, question):
        """The answer, and the milliseconds until it was read."""
        body = json.dumps({"query": question.query, "variables": question.variables})
        begin = time.monotonic()
        self.connection.request("POST", "/graphql", body, self.headers)
        text = self.connection.getresponse().read()
        taken = (time.monotonic() - begin) * 1000
        answer = json.loads(text)
        if answer.get("errors"):
            raise Failed(f"{question.name}: {answer['errors'][0]}")
        return answer["data"], taken


@dataclasses.dataclass
class Measured:
    """What one question took, in milliseconds, and how large its answer was."""

    question: object
    median: float
    worst: float
    rows: object

    @property
    def is_over(self):
        """Whether it took longer than it may."""
        return self.median > self.question.limit


def measure(linkhop):
    """Each question, after one time that fills the caches."""
    asker = Asker(linkhop.server)
    measured = []
    for question in questions(linkhop.made):
        print(f"== {question.name}", file=sys.stderr)
        answer, first = asker.ask(question)
        # One that takes seconds is not asked ten times.
        times = [asker.ask(question)[1] for _ in range(RUNS if first < 2000 else 2)]
        measured.append(Measured(question, statistics.median(times), max(times), question.rows(answer)))
    return measured


def tables(sizes, measured):
    """The figures of all questions, fewer clicks beside more."""
    print("\n| ms | rows |" + "".join(f" {size:,} clicks: median | worst |" for size in sizes) + " limit |")
    print("|---|--:|" + "--:|--:|" * len(sizes) + "--:|")
    for row in zip(*measured):
        times = "".join(
            f" {'**' if one.is_over else ''}{one.median:.1f}{'**' if one.is_over else ''} | {one.worst:.1f} |" for one in row
        )
        print(f"| {row[-1].question.name} | {row[-1].rows} |{times} {row[-1].question.limit:,} |")


def disk(bench, linkhop, clicks):
    """Bytes a click."""
    sizes = linkhop.bytes()
    print(f"\n| {clicks:,} clicks | bytes a click |\n|---|--:|")
    total = 0
    for table, name in TABLES.items():
        total += sizes[table]
        print(f"| {name} (`{table}`) | {sizes[table] / clicks:.1f} |")
    print(f"| together | **{total / clicks:.1f}** |")
    print(f"| free in the file | {sizes[None] / clicks:.1f} |", flush=True)
    # Sums by time take as much room for fewer clicks.
    if clicks == CLICKS and total > BYTES * clicks:
        bench.fail(f"A click takes {total / clicks:.0f} bytes and may take {BYTES}.")


def plans(linkhop, over):
    """How the database goes about what takes too long, and what it reads of columns."""
    ((clicks, size, chunks),) = linkhop.database.rows(
        "SELECT coalesce(sum(CASE name WHEN 0 THEN clicks END), 0), coalesce(sum(length(data)), 0),"
        " coalesce(sum(CASE name WHEN 0 THEN 1 END), 0) FROM click_column"
    )
    print(f"\nIn columns: {clicks:,} clicks, {chunks:,} chunks, {size:,} bytes.\n\n```")
    asked = [{"name": one.question.name, "query": one.question.query, "variables": one.question.variables} for one in over]
    said = json.dumps({"key": linkhop.made["apiKey"], "questions": asked})
    print(linkhop.clicks("explain", said=said) + "```", flush=True)


class Loop(Background):
    """Reports by two dimensions, one after the other, for as long as it is open."""

    def __init__(self, linkhop):
        super().__init__()
        self.asked = [one for one in questions(linkhop.made) if one.is_wide]
        self.server = linkhop.server
        self.times = []

    def work(self):
        asker = Asker(self.server)
        while not self.ended.is_set():
            self.times.append(asker.ask(self.asked[len(self.times) % len(self.asked)])[1])


def both(bench, linkhop):
    """Redirects, by themselves and while reports run, in turn."""
    codes = linkhop.folder / "codes"
    codes.write_text("".join(f"{code}\n" for code in linkhop.made["codes"]), encoding="ascii")
    load = Redirects(codes)
    linkhop.drive(2, 32, load, "check")
    linkhop.settle()
    for _ in range(2):
        bench.measure("redirect", linkhop, 32, load)
        with Loop(linkhop) as loop:
            bench.measure("redirect, beside reports by two dimensions", linkhop, 32, load)
        bench.said.append(
            f"Beside redirects: {len(loop.times)} reports by two dimensions,"
            f" median {statistics.median(loop.times):.0f} ms, worst {max(loop.times):.0f} ms."
        )
    bench.check(linkhop, "click")


def reports(bench, database):
    """A tenth of the clicks, then all of them."""
    sizes = [CLICKS // 10, CLICKS]
    measured = []
    for clicks in sizes:
        linkhop = Generated(bench.stack, database, clicks)
        seconds = linkhop.sum_up()
        bench.said.append(f"{clicks:,} clicks over {LINKS:,} links: summed in {seconds:.0f} s, {clicks / seconds:,.0f} a second.")
        # What was summed is not in the server's memory any more.
        linkhop.restart()
        measured.append(measure(linkhop))
        disk(bench, linkhop, clicks)
        over = [one for one in measured[-1] if one.is_over]
        if over:
            plans(linkhop, over)
        for one in over:
            bench.fail(f"{clicks:,} clicks: {one.question.name} takes {one.median:.0f} ms and may take {one.question.limit:,}.")
        if clicks == CLICKS:
            both(bench, linkhop)
        linkhop.server.stop()
    tables(sizes, measured)
