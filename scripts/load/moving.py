"""How long all that a database holds takes to be moved to another one, and how much memory."""

import json
import os
import pathlib
import subprocess
import tempfile
import time

from database import DATABASES
from reports import CLICKS, Generated
from server import Failed

LINKS = int(os.environ.get("BENCH_LINKS") or 1_000_000)
# What the command may take, in MiB.
MEMORY = 256


def run(source, target):
    """Moves once: seconds, peak memory in MiB, and what became of the tables."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [os.environ["LINKHOP_BIN"], "move", "--json", "--from", source.url, "--to", target.url],
        env={name: value for name, value in os.environ.items() if not name.startswith("LINKHOP_")},
        cwd=tempfile.gettempdir(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.read()
    # Not `wait`, which does not say what it took.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed("linkhop move failed")
    return time.monotonic() - begin, usage.ru_maxrss / 1024, json.loads(said)["tables"]


def moving(bench, database):
    """To the other kind, once more where nothing has changed, and back into an empty one."""
    first = Generated(bench.stack, database, CLICKS, LINKS)
    first.sum_up()
    first.server.stop()

    def empty(kind):
        folder = bench.stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-bench."))
        made = DATABASES[kind](pathlib.Path(folder))
        bench.stack.callback(made.drop)
        return made

    other = empty("sqlite" if database == "postgres" else "postgres")
    print(f"\n{CLICKS:,} clicks, {LINKS:,} links:\n")
    print("| from | to | s | rows | written | rows/s | peak MiB |\n|---|---|--:|--:|--:|--:|--:|")
    sums = []
    for source, target in ((first.database, other), (first.database, other), (other, empty(database))):
        seconds, peak, tables = run(source, target)
        rows = sum(table["rows"] for table in tables)
        written = sum(table["added"] + table["changed"] + table["removed"] for table in tables)
        print(
            f"| {source.name} | {target.name} | {seconds:.0f} | {rows:,} | {written:,} |"
            f" {rows / seconds:,.0f} | {peak:.0f} |",
            flush=True,
        )
        sums.append([table["checksum"] for table in tables])
        if peak > MEMORY:
            bench.fail(f"Moving takes {peak:.0f} MiB and may take {MEMORY}.")
    if any(one != sums[0] for one in sums):
        bench.fail("The checksums of what was moved differ.")
