"""Fuzzes every field of Query and Mutation: fuzz.py URL KEY SECONDS LOG

Fails on a status of 500 and above, on an error without a code or with one of the server's own faults, and on a line of the server's log
LOG that says that a request failed. The server's rows are changed at random: give it a demo of its own.
"""

import base64
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

url, key, seconds, log = sys.argv[1:]
here = pathlib.Path(__file__).resolve().parent

# Half of the texts and numbers are drawn from these; the rest are schemathesis's own, which seldom fit anything.
TEXTS = [
    "https://tune.example.com/aff_c?offer_id={{offer.external_id}}", "{{", "{{nothing.here}}", "http://127.0.0.1/", "+49 30 1",
    "*.example.com", "bücher.example", "go.example.com:99999", "https://go.example.com", "-1", "1e9", "graphql", "\x00",
    "' OR 1=1 --", "%", "x" * 300, "", " ", "🦀",
]
NUMBERS = [0, 1, 7, 42, 100, 101, -1, 2_147_483_647, -2_147_483_648]
# What fits the arguments and the fields of inputs that are so named, so that calls come through to the writing.
FITTING = {
    "url": ["https://example.com/sale?a=1#top"],
    "trackingUrl": ["https://tune.example.com/aff_c?k={{metadata.k}}&c={{click.id}}&p={{contact.phone}}"],
    "fallbackUrl": ["https://example.com/too-late"],
    "rootUrl": ["https://example.com/"],
    "listId": [42],
    "phoneNumber": ["+18005551234", "+18005551235"],
    "contactPhone": ["+12025550143"],
    "host": ["a.example.com", "b.example.com"],
    "code": ["Ab3kX9q", "a-code_1", "a-code_2", "a-code_3"],
    "maxClicks": [1, 100],
    "payout": ["12.50", "0"],
    "payoutCurrency": ["USD"],
    "first": [1, 20, 100],
    "last": [1, 20, 100],
}

passed, failed = 0, 0


def check(what, holds, seen=""):
    """Counts and prints one thing that must hold."""
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok  ' if holds else 'FAIL'} {what}" + ("" if holds else f"\n     seen: {seen}"), flush=True)


def ask(query):
    """The data that a query answers."""
    body = json.dumps({"query": query}).encode()
    headers = {"Content-Type": "application/json", "X-Api-Key": key}
    request = urllib.request.Request(f"{url}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["data"]


TYPES = """{ __schema { types { name kind
  fields { name args { name type { ...Ref } } }
  inputFields { name type { ...Ref } } } } }
fragment Ref on __Type { name ofType { name ofType { name ofType { name } } } }"""
schema = {ty["name"]: ty for ty in ask(TYPES)["__schema"]["types"]}


def named(ty):
    """The name inside all lists and exclamation marks."""
    return ty["name"] or named(ty["ofType"])


def places(prefix, values, depth=0):
    """The arguments below `prefix` and the fields of their inputs: place, name and type."""
    for value in values:
        place, ty = f"{prefix}.{value['name']}", named(value["type"])
        yield place, value["name"], ty
        if depth < 3:
            yield from places(place, schema[ty]["inputFields"] or [], depth + 1)


roots = [(name, field) for name in ("Query", "Mutation") for field in schema[name]["fields"]]
# The kinds of rows by what their ids begin with, each with its list and what names it in arguments and fields.
KINDS = {
    "link": ("shortLinks", "shortLink"),
    "offer": ("offers", "offer"),
    "list": ("sendingLists", "sendingList"),
    "domain": ("domains", "domain"),
    "key": ("apiKeys", "apiKey"),
}
LISTS = [rows for rows, _ in KINDS.values()] + ["auditLog", "clicks"]
MAKE = """mutation { createShortLink(input: { url: "https://example.com/", listId: 42 }) {
  ... on CreateShortLinkSuccess { shortLink { id } } } }"""
MAKE_KEY = """mutation { createApiKey(input: { name: "To be revoked", scopes: [READ, LINKS_WRITE] }) {
  ... on CreateApiKeySuccess { apiKey { id } } } }"""
ids = ["offer_1", ask(MAKE)["createShortLink"]["shortLink"]["id"]]
ask(MAKE_KEY)
pages = ask("{ viewer { account { id } apiKey { id } } " + " ".join(
    f"{name} {{ nodes {{ id }} pageInfo {{ endCursor }} }}" for name in LISTS) + " }")
own = pages["viewer"]["apiKey"]["id"]
# Without its own key, which it would revoke.
ids += [row for row in re.findall(r"[a-z]+_[0-9a-f]{32}", json.dumps(pages)) if row != own]


def toml(value):
    """A text, or a list of texts or numbers, which TOML writes as JSON does."""
    return json.dumps(value, ensure_ascii=False)



drawn = {"texts": TEXTS, "numbers": NUMBERS, "ids": ids, **FITTING}
for kind in KINDS:
    drawn[kind] = [row for row in ids if row.startswith(f"{kind}_")]
for rows in LISTS:
    drawn[rows] = [pages[rows]["pageInfo"]["endCursor"], "b2ZmZXJfMQ"]
bound = []
for root, field in roots:
    for place, name, ty in places(f"{root}.{field['name']}", field["args"]):
        if ty == "ID":
            meant = field["name"] if name == "id" else name
            kind = next((kind for kind, (_, part) in KINDS.items() if part.lower() in meant.lower()), "ids")
            bound.append((place, kind))
        elif name in FITTING and ty in ("String", "Int"):
            bound.append((place, name))
        elif name in ("after", "before") and field["name"] in drawn:
            bound.append((place, field["name"]))
config = "\n".join([
    f"hooks = {toml(str(here / 'hooks.py'))}",
    "[dictionaries]",
    *(f"{name} = {{ values = {toml(values)} }}" for name, values in drawn.items()),
    "[generation.dictionaries]",
    'string = { dictionary = "texts", probability = 0.5 }',
    'integer = { dictionary = "numbers", probability = 0.5 }',
    "[parameters]",
    *(f'{toml(place)} = {{ dictionary = {toml(name)}, probability = 0.9 }}' for place, name in bound),
])

with tempfile.TemporaryDirectory() as work:
    work = pathlib.Path(work)
    (work / "schemathesis.toml").write_text(config)
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file", work / "schemathesis.toml",
        "run", f"{url}/graphql", "--header", f"X-Api-Key: {key}", "--checks", "no_fault_of_the_server",
        "--max-time", seconds, "--continue-on-failure", "--request-timeout", "15", "--no-color",
        "--generation-database", "none", "--report", "ndjson", "--report-ndjson-path", work / "report",
    ]
    status = subprocess.run(command, cwd=work, check=False).returncode
    tried, answered = collections.Counter(), collections.Counter()
    with (work / "report").open() as report:
        for line in report:
            finished = json.loads(line).get("ScenarioFinished")
            if finished:
                for interaction in finished["recorder"].get("interactions", {}).values():
                    label, response = finished["recorder"]["label"], interaction["response"]
                    tried[label] += 1
                    body = base64.b64decode(response["content"]["$base64"]) if response else b'"errors"'
                    answered[label] += b'"errors"' not in body

for label in sorted(tried):
    print(f"{label}: {tried[label]} calls, {answered[label]} without a top-level error")
made = -1
for state in ("ACTIVE", "ARCHIVED"):
    made += ask(f"{{ shortLinks(filter: {{ status: [{state}] }}) {{ totalCount }} }}")["shortLinks"]["totalCount"]
check("schemathesis found nothing", status == 0, f"exit status {status}, see above")
untried = [f"{name}.{field['name']}" for name, field in roots if not answered[f"{name}.{field['name']}"]]
check("every field of Query and Mutation was answered", not untried, untried)
check("calls came through to the writing", made > 0, "no link was made")
try:
    check("the server still answers", ask("{ __typename }") == {"__typename": "Query"})
except OSError as error:
    check("the server still answers", False, error)
with open(log, encoding="utf-8") as lines:
    failures = [line.strip() for line in lines if re.search("a request failed|panicked| ERROR ", line)]
check("its log names no failure", not failures, "\n           ".join(failures[:20]))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
