"""Visitors who open links over a few connections and remember every answer."""

import asyncio
import random
import time

from server import HOST

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{0} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.{0} Mobile/15E148 Safari/604.1"
)
BOT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"


class Visitors:
    """One load. What it knows is exact: a request is answered when the whole of its answer was read."""

    def __init__(self, port, links, connections, seed, people=20_000):
        self.port, self.codes, self.connections = port, list(links), connections
        self.links, self.people = links, people
        self.random = random.Random(seed)
        # Click id → link id, for each answered 302.
        self.answered = {}
        # Link ids of requests that had been sent and not answered when their connection broke.
        self.in_flight = []
        # Whatever was answered and is no 302.
        self.others = []
        # (when it was sent, seconds until it was answered)
        self.times = []
        # How many 302 each connection got.
        self.by_connection = []
        self.stopping = False

    def _request(self):
        code = self.random.choice(self.codes)
        person = self.random.randrange(self.people)
        kind = self.random.random()
        agent = BOT if kind < 0.05 else PHONE.format(person % 7)
        method = "HEAD" if kind > 0.98 else "GET"
        lines = [
            f"{method} /{code} HTTP/1.1",
            f"Host: {HOST}",
            f"User-Agent: {agent}",
            f"X-Forwarded-For: 198.{18 + person // 65536}.{person // 256 % 256}.{person % 256}",
        ]
        if 0.05 <= kind < 0.08:
            lines.append("Sec-GPC: 1")
        return self.links[code], ("\r\n".join(lines) + "\r\n\r\n").encode(), method

    async def _visit(self):
        """Requests one after the other on one connection until it breaks or all stop."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        count = 0
        link = None
        try:
            while not self.stopping:
                link, request, method = self._request()
                begin = time.monotonic()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                fields = {}
                for line in head[:-4].split(b"\r\n")[1:]:
                    name, _, value = line.partition(b":")
                    fields[name.lower()] = value.strip()
                length = 0 if method == "HEAD" else int(fields.get(b"content-length", 0))
                if length:
                    await reader.readexactly(length)
                self.times.append((begin, time.monotonic() - begin))
                status = head[9:12]
                if status == b"302":
                    self.answered[fields[b"location"].decode().rpartition("click_")[2]] = link
                    count += 1
                else:
                    self.others.append(status.decode())
                link = None
        except (OSError, asyncio.IncompleteReadError):
            if link is not None:
                self.in_flight.append(link)
        finally:
            writer.close()
            self.by_connection.append(count)

    async def run(self, script):
        """Loads the server while `script` (a coroutine) runs, then lets each connection end its request."""
        visits = [asyncio.create_task(self._visit()) for _ in range(self.connections)]
        try:
            await script
        finally:
            self.stopping = True
            await asyncio.gather(*visits)
