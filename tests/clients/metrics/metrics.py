"""Reads a server's metrics by Prometheus's own parser, does something, and expects that it was counted.

metrics.py URL KEY METRICS_URL
"""

import json
import sys
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

url, key, metrics_url = sys.argv[1:]


def ask(address, headers=None, body=None):
    request = urllib.request.Request(address, data=body, headers=headers or {})
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def page():
    status, headers, text = ask(metrics_url)
    assert status == 200, status
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", headers["content-type"]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    # Prometheus's parser takes a family that has no type, and one whose samples stand apart; ours are all in order.
    assert all(family.type != "unknown" and family.documentation for family in families.values())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families.values()
        for sample in family.samples
    }


def visits(samples, status):
    labels = (("route", "/{code}"), ("status", status))
    return samples.get(("linkhop_http_requests_total", labels), 0)


before = page()
query = "mutation { createShortLink(input: {url: \"https://example.com/\", listId: 42}) { ... on CreateShortLinkSuccess { shortUrl } } }"
headers = {"content-type": "application/json", "x-api-key": key}
_, _, answer = ask(f"{url}/graphql", headers, json.dumps({"query": query}).encode())
short_url = json.loads(answer)["data"]["createShortLink"]["shortUrl"]
for _ in range(5):
    assert ask(short_url, {"user-agent": "Mozilla/5.0"})[0] == 302
after = page()
assert visits(after, "302") - visits(before, "302") == 5, after
buckets = [value for (name, labels), value in after.items()
           if name == "linkhop_http_request_duration_seconds_bucket" and ("route", "/{code}") in labels]
assert len(buckets) > 10 and buckets == sorted(buckets), buckets
assert ask(f"{url}/metrics")[0] == 404
print(f"{len(after)} samples, 5 visits counted")
