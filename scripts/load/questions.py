"""What scripts/bench reports asks, and how many milliseconds each may take."""

import dataclasses
import datetime

ZONE = "Europe/Berlin"
STATS = "clicks humanClicks botClicks uniqueClicks firstClickedAt lastClickedAt"
COUNTS = "clicks humanClicks botClicks uniqueClicks"
KEYS = "keys { dimension metadataKey value }"
REPORT = f"""query($filter: ClickFilter, $by: [ClickGrouping!], $interval: ClickInterval, $zone: String, $first: Int) {{
  clickReport(filter: $filter, groupBy: $by, interval: $interval, timezone: $zone, first: $first) {{
    total {{ {COUNTS} }} rows {{ from before {KEYS} counts {{ {COUNTS} }} }} rowCount rest {{ {COUNTS} }} }} }}"""


@dataclasses.dataclass
class Question:
    """One query with its variables."""

    name: str
    limit: int
    query: str
    variables: dict
    # Whether it is by two dimensions, of which the widest load is made.
    is_wide: bool = False

    def rows(self, answer):
        """How many rows an answer has, where it is of rows."""
        report = answer.get("clickReport")
        if report:
            return report["rowCount"]
        pages = [value["nodes"] for value in answer.values() if value and "nodes" in value]
        return len(pages[0]) if pages else ""


def _report(name, limit, filter_, by=None, interval=None):
    groupings = [{"metadataKey": one[1:]} if one.startswith(".") else {"dimension": one} for one in by or []]
    variables = {"filter": filter_, "by": groupings, "interval": interval, "zone": ZONE, "first": 1000}
    return Question(name, limit, REPORT, variables, len(groupings) + (interval is not None) == 2)


def questions(made):
    """All of them, about what benches/clicks has made."""
    end = datetime.datetime.fromisoformat(made["end"].replace("Z", "+00:00"))

    def last(days):
        return {"from": (end - datetime.timedelta(days=days)).isoformat(), "before": end.isoformat()}

    subjects = [
        ("a usual link", "shortLink(by: { id: $id })", "ID!", made["usualLink"], "shortLinkId"),
        ("the hottest link", "shortLink(by: { id: $id })", "ID!", made["hotLink"], "shortLinkId"),
        ("an offer", "offer(id: $id)", "ID!", made["offer"], "offerId"),
        ("a list", "sendingList(by: { id: $id })", "ID!", made["list"], None),
        ("a domain", "node(id: $id)", "ID!", made["domain"], "domainId"),
    ]
    asked = []
    for name, field, kind, value, named in subjects:
        stats = f"stats(from: $from, before: $before) {{ {STATS} }}"
        stats = f"... on Domain {{ {stats} }}" if field.startswith("node") else stats
        query = f"query($id: {kind}, $from: DateTime, $before: DateTime) {{ {field} {{ {stats} }} }}"
        asked.append(Question(f"totals of {name}", 50, query, {"id": value}))
        asked.append(Question(f"totals of {name}, 30 days", 50, query, {"id": value, **last(30)}))
        subject = {named: value} if named else {"listId": made["listId"]}
        asked.append(_report(f"days of {name}, 90 days", 50, {**last(90), **subject}, interval="DAY"))
    asked += [
        _report("totals of the account", 50, {}),
        _report("days of the account, 90 days", 50, last(90), interval="DAY"),
        _report("people's hours of the account, 30 days", 50, {**last(30), "isBot": False}, interval="HOUR"),
    ]
    page = "query($from: DateTime, $before: DateTime, $made: ShortLinkFilter) { shortLinks(first: 100, filter: $made)"
    page += f" {{ nodes {{ id linkId stats(from: $from, before: $before) {{ {STATS} }} }} }} }}"
    middle = {"createdBefore": (end - datetime.timedelta(days=45)).isoformat()}
    asked += [
        Question("100 links with stats", 50, page, {"made": middle}),
        Question("100 links with stats of 60 days", 50, page, {"made": middle, **last(60)}),
    ]
    for dimension in ["COUNTRY", "BROWSER", "BOT_REASON", "OFFER", "SHORT_LINK", "CONTACT_PHONE", "SUB1"]:
        asked.append(_report(f"by {dimension}, 30 days", 300, last(30), [dimension]))
    asked.append(_report("by COUNTRY of one offer, 30 days", 300, {**last(30), "offerId": made["offer"]}, ["COUNTRY"]))
    asked.append(_report("by metadata campaign, 30 days", 1000, last(30), [".campaign"]))
    for days in [30, 90]:
        for by, interval in [
            (["COUNTRY", "DEVICE"], None),
            (["OFFER", ".campaign"], None),
            (["COUNTRY"], "DAY"),
            # Over 90 days that would be over a million groups, more than a report counts.
            *([(["SHORT_LINK", "COUNTRY"], None)] if days == 30 else []),
        ]:
            name = " × ".join(([interval] if interval else []) + [one.replace(".", "metadata ") for one in by])
            asked.append(_report(f"by {name}, {days} days", 10_000, last(days), by, interval))
    clicks = "query($filter: ClickFilter) { clicks(filter: $filter, first: 100) { nodes { id clickedAt country } } }"
    asked += [
        Question("100 clicks, 30 days", 300, clicks, {"filter": last(30)}),
        Question("100 clicks of a rare country, 30 days", 300, clicks, {"filter": {**last(30), "country": [made["rareCountry"]]}}),
    ]
    return asked
