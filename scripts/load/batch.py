"""Many links by one call: what a link costs, and whether visitors notice. See scripts/bench."""

import http.client
import itertools
import json
import os
import pathlib
import statistics
import time

from background import Background
from database import behind
from server import LIST, Failed, memory
from targets import Bare, Linkhop
from wrk import Creates, Redirects

CALLS = 200
LINKS = 1000
# Microseconds of CPU a link, on SQLite, where the bare mutation takes as many as below: machines differ, and so does one from
# hour to hour.
LIMIT, BARE = 30, 72
# How much longer the slowest hundredth of redirects may take beside calls at full rate.
FACTOR = 2
# Links a second that are made beside visitors all the same: who makes none disturbs nobody.
FEWEST = 500
# Runs of redirects alone and as many beside calls: single ones swing by a factor of three where the machine is not ours alone.
ROUNDS = 8
SECONDS = int(os.environ.get("BENCH_SECONDS") or 10)
# Of each of these runs.
HALF = max(2, SECONDS // 2)

QUERY = (
    "mutation($input: CreateShortLinksInput!) { createShortLinks(input: $input) {"
    " ... on CreateShortLinksSuccess { created failed results {"
    " ... on CreateShortLinkSuccess { shortUrl linkId } ... on UserError { code path } } }"
    " ... on UserError { code message } } }"
)


def body(number, key=None):
    """A call that makes a link for each of a thousand recipients."""
    items = [
        {"contactPhone": f"+1415555{item:04}", "metadata": {"customer": f"{number}-{item}"}} for item in range(LINKS)
    ]
    defaults = {"url": "https://shop.example.com/sale?utm_source=sms", "listId": LIST, "metadata": {"campaign": "spring"}}
    given = {"defaults": defaults, "items": items, "idempotencyKey": key}
    return json.dumps({"query": QUERY, "variables": {"input": given}}).encode()


class Caller:
    """One connection that sends one call after the other."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Content-Type": "application/json", "X-Api-Key": server.key}
        self.created = self.failed = 0

    def call(self, sent):
        """Sends one call and counts what it made."""
        self.connection.request("POST", "/graphql", sent, self.headers)
        answer = self.connection.getresponse().read()
        said = json.loads(answer)
        result = (said.get("data") or {}).get("createShortLinks") or {}
        if "created" not in result:
            raise Failed(f"createShortLinks: {answer[:500]!r}")
        self.created += result["created"]
        self.failed += result["failed"]


def measure(bench, linkhop, name, calls):
    """Calls one after the other: microseconds of CPU a link."""
    caller = Caller(linkhop.server)
    pathlib.Path(f"/proc/{linkhop.pid}/clear_refs").write_text("5", encoding="ascii")
    rows, before, begin = linkhop.rows("short_link"), linkhop.ticks(), time.monotonic()
    for sent in calls:
        caller.call(sent)
    seconds = time.monotonic() - begin
    ticks = os.sysconf("SC_CLK_TCK")
    links = len(calls) * LINKS
    cpu, database_cpu = ((end - start) / ticks / links * 1e6 for start, end in zip(before, linkhop.ticks()))
    stored = linkhop.rows("short_link") - rows
    peak = memory(linkhop.pid, "VmHWM") / 1024
    print(
        f"| {name} | {len(calls)} | {links:,} | {caller.failed} | {links / seconds:,.0f} | {cpu:.1f} |"
        f" {database_cpu:.1f} | {peak:.0f} |",
        flush=True,
    )
    if caller.failed or caller.created != links or stored != links:
        bench.fail(f"{name}: {links:,} links asked for, {caller.created:,} answered, {stored:,} stored.")
    return cpu


def bare_mutation(bare):
    """What one costs now, in microseconds."""
    before = bare.ticks()[0]
    run = bare.drive(SECONDS, 32, Creates("none"))
    return (bare.ticks()[0] - before) / os.sysconf("SC_CLK_TCK") / run.requests * 1e6


class Calls(Background):
    """Calls one after the other, from when visitors come."""

    def __init__(self, linkhop, sent):
        super().__init__()
        self.linkhop, self.caller, self.sent, self.begin = linkhop, Caller(linkhop.server), sent, None

    def work(self):
        # Who sets wrk up leaves the server to the calls for a while: they would be faster then, and their writes be copied
        # when visitors come.
        while behind(self.linkhop.database)[0] == 0 and not self.ended.wait(0.02):
            pass
        self.begin = time.monotonic()
        for sent in itertools.cycle(self.sent):
            if self.ended.is_set():
                break
            self.caller.call(sent)

    def rate(self):
        """Links a second so far, without those of the call that is under way."""
        return self.caller.created / (time.monotonic() - self.begin) if self.begin else 0


def beside(bench, linkhop):
    """Redirects alone and beside calls at full rate, in turn."""
    load = Redirects(linkhop.seed(10_000))
    linkhop.drive(2, 32, load, "check")
    sent = [body(f"beside-{number}") for number in range(20)]
    alone, busy, rates = [], [], []
    print(f"\n| redirects, 32 connections, {HALF} s each | alone, requests/s | p99, ms | beside calls | p99, ms | links/s |")
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    for number in range(1, ROUNDS + 1):
        linkhop.settle()
        alone.append(linkhop.drive(HALF, 32, load))
        linkhop.settle()
        with Calls(linkhop, sent) as calls:
            busy.append(linkhop.drive(HALF, 32, load))
            rates.append(calls.rate())
        if calls.caller.failed:
            bench.fail(f"{calls.caller.failed} links were not made beside redirects.")
        print(
            f"| {number} | {alone[-1].rate:,.0f} | {alone[-1].p99:.2f} | {busy[-1].rate:,.0f} | {busy[-1].p99:.2f} |"
            f" {rates[-1]:,.0f} |",
            flush=True,
        )
    slow, slow_beside = (statistics.median(run.p99 for run in runs) for runs in (alone, busy))
    factor, rate = slow_beside / slow, statistics.median(rates)
    bench.said.append(
        f"Beside {rate:,.0f} links/s the p99 of redirects is {factor:.2f} times what it is alone: {slow_beside:.2f} and"
        f" {slow:.2f} ms, medians of {ROUNDS}."
    )
    if rate < FEWEST:
        bench.fail(f"Fewer than {FEWEST:,} links/s.")
    if factor > FACTOR:
        bench.fail(f"More than {FACTOR} times.")


def batch(bench, database):
    """The runs; what is wrong is the bench's to tell."""
    linkhop = Linkhop(bench.stack, database)
    measure_first = [body(f"warm-{number}") for number in range(3)]
    caller = Caller(linkhop.server)
    for sent in measure_first:
        caller.call(sent)
    print("\n| createShortLinks | calls | links | errors | links/s | CPU, µs a link | database, µs | peak, MiB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    bare = Bare(bench.stack, "graphql")
    mutation = [bare_mutation(bare)]
    cpu = measure(bench, linkhop, "a thousand links a call", [body(number) for number in range(CALLS)])
    mutation.append(bare_mutation(bare))
    keyed = [body(f"keyed-{number}", f"call-{number}") for number in range(CALLS // 4)]
    measure(bench, linkhop, "with an idempotency key", keyed)
    measure_again(linkhop, keyed)
    mutation = sum(mutation) / len(mutation)
    times, limit = cpu / mutation, LIMIT / BARE
    bench.said.append(f"A link costs {times:.2f} times the bare mutation, which takes {mutation:.1f} µs of CPU.")
    if database == "sqlite" and times > limit:
        bench.fail(f"At most {limit:.2f} times were promised: {LIMIT} µs where the bare mutation takes {BARE}.")
    beside(bench, linkhop)


def measure_again(linkhop, calls):
    """The same calls again find what they made."""
    caller, rows = Caller(linkhop.server), linkhop.rows("short_link")
    before = linkhop.ticks()[0]
    for sent in calls:
        caller.call(sent)
    cpu = (linkhop.ticks()[0] - before) / os.sysconf("SC_CLK_TCK") / len(calls) / LINKS * 1e6
    more = linkhop.rows("short_link") - rows
    print(f"| the same again | {len(calls)} | {more} | {caller.failed} | | {cpu:.1f} | | |", flush=True)
