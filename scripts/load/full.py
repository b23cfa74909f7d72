"""A disk on which nothing can be written any more, and then can again: see scripts/crash."""

import asyncio
import collections
import contextlib
import pathlib
import re
import subprocess
import tempfile
import time

from database import Recount, Sqlite, is_replayed
from server import Failed, Server
from visitors import Visitors

MEBIBYTES = 64


@contextlib.contextmanager
def small_disk(folder):
    """A disk of some MiB in memory; nothing where it can't be had."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEBIBYTES}m", "linkhop-crash", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = mounted.stderr.strip() if mounted.returncode else None
    except OSError as error:
        reason = str(error)
    if reason is not None:
        yield reason
        return
    try:
        yield None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class Filler:
    """A file that takes all room there is, and whatever becomes free, until it is removed."""

    def __init__(self, disk):
        self.path = pathlib.Path(disk) / "filler"

    async def fill(self, seconds):
        """Keeps the disk full."""
        deadline = time.monotonic() + seconds
        with open(self.path, "ab", buffering=0) as file:
            while time.monotonic() < deadline:
                for size in (1 << 20, 1 << 12):
                    with contextlib.suppress(OSError):
                        while file.write(b"\0" * size) == size:
                            pass
                await asyncio.sleep(0.01)


class Story:
    """What happens while visitors come."""

    def __init__(self, server, disk, visitors):
        self.server, self.visitors, self.filler = server, visitors, Filler(disk)
        self.before = self.full = self.room = 0
        self.counters = {}

    async def run(self):
        """Some time as usual, some with the disk full, some after."""
        answered = self.visitors.answered
        await asyncio.sleep(1.5)
        self.before = len(answered)
        await self.filler.fill(6)
        self.full = len(answered)
        self.counters = await asyncio.to_thread(self.server.counters)
        self.filler.path.unlink()
        # The server may notice a little later.
        await asyncio.sleep(2)
        self.room = len(answered)
        await asyncio.sleep(2)


def run(binary, seed):
    """The whole story, and what it must leave behind."""
    # Here, since that module has this one.
    from crash import CONNECTIONS, LINKS, check_figures, check_sums, until

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="linkhop-crash."))
        disk = pathlib.Path(folder) / "disk"
        disk.mkdir()
        reason = stack.enter_context(small_disk(disk))
        if reason is not None:
            print(f"\nDisk full: SKIPPED, a small tmpfs can't be mounted here (it takes root): {reason}")
            return
        database = Sqlite(disk)
        server = stack.enter_context(Server(binary, folder, database))
        server.set_up()
        server.start()
        server.make_list()
        links = server.make_links(LINKS)
        visitors = Visitors(server.port, links, CONNECTIONS, f"full {seed}")
        story = Story(server, disk, visitors)
        asyncio.run(visitors.run(story.run()))
        until("the spool is stored", 30, lambda: is_replayed(database) and server.counters()["waiting"] == 0)
        lost = server.counters()["lost"]
        recount = Recount(database)
        in_order = list(visitors.answered)
        missing = visitors.answered.keys() - recount.ids.keys()
        late = [click for click in in_order[story.room :] if click in missing]
        print(
            f"\nDisk full, a tmpfs of {MEBIBYTES} MiB with database and spool, {CONNECTIONS} connections, --seed {seed}\n\n"
            "| | answered | of them not stored |\n|---|--:|--:|"
        )
        begin = 0
        for what, end in [
            ("before", story.before),
            ("disk full", story.full),
            ("the first 2 s with room again", story.room),
            ("after", len(in_order)),
        ]:
            print(f"| {what} | {end - begin} | {len(missing.intersection(in_order[begin:end]))} |")
            begin = end
        print(f"\nNot stored: {len(missing)}; counted as lost: {lost} ({story.counters} with the disk full).", flush=True)
        check_figures(server, links.values(), recount, "after the disk was full")
        check_sums(database, links.values(), recount)
        server.stop()
        if visitors.others:
            raise Failed(f"answers that are no redirect: {collections.Counter(visitors.others)}")
        if visitors.in_flight:
            raise Failed(f"{len(visitors.in_flight)} connections broke")
        if story.full - story.before < 100:
            raise Failed("redirects did not go on with the disk full")
        if not missing:
            raise Failed("nothing was lost: the disk was not full")
        if len(missing) > lost:
            raise Failed(f"{len(missing)} answered clicks are not stored, {lost} are counted as lost")
        if late:
            raise Failed(f"{len(late)} clicks were lost after there was room again")
        logged = re.findall(r"\blost=(\d+)", server.log())
        if not logged or int(logged[-1]) != lost:
            raise Failed(f"the log's last count of lost clicks is {logged[-1:]}, not {lost}")
        ((integrity,),) = database.rows("PRAGMA integrity_check")
        if integrity != "ok":
            raise Failed(f"the database is damaged: {integrity}")
