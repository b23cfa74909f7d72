"""Kills a server under load, starts it again, and looks at what is left: see scripts/crash."""

import argparse
import asyncio
import collections
import contextlib
import datetime
import gc
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

import full
from database import DATABASES, Recount, behind, is_replayed, spooled
from server import Failed, Server
from visitors import Visitors

LINKS = 200
CONNECTIONS = 32


def until(what, seconds, holds):
    """Waits for what happens by itself; returns the seconds it took."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > seconds:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - begin


def millis(text):
    """A time of the API as it is stored."""
    if text is None:
        return None
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def check_figures(server, links, recount, when):
    """What the API says of every link is what raw rows say."""
    for link, said in server.stats(links).items():
        figures = (said["clicks"], said["humanClicks"], said["uniqueClicks"])
        figures += (millis(said["firstClickedAt"]), millis(said["lastClickedAt"]))
        if figures != recount.of(link):
            raise Failed(f"{when}, stats of {link} are {figures}, a recount gives {recount.of(link)}")


def check_sums(database, links, recount):
    """What is summed is what raw rows say, once all is."""
    until("summing catches up", 60, lambda: behind(database)[0] == 0)
    totals = {
        link: tuple(figures)
        for link, *figures in database.rows(
            "SELECT {hex:short_link_id}, clicks, human_clicks, unique_clicks, first_clicked_at, last_clicked_at FROM link_total"
        )
    }
    for link in links:
        if totals.get(link, recount.of(None)) != recount.of(link):
            raise Failed(f"the sums of {link} are {totals.get(link)}, a recount gives {recount.of(link)}")
    index = {click: link for link, click in database.rows("SELECT {hex:short_link_id}, {hex:click_id} FROM link_click")}
    if index != recount.ids:
        raise Failed(f"link_click has {len(index)} clicks, a recount gives {len(recount.ids)}, or their links differ")
    ((visitors,),) = database.rows("SELECT count(*) FROM link_visitor")
    uniques = sum(figures[2] for figures in recount.links.values())
    if visitors != uniques:
        raise Failed(f"link_visitor has {visitors} visitors, a recount gives {uniques}")


class Rounds:
    """Kills on one database."""

    def __init__(self, server, links, draw, seed):
        self.server, self.links, self.random, self.seed = server, links, draw, seed
        self.known = set()

    async def _strike(self, locked, holding):
        await asyncio.sleep(self.random.uniform(0.2, 1.5))
        if locked:
            await asyncio.to_thread(holding.enter_context, self.server.database.held())
            await asyncio.sleep(self.random.uniform(0.1, 1.0))
        self.server.kill()

    def round(self, number, locked, again):
        """One kill, or two, and one row of the table."""
        server, database = self.server, self.server.database
        visitors = Visitors(server.port, self.links, CONNECTIONS, f"{self.seed} {number}")
        with contextlib.ExitStack() as holding:
            asyncio.run(visitors.run(self._strike(locked, holding)))
            waiting = spooled(database)
        server.start()
        if again:
            time.sleep(self.random.uniform(0, 0.1))
            server.kill()
            server.start()
        until("the spool is stored", 30, lambda: is_replayed(database))
        recount = Recount(database)
        stored = recount.ids.keys() - self.known
        self.known |= stored
        missing = [click for click in visitors.answered if recount.ids.get(click) != visitors.answered[click]]
        more = stored - visitors.answered.keys()
        how = "locked, killed again in the replay" if again else "locked" if locked else "under load"
        print(
            f"| {number} | {database.name} | {how} | {len(visitors.answered)} | {len(stored)} | {len(more)} |"
            f" {len(visitors.in_flight)} | {waiting} | {recount.doubles} |",
            end="",
            flush=True,
        )
        if visitors.others:
            raise Failed(f"answers that are no redirect: {collections.Counter(visitors.others)}")
        if sum(visitors.by_connection) != len(visitors.answered):
            raise Failed(f"{sum(visitors.by_connection)} redirects name {len(visitors.answered)} clicks: an id came twice")
        if missing:
            raise Failed(f"{len(missing)} clicks were answered and are not stored, such as {missing[0]}")
        # By link, so that one too many here can't make up for one too few there.
        unasked = collections.Counter(recount.ids[click] for click in more) - collections.Counter(visitors.in_flight)
        if unasked:
            raise Failed(f"clicks are stored that nobody made: {unasked}")
        check_figures(server, self.links.values(), recount, "before summing has caught up")
        check_sums(database, self.links.values(), recount)
        check_figures(server, self.links.values(), recount, "after summing has caught up")
        print(" yes |", flush=True)
        return len(visitors.answered), waiting


def crash(binary, name, rounds, seed):
    """The rounds on one database."""
    draw = random.Random(f"{name} {seed}")
    print("\n| round | database | killed | answered | stored | more | in flight | spooled | rows twice | figures agree |")
    print("|--:|---|---|--:|--:|--:|--:|--:|--:|---|")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-crash."))
        database = DATABASES[name](folder)
        stack.callback(database.drop)
        server = stack.enter_context(Server(binary, folder, database))
        server.set_up()
        server.start()
        server.make_list()
        kills = Rounds(server, server.make_links(LINKS), draw, seed)
        answered = waited = 0
        for number in range(1, rounds + 1):
            # Every other one with clicks in the spool; of those every other one twice.
            done = kills.round(number, locked=number % 2 == 0, again=number % 4 == 0)
            answered, waited = answered + done[0], waited + done[1]
        if rounds > 1 and waited == 0:
            raise Failed("no click was in the spool at any kill: what the lock is held for was not tried")
    print(f"\n{database.name}: {answered} answered clicks in {rounds} rounds, none lost, {waited} of them replayed.", flush=True)


def main():
    """See scripts/crash."""
    parser = argparse.ArgumentParser(prog="scripts/crash")
    parser.add_argument("what", choices=[*DATABASES, "full"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(3))
    # A pause of ours is none of the server's.
    gc.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary = pathlib.Path(os.environ["LINKHOP_BIN"]).resolve()
    try:
        if arguments.what == "full":
            full.run(binary, seed)
        else:
            print(f"\n{DATABASES[arguments.what].name}, --seed {seed}")
            crash(binary, arguments.what, arguments.rounds, seed)
    except Failed as failure:
        print(f"\nscripts/crash: {failure} (--seed {seed})", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
