"""Linkhop beside the least that gives the same answers, and beside itself: see scripts/bench."""

import argparse
import contextlib
import gc
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time

import report
from batch import batch
from database import DATABASES, is_replayed
from guards import guards
from moving import moving
from reports import reports
from server import Failed, memory
from stall import stall
from targets import Bare, Linkhop, Sampler
from wrk import Creates, Redirects

SECONDS = int(os.environ.get("BENCH_SECONDS") or 10)
LINKS = int(os.environ.get("BENCH_LINKS") or 10_000)
MINUTES = int(os.environ.get("BENCH_MINUTES") or 0)
DATABASE = os.environ.get("BENCH_DATABASE") or "sqlite"
# What a link of the bench takes in the redirect's cache, with room to spare.
CACHED_LINK = 512
# After how many memory is looked at.
REDIRECTS = 1_000_000
PARTS = ["redirect", "hot", "create", "batch", "stall", "guards", "flat", "demo", "reports", "move"]


class Bench:
    """The runs of one call, and what they gave."""

    def __init__(self, stack):
        self.stack = stack
        self.rows, self.queues, self.said, self.failures = [], [], [], []

    def fail(self, what):
        """Goes on, and fails at the end."""
        self.said.append(f"**{what}**")
        self.failures.append(what)

    def measure(self, workload, target, connections, load):
        """One run and one row."""
        print(f"== {workload}, {connections} connections: {target.name}", file=sys.stderr)
        # From here on the peak is this run's.
        pathlib.Path(f"/proc/{target.pid}/clear_refs").write_text("5", encoding="ascii")
        before = target.ticks()
        with Sampler(target) as sampler:
            run = target.drive(SECONDS, connections, load)
        caught_up = target.settle()
        after = target.ticks()
        ticks = os.sysconf("SC_CLK_TCK") * run.requests
        cpu, database_cpu = ((end - begin) / ticks * 1e6 for begin, end in zip(before, after))
        peak = memory(target.pid, "VmHWM")
        self.rows.append(report.Row(workload, target.name, run, cpu, database_cpu, peak, sampler.anonymous))
        if target.name == "Linkhop" and load.table == "click":
            waiting = (sampler.waiting[0], max(sampler.waiting), sampler.waiting[-1])
            unsummed = (max(sampler.behind), sampler.behind[-1])
            self.queues.append(report.Queue(workload, connections, waiting, unsummed, caught_up))
        return run

    def compare(self, workload, bare, linkhop, load):
        """Both servers in turn: the bare one before and after, so that what differs between its two rows is noise."""
        for connections in (32, 128):
            self.measure(workload, bare, connections, load)
            self.measure(workload, linkhop, connections, load)
            self.measure(workload, bare, connections, load)

    def check(self, linkhop, table):
        """What was answered is stored and, of clicks, summed."""
        before, answered, in_flight = linkhop.expected[table]
        stored = linkhop.rows(table) - before
        text = f"{table}: {answered:,} answered, {stored:,} stored"
        # wrk hangs up in the middle of a request on each connection: those may be stored without being counted.
        if answered <= stored <= answered + in_flight:
            self.said.append(f"{text} (up to {in_flight} were under way when wrk hung up).")
        else:
            self.fail(f"{text}: these differ.")
        if table != "click":
            return
        ((clicks, human, unique),) = linkhop.database.rows(
            "SELECT cast(coalesce(sum(clicks), 0) AS bigint), cast(coalesce(sum(human_clicks), 0) AS bigint),"
            " cast(coalesce(sum(unique_clicks), 0) AS bigint) FROM link_total"
        )
        self.said.append(f"Summed: {clicks:,} clicks, {human:,} of people, {unique:,} unique.")
        ((distinct,),) = linkhop.database.rows("SELECT count(DISTINCT id) FROM click")
        if clicks != distinct:
            self.fail(f"Sums say {clicks:,} clicks, a recount {distinct:,}.")
        counters = linkhop.server.counters()
        self.said.append(f"Lost: {counters['lost']:,}; by the spool: {counters['unconfirmed']:,}.")
        if counters["lost"] or not is_replayed(linkhop.database):
            self.fail(f"Clicks are lost or still in the spool: {counters}.")

    def redirect(self):
        """Spread over many links; among very many also with the cache sized for them."""
        linkhop = Linkhop(self.stack, DATABASE)
        codes = linkhop.seed(LINKS)
        bare = Bare(self.stack, "redirect")
        sized = LINKS * CACHED_LINK
        caches = [("redirect", {})]
        if LINKS >= 100_000:
            # For longer than it takes here until a link is visited again.
            settings = {"REDIRECT_CACHE": sized, "REDIRECT_LIFETIME": 3600}
            caches.append((f"redirect, cache of {sized >> 20} MiB", settings))
        for workload, settings in caches:
            # Also after the seeding: its memory is none of the redirect's.
            linkhop.restart(**settings)
            load = Redirects(codes)
            # Every answer is looked at in the warm-up only: looking costs wrk more than the request does.
            bare.drive(2, 32, load, "check")
            linkhop.drive(2, 32, load, "check")
            while settings and load.done < LINKS:
                linkhop.drive(5, 128, load)
            linkhop.settle()
            self.compare(workload, bare, linkhop, load)
            print(f"== {workload}: on to {REDIRECTS:,} redirects", file=sys.stderr)
            with Sampler(linkhop) as sampler:
                while load.done < REDIRECTS:
                    linkhop.drive(5, 128, load)
            linkhop.settle()
            most = max(
                [sampler.anonymous]
                + [row.anonymous for row in self.rows if (row.workload, row.name) == (workload, "Linkhop")]
            )
            self.said.append(
                f"{workload}: after {load.done:,} redirects over {LINKS:,} links resident apart from mapped files:"
                f" {memory(linkhop.pid, 'RssAnon') / 1024:.1f} MiB (at most {most / 1024:.1f}), with them"
                f" {memory(linkhop.pid, 'VmRSS') / 1024:.1f} MiB."
            )
        self.check(linkhop, "click")

    def hot(self):
        """All visits to one link, between two runs that are spread over all."""
        linkhop = Linkhop(self.stack, DATABASE)
        codes = linkhop.seed(10_000)
        one = linkhop.folder / "one"
        (code, link), *_ = linkhop.server.make_links(1).items()
        one.write_text(f"{code}\n", encoding="ascii")
        spread, hot = Redirects(codes), Redirects(one)
        linkhop.drive(2, 32, spread, "check")
        linkhop.drive(2, 32, hot, "check")
        linkhop.settle()
        hot_in_flight = 32
        for connections in (32, 128):
            around = [self.measure("spread", linkhop, connections, spread)]
            run = self.measure("one hot link", linkhop, connections, hot)
            hot_in_flight += connections
            around.append(self.measure("spread", linkhop, connections, spread))
            rate = run.rate / (sum(other.rate for other in around) / len(around))
            self.said.append(f"One hot link, {connections} connections: {rate:.2f} times the requests/s of the spread runs.")
        self.check(linkhop, "click")
        said = linkhop.server.stats([link])[link]["clicks"]
        text = f"One hot link: {hot.done:,} answered, its stats say {said:,} clicks"
        if hot.done <= said <= hot.done + hot_in_flight:
            self.said.append(f"{text} (up to {hot_in_flight} were under way).")
        else:
            self.fail(f"{text}: these differ.")

    def create(self):
        """One createShortLink a request."""
        linkhop = Linkhop(self.stack, DATABASE)
        bare = Bare(self.stack, "graphql")
        load = Creates(linkhop.server.key)
        bare.drive(2, 32, load, "check")
        linkhop.drive(2, 32, load, "check")
        self.compare("createShortLink", bare, linkhop, load)
        self.check(linkhop, "short_link")

    def batch(self):
        """See there."""
        batch(self, DATABASE)

    def stall(self):
        """See there."""
        for failure in stall(self.stack, DATABASE):
            self.fail(failure)

    def guards(self):
        """See there."""
        guards(self, DATABASE, SECONDS, LINKS)

    def reports(self):
        """See there."""
        reports(self, DATABASE)

    def move(self):
        """See there."""
        moving(self, DATABASE)

    def flat(self):
        """Memory over minutes."""
        linkhop = Linkhop(self.stack, DATABASE)
        load = Redirects(linkhop.seed(LINKS))
        linkhop.restart()
        print(f"\n{MINUTES} minutes, 128 connections, {LINKS:,} links:\n\n| s | resident apart from mapped files, MiB |\n|--:|--:|")

        def tell(second, anonymous):
            if second % 30 == 0:
                print(f"| {second:.0f} | {anonymous / 1024:.1f} |", flush=True)

        with Sampler(linkhop, tell) as sampler:
            run = linkhop.drive(MINUTES * 60, 128, load)
        caught_up = linkhop.settle()
        self.said.append(
            f"{MINUTES} minutes: {run.rate:.0f} requests/s; waiting to be stored {sampler.waiting[0]} before and"
            f" {sampler.waiting[-1]} at the end, not summed {sampler.behind[-1]:,} at the end, summed {caught_up:.1f} s later."
        )
        self.check(linkhop, "click")

    def demo(self):
        """How soon a newcomer's first start is ready, and what it takes when nobody asks it anything."""
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-bench."))
        begin = time.monotonic()
        demo = subprocess.Popen(
            [os.environ["LINKHOP_BIN"], "demo", "--json", "--data-dir", f"{folder}/data", "--listen", "127.0.0.1:0"],
            env={name: value for name, value in os.environ.items() if not name.startswith("LINKHOP_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(demo.wait)
        self.stack.callback(demo.kill)
        json.loads(demo.stdout.readline())
        ready = (time.monotonic() - begin) * 1000
        time.sleep(3)
        idle, peak = (memory(demo.pid, field) / 1024 for field in ("VmRSS", "VmHWM"))
        self.said.append(f"Demo: first start ready in {ready:.0f} ms, idle at {idle:.1f} MiB (peak until then {peak:.1f} MiB).")


def main():
    """See scripts/bench."""
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("parts", nargs="*")
    parts = parser.parse_args().parts
    if not parts:
        parts = [part for part in PARTS if part not in ("reports", "move") and (part != "flat" or MINUTES)]
        if DATABASE == "postgres":
            # It has SQLite always.
            parts.remove("demo")
    gc.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rustc = " ".join(os.environ["RUSTC"].split()[:2])
    print(
        f"\n{DATABASES[DATABASE].name}, Linux {platform.release()}, {os.cpu_count()} cores, {rustc}, {SECONDS} s a run,"
        f" wrk (one thread) on the same machine,\n{LINKS:,} links, 100,000 visitors. Bare: an axum handler with a constant"
        " 302; an async-graphql mutation on a map in memory.",
        flush=True,
    )
    failures = []
    try:
        for part in parts:
            with contextlib.ExitStack() as stack:
                bench = Bench(stack)
                getattr(bench, part)()
            if bench.rows:
                report.speed(bench.rows, DATABASE == "postgres")
            report.queues(bench.queues)
            print("\n" + "\n".join(bench.said), flush=True)
            failures += bench.failures
    except Failed as failure:
        failures.append(failure)
    except KeyboardInterrupt:
        sys.exit(130)
    for failure in failures:
        print(f"scripts/bench: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    # A part without minutes of its own has five.
    MINUTES = MINUTES or (5 if "flat" in sys.argv[1:] else 0)
    main()
