"""Fuzzes the REST call: rest.py URL KEY EXAMPLES LOG

Sends what `openapi.json` allows and what it does not, and fails where an answer is not what it says: another status, code or
field, a success for what it forbids, a refusal of what must be taken, a request without a key that is answered. Fails too on a
status of 500 and above, and on a line of the server's log LOG that says that a request failed.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

url, key, examples, log = sys.argv[1:]
passed, failed = 0, 0


def check(what, holds, seen=""):
    """Counts and prints one thing that must hold."""
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok  ' if holds else 'FAIL'} {what}" + ("" if holds else f"\n     seen: {seen}"), flush=True)


def ask(path, body=None):
    """What the server answers, as JSON."""
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json", "X-Api-Key": key})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def made():
    """How many links there are."""
    return ask("/graphql", {"query": "{ shortLinks { totalCount } }"})["data"]["shortLinks"]["totalCount"]


document = ask("/openapi.json")
# The same call with nothing in it that depends on what there is: all of it must succeed.
fitting = copy.deepcopy(document)
fitting["components"]["schemas"]["NewLink"] = {
    "type": "object",
    "required": ["url", "listId"],
    "properties": {
        "url": {"enum": ["https://example.com/", "http://example.com/a?b=%20c#d", "https://bücher.example/ü"]},
        "listId": {"enum": [42, 42.0]},
        "phoneNumber": {"type": ["string", "null"]},
        "contactPhone": {"enum": ["+12025550143", "+4915112345678", None]},
        "metadata": {
            "type": ["object", "null"],
            "maxProperties": 3,
            "additionalProperties": {"type": ["string", "number", "boolean", "null"], "maxLength": 20},
        },
        "filterBots": {"type": ["boolean", "null"]},
        "expiresAt": {"enum": ["2099-12-31T23:59:59Z", "2098-01-01T00:00:00.123+05:30", None]},
        "maxClicks": document["components"]["schemas"]["NewLink"]["properties"]["maxClicks"],
        "fallbackUrl": {"enum": ["https://example.com/too-late", None]},
    },
    "additionalProperties": False,
}
del fitting["paths"]["/v2/links/shorten"]["post"]["requestBody"]["content"]["application/json"]["examples"]

CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "unsupported_method", "allow_header_conformance", "ignored_auth",
]
RUNS = [
    ("what the document allows and what it does not", document, "all", [*CHECKS, "negative_data_rejection"]),
    ("what must be taken", fitting, "positive", [*CHECKS, "positive_data_acceptance"]),
]
for what, sent, mode, checks in RUNS:
    before = made()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "openapi.json").write_text(json.dumps(sent))
        command = [
            pathlib.Path(sys.executable).with_name("schemathesis"), "run", work / "openapi.json", "--url", url,
            "--header", f"X-Api-Key: {key}", "--mode", mode, "--checks", ",".join(checks), "--max-examples", examples,
            "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--request-timeout", "15", "--no-color",
            "--generation-database", "none", "--generation-allow-x00", "true" if mode == "all" else "false",
        ]
        status = subprocess.run(command, cwd=work, check=False).returncode
    check(f"{what}: schemathesis found nothing", status == 0, f"exit status {status}, see above")
    links = made() - before
    check(f"{what}: calls came through to the writing", links > 0, "no link was made")
    print(f"{what}: {links} links were made")
with open(log, encoding="utf-8") as lines:
    failures = [line.strip() for line in lines if re.search("a request failed|panicked| ERROR ", line)]
check("the server's log names no failure", not failures, "\n           ".join(failures[:20]))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
