"""Redirects while the database can't be written: see scripts/bench."""

import asyncio
import contextlib
import time

from database import Recount, is_replayed, spooled
from server import Failed
from targets import Linkhop
from visitors import Visitors

# Seconds that the lock is held, and that visitors come before and after.
HELD, AROUND = 5, 2
CONNECTIONS = 32
# Milliseconds: the default of --click-wait, and what a redirect may take beside it.
CLICK_WAIT, MORE = 50, 10


class Story:
    """What happens while visitors come."""

    def __init__(self, database):
        self.database = database
        self.begin = self.end = 0

    async def run(self):
        """A lock in the middle."""
        await asyncio.sleep(AROUND)
        with contextlib.ExitStack() as holding:
            await asyncio.to_thread(holding.enter_context, self.database.held())
            self.begin = time.monotonic()
            await asyncio.sleep(HELD)
            self.end = time.monotonic()
        await asyncio.sleep(AROUND)


def _times(times):
    times = sorted(times)
    if not times:
        return "none |"
    at = [times[int(len(times) * part)] for part in (0.5, 0.99)]
    return f"{len(times)} | " + " | ".join(f"{value * 1000:.1f}" for value in [*at, times[-1]]) + " |"


def stall(stack, database):
    """Prints its table and returns what did not hold."""
    linkhop = Linkhop(stack, database)
    links = linkhop.server.make_links(200)
    visitors = Visitors(linkhop.server.port, links, CONNECTIONS, "stall")
    story = Story(linkhop.database)
    asyncio.run(visitors.run(story.run()))
    spooled_then = spooled(linkhop.database)
    deadline = time.monotonic() + 30
    while not is_replayed(linkhop.database):
        if time.monotonic() > deadline:
            raise Failed("the spool is not stored 30 s after the lock is gone")
        time.sleep(0.05)
    replayed = time.monotonic() - story.end
    during = [took for begin, took in visitors.times if begin < story.end and begin + took > story.begin]
    recount = Recount(linkhop.database)
    missing = visitors.answered.keys() - recount.ids.keys()
    lost = linkhop.server.counters()["lost"]
    print(f"\nThe database's write lock held for {HELD} s by another process, {CONNECTIONS} connections of a client in Python:\n")
    print("| | redirects | p50 ms | p99 ms | at most ms |\n|---|--:|--:|--:|--:|")
    print(f"| before | {_times([took for begin, took in visitors.times if begin + took <= story.begin])}")
    print(f"| lock held | {_times(during)}")
    print(f"| after | {_times([took for begin, took in visitors.times if begin >= story.end])}")
    print(
        f"\nstall: {len(visitors.answered):,} answered, {len(recount.ids):,} stored, {recount.doubles} rows twice; {lost} lost;"
        f" spool empty within {replayed:.1f} s of the lock's end ({spooled_then} clicks were in it when the load ended)."
    )
    failures = []
    if visitors.others or visitors.in_flight:
        failures.append(f"stall: {len(visitors.others)} answers are no redirect, {len(visitors.in_flight)} connections broke")
    if len(during) < 100:
        failures.append(f"stall: only {len(during)} redirects while the lock was held")
    elif max(during) * 1000 > CLICK_WAIT + MORE:
        failures.append(f"stall: a redirect took {max(during) * 1000:.1f} ms, over {CLICK_WAIT} + {MORE}")
    if missing or len(recount.ids) != len(visitors.answered) or lost:
        failures.append(f"stall: {len(missing)} answered clicks are not stored, {lost} are counted as lost")
    return failures
