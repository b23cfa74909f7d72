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

    def request(self):
        """A link, the request for it, and whether its answer has a body."""
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
        return self.links[code], ("\r\n".join(lines) + "\r\n\r\n").encode(), method != "HEAD"

    async def run(self, script):
        """Loads the server while `script` (a coroutine) runs, then lets each connection end its request."""
        loop = asyncio.get_running_loop()
        visits = []
        for _ in range(self.connections):
            _, visit = await loop.create_connection(lambda: _Visit(self, loop), "127.0.0.1", self.port)
            visits.append(visit.ended)
        try:
            await script
        finally:
            self.stopping = True
            await asyncio.wait(visits, timeout=30)


class _Visit(asyncio.Protocol):
    """One connection: requests one after the other until it breaks or all stop."""

    def __init__(self, visitors, loop):
        self.visitors, self.loop = visitors, loop
        self.ended = loop.create_future()
        self.transport = self.link = None
        self.answer = b""
        self.begin = self.took = 0
        self.has_body = True
        self.count = 0

    def connection_made(self, transport):
        self.transport = transport
        self._ask()

    def _ask(self):
        if self.visitors.stopping:
            self.transport.close()
            return
        self.answer = b""
        self.link, request, self.has_body = self.visitors.request()
        self.begin = time.monotonic()
        self.transport.write(request)

    def data_received(self, data):
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if end and len(body) >= self._length(head):
            # Looked at later: where many are answered at once, none should wait for others to be looked at.
            self.took = time.monotonic() - self.begin
            self.loop.call_soon(self._look, head)

    def _length(self, head):
        _, found, rest = head.partition(b"\r\ncontent-length: ")
        return int(rest.partition(b"\r\n")[0]) if found and self.has_body else 0

    def _look(self, head):
        self.visitors.times.append((self.begin, self.took))
        status = head[9:12]
        if status == b"302":
            _, _, location = head.partition(b"\r\nlocation: ")
            click = location.partition(b"\r\n")[0].rpartition(b"click_")[2]
            self.visitors.answered[click.decode()] = self.link
            self.count += 1
        else:
            self.visitors.others.append(status.decode())
        self.link = None
        self._ask()

    def connection_lost(self, exc):
        if self.link is not None:
            self.visitors.in_flight.append(self.link)
        self.visitors.by_connection.append(self.count)
        self.ended.set_result(None)
