"""What guard rails and metrics cost: Linkhop beside itself, without and with them. See scripts/bench."""

import os
import socket
import statistics
import urllib.request

from background import Background
from server import Failed
from targets import Linkhop
from wrk import Creates, Redirects

CONNECTIONS = 32
ROUNDS = 8
# How many percent of processor time a request may cost more.
MOST = {"redirect": 5, "createShortLink": 10}
# The most that may be set: counted and never reached.
HIGH = 1_000_000


def _settings(port):
    """Every limit counts, and somebody reads the metrics."""
    rates = {name: HIGH for name in ("KEY_RATE", "KEY_BURST", "ACCOUNT_RATE", "ACCOUNT_BURST")}
    return {**rates, "METRICS_LISTEN": f"127.0.0.1:{port}"}


class Scraper(Background):
    """Reads the metrics once a second, more often than Prometheus does."""

    def __init__(self, port):
        super().__init__()
        self.url, self.pages = f"http://127.0.0.1:{port}/metrics", 0

    def work(self):
        while not self.ended.wait(1):
            with urllib.request.urlopen(self.url, timeout=10) as page:
                page.read()
            self.pages += 1


def _cost(linkhop, seconds, load):
    """Microseconds of processor time a request, what is put off included."""
    before = linkhop.ticks()
    run = linkhop.drive(seconds, CONNECTIONS, load)
    linkhop.settle()
    ticks = sum(end - begin for begin, end in zip(before, linkhop.ticks()))
    return ticks / os.sysconf("SC_CLK_TCK") / run.requests * 1e6


def guards(bench, database, seconds, links):
    """The runs, in turn; what is wrong is the bench's to tell."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    servers = {"without": Linkhop(bench.stack, database), "with": Linkhop(bench.stack, database)}
    codes = {name: linkhop.seed(links) for name, linkhop in servers.items()}
    servers["with"].restart(**_settings(port))
    servers["without"].restart()
    print("\n| | without, CPU µs a request | with | more |\n|---|--:|--:|--:|")
    with Scraper(port) as scraper:
        for workload, most in MOST.items():
            loads = {
                name: Redirects(codes[name]) if workload == "redirect" else Creates(linkhop.server.key)
                for name, linkhop in servers.items()
            }
            for name, linkhop in servers.items():
                linkhop.drive(2, CONNECTIONS, loads[name], "check")
                linkhop.settle()
            rounds = []
            for number in range(ROUNDS):
                # Each is the first as often as the other.
                order = list(servers)[:: -1 if number % 2 else 1]
                costs = {name: _cost(servers[name], seconds, loads[name]) for name in order}
                rounds.append((costs["with"] / costs["without"] - 1) * 100)
                print(f"| {workload} | {costs['without']:.1f} | {costs['with']:.1f} | {rounds[-1]:+.1f} % |", flush=True)
            if statistics.median(rounds) > most:
                bench.fail(f"{workload}: {statistics.median(rounds):.1f} % more with guard rails; at most {most} were promised.")
    if not scraper.pages:
        raise Failed("the metrics were not read")
    bench.said.append(f"With: rates that are counted and never reached, metrics read {scraper.pages} times.")
