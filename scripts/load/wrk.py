"""wrk over benches/load.lua."""

import dataclasses
import subprocess
import time

from server import HOST, LIST, Failed


@dataclasses.dataclass
class Run:
    """What wrk measured."""

    connections: int
    requests: int
    seconds: float
    # Milliseconds.
    median: float
    p99: float

    @property
    def rate(self):
        """Requests a second."""
        return self.requests / self.seconds


def drive(seconds, connections, url, *arguments, until=None):
    """One run; `until` is a file at whose appearance it ends."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "-s", "benches/load.lua", url, "--"]
    wrk = subprocess.Popen(
        command + [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        # wrk sleeps its time out even when its thread has stopped itself, as it does after the seeding.
        while until is not None and wrk.poll() is None:
            if until.exists():
                wrk.send_signal(2)
                break
            time.sleep(0.05)
        out, _ = wrk.communicate()
    finally:
        wrk.kill()
        wrk.wait()
    results = [line.split(maxsplit=6)[1:] for line in out.splitlines() if line.startswith("RESULT ")]
    if wrk.returncode != 0 or not results:
        raise Failed(f"wrk: {out}")
    requests, micros, median, p99, failures = map(int, results[0][:5])
    if failures:
        raise Failed(f"{failures} of {requests} answers of the {arguments[0]} run are wrong: {results[0][5]}")
    return Run(connections, requests, micros / 1e6, median / 1e3, p99 / 1e3)


class Redirects:
    """Visits of the links of a file; each run goes on where the last left off."""

    table = "click"

    def __init__(self, codes):
        self.codes, self.done = codes, 0
        # As load.lua does.
        self.round = max(200_000, codes.read_bytes().count(b"\n"))

    def arguments(self):
        """For load.lua."""
        return ["redirect", self.codes, HOST, self.done % self.round]


class Creates:
    """Links made one a request."""

    table = "short_link"
    done = 0

    def __init__(self, key):
        self.key = key

    def arguments(self):
        """For load.lua."""
        return ["create", self.key, LIST]
