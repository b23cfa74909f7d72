"""A Linkhop of one's own: started, asked over HTTP, killed, and stopped whatever happens."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

# The host of the links. Requests name it in `Host`, so no name service is asked.
HOST = "go.example.com"
LIST = 42


class Failed(Exception):
    """Something did not go as it must; the message says what."""


class Server:
    """One database and the server over it, which may be killed and started again."""

    def __init__(self, binary, folder, database, settings=None):
        self.binary, self.folder, self.database = binary, pathlib.Path(folder), database
        self.settings = settings or {}
        self.process = self.key = None
        # The same port at each start, as behind a proxy.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _environment(self):
        # A setting of the caller's own servers is none of this one's.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINKHOP_")}
        # Visitors are told apart by what the proxy says, and there is none but the load itself.
        own = {"DATABASE_URL": self.database.url, "LISTEN": f"127.0.0.1:{self.port}", "TRUSTED_PROXY": "127.0.0.1"}
        # One key asks for all that a server has to give.
        own.update({"KEY_RATE": 0, "ACCOUNT_RATE": 0})
        environment.update({f"LINKHOP_{name}": str(value) for name, value in {**own, **self.settings}.items()})
        return environment

    def _command(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments], env=self._environment(), cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Failed(f"linkhop {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def set_up(self):
        """Makes the tables, an account, and a key; `serve` must follow before anything else is made."""
        self._command("migrate", "up")
        account = json.loads(self._command("account", "create", "--name", "Load", "--json"))["id"]
        key = self._command("key", "create", "--account", account, "--name", "load", "--scope", "admin", "--json")
        self.key = json.loads(key)["apiKey"]

    def start(self):
        """Starts it and returns how many milliseconds it took until it said that it listens."""
        begin = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve"],
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if not self.process.stdout.readline():
            raise Failed(f"the server did not start:\n{self.log()[-2000:]}")
        return (time.monotonic() - begin) * 1000

    def kill(self):
        """`kill -9`."""
        self.process.kill()
        self._reap()

    def stop(self):
        """SIGTERM, and what is in flight is stored; after half a minute it is killed."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            print("the server did not stop on SIGTERM within 30 s and was killed", file=sys.stderr)
            self.process.kill()
        self._reap()

    def _reap(self):
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def log(self):
        """All that it has logged, through all its starts, without colours."""
        text = (self.folder / "log").read_text(errors="replace")
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def graphql(self, query, **variables):
        """The `data` of an answer that has no errors."""
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json", "X-Api-Key": self.key}
        status, text = self.request("POST", "/graphql", body, headers)
        answer = json.loads(text) if status == 200 else {"errors": [f"{status} {text}"]}
        if answer.get("errors"):
            raise Failed(f"GraphQL: {answer['errors'][0]}")
        return answer["data"]

    def make_list(self):
        """A domain and a sending list on it."""
        result = self.graphql(
            'mutation($host: String!) { createDomain(input: { host: $host, scheme: HTTP }) {'
            " ... on CreateDomainSuccess { domain { id } } ... on UserError { message } } }",
            host=HOST,
        )["createDomain"]
        if "domain" not in result:
            raise Failed(f"createDomain: {result}")
        result = self.graphql(
            "mutation($domain: ID!, $list: Int!) { createSendingList(input: { listId: $list,"
            ' phoneNumber: "+18005551234", brandName: "Load", domainId: $domain }) {'
            " ... on CreateSendingListSuccess { sendingList { id } } ... on UserError { message } } }",
            domain=result["domain"]["id"],
            list=LIST,
        )["createSendingList"]
        if "sendingList" not in result:
            raise Failed(f"createSendingList: {result}")

    def make_links(self, count):
        """Links whose destination holds the click's id, so that each answer says which click it was: id by code."""
        offer = self.graphql(
            "mutation($url: String!) { createOffer(input: { name: \"Load\", trackingUrl: $url }) {"
            " ... on CreateOfferSuccess { offer { id } } ... on UserError { message } } }",
            url="https://shop.example.com/?click={{click.id}}",
        )["createOffer"]
        if "offer" not in offer:
            raise Failed(f"createOffer: {offer}")
        fields = (
            f'createShortLink(input: {{ listId: {LIST}, offerId: "{offer["offer"]["id"]}" }})'
            " { ... on CreateShortLinkSuccess { linkId shortLink { id } } ... on UserError { message } }"
        )
        links = {}
        while len(links) < count:
            aliases = " ".join(f"a{alias}: {fields}" for alias in range(min(40, count - len(links))))
            for link in self.graphql(f"mutation {{ {aliases} }}").values():
                links[link["linkId"]] = link["shortLink"]["id"].removeprefix("link_")
        return links

    def stats(self, links):
        """What the API says of links: clicks, human, unique, first and last by link id."""
        said = {}
        links = list(links)
        fields = "stats { clicks humanClicks uniqueClicks firstClickedAt lastClickedAt }"
        for begin in range(0, len(links), 40):
            part = links[begin : begin + 40]
            aliases = " ".join(
                f'a{alias}: node(id: "link_{link}") {{ ... on ShortLink {{ {fields} }} }}' for alias, link in enumerate(part)
            )
            answer = self.graphql(f"{{ {aliases} }}")
            for alias, link in enumerate(part):
                said[link] = answer[f"a{alias}"]["stats"]
        return said

    def counters(self):
        """The `clicks_…` lines of `/readyz`, by what comes after that."""
        _, text = self.request("GET", "/readyz")
        counters = {name: int(value) for name, value in re.findall(r"^clicks_(\w+) (\d+)$", text, re.MULTILINE)}
        if not {"lost", "unconfirmed", "waiting"} <= counters.keys():
            raise Failed(f"/readyz counts no clicks: {text!r}")
        return counters

    def cpu_ticks(self):
        """User and system time, its threads' included, in ticks of the clock."""
        return cpu_ticks(self.process.pid)

    def memory(self, field):
        """A field of its /proc status in KiB: VmHWM (peak), VmRSS (resident), RssAnon (without mapped files)."""
        return memory(self.process.pid, field)


def cpu_ticks(pid):
    """User and system time of a process in ticks of the clock."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    # The name stands in parentheses and may hold anything, so count from the last one.
    fields = stat[stat.rindex(")") + 2 :].split()
    return int(fields[11]) + int(fields[12])


def memory(pid, field):
    """A field of a process's /proc status, in KiB."""
    found = re.search(rf"^{field}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1])
