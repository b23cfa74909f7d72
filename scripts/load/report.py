"""The tables of scripts/bench."""

import dataclasses

from wrk import Run


@dataclasses.dataclass
class Row:
    """One run of one server."""

    workload: str
    name: str
    run: Run
    # Microseconds of processor time a request, and the database's where that is another program.
    cpu: float
    database_cpu: float
    # KiB: at most resident, and at most apart from mapped files.
    peak: int
    anonymous: int


@dataclasses.dataclass
class Queue:
    """How storing and summing kept up in one run."""

    workload: str
    connections: int
    # Clicks that waited to be stored: before, at most and at the end; those not summed: at most and at the end.
    waiting: tuple
    behind: tuple
    # How long summing took to catch up.
    seconds: float


def speed(rows, has_database):
    """Rates, times, costs, and their ratios to the mean of the bare server's runs."""
    database = (" database's |", "--:|") if has_database else ("", "")
    print(f"\n| | connections | requests/s | p50 ms | p99 ms | CPU µs a request |{database[0]} peak MiB | of it not mapped |"
          " CPU × bare | requests/s × bare |")
    print(f"|---|--:|--:|--:|--:|--:|{database[1]}--:|--:|--:|--:|")
    for row in rows:
        bare = [
            other
            for other in rows
            if (other.workload, other.run.connections, other.name) == (row.workload, row.run.connections, "bare")
        ]
        ratios = " | |"
        if row.name != "bare" and bare:
            cpu = row.cpu / (sum(other.cpu for other in bare) / len(bare))
            rate = row.run.rate / (sum(other.run.rate for other in bare) / len(bare))
            ratios = f" **{cpu:.2f}** | {rate:.2f} |"
        database_cpu = f" {row.database_cpu:.1f} |" if has_database else ""
        print(
            f"| {row.workload}, {row.name} | {row.run.connections} | {row.run.rate:.0f} | {row.run.median:.2f} |"
            f" {row.run.p99:.2f} | {row.cpu:.1f} |{database_cpu} {row.peak / 1024:.1f} | {row.anonymous / 1024:.1f} |{ratios}"
        )


def queues(rows):
    """Whether storing and summing kept up."""
    if not rows:
        return
    print("\n| | connections | waiting to be stored: before | at most | at the end | not summed: at most | at the end |"
          " summed after s |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        figures = (*row.waiting, *row.behind)
        print(
            f"| {row.workload} | {row.connections} | "
            + " | ".join(f"{figure}" for figure in figures)
            + f" | {row.seconds:.1f} |"
        )
