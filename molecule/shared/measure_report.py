# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Join what measure.py saw with the timeline of the deploy: seconds by phase, and the serial part of each batch.

python3 molecule/shared/measure_report.py --measured FILE --timeline FILE --sent DIR --out FILE

The exit status is 1 when a claim does not hold; the claims are in `wrong`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROLL = "Roll, batch by batch"
# A moment in which at least this much of the processors works is one in which more work means more waiting.
SATURATED = 0.9
FACTOR, ALLOWANCE = 1.5, 3.0

Row = dict[str, Any]


def span(rows: Sequence[Row]) -> tuple[float, float]:
    return min(row["started"] for row in rows), max(row["ended"] for row in rows)


def growth(samples: Sequence[Row], name: str, began: float, ended: float) -> float:
    """By how much a counter grew between two moments, each moved to the next sample."""
    inside = [sample[name] for sample in samples if began <= sample["time"] <= ended]
    return float(inside[-1] - inside[0]) if inside else 0.0


def phases(timeline: Sequence[Row], samples: Sequence[Row]) -> list[Row]:
    """Plays in their order: how long each took, and what its tasks cost the controller."""
    found = []
    for name in dict.fromkeys(row["play"] for row in timeline):
        own = [row for row in timeline if row["play"] == name]
        began, ended = span(own)
        found.append(
            {
                "name": name,
                "seconds": round(ended - began, 2),
                "hosts": len({row["host"] for row in own}),
                "results": sum(row["status"] != "skipped" for row in own),
                "skipped": sum(row["status"] == "skipped" for row in own),
                "controller_cpu": round(growth(samples, "controller", began, ended), 2),
                "hosts_cpu": round(growth(samples, "hosts", began, ended), 2),
            }
        )
    return found


def serial_seconds(samples: Sequence[Row], began: float, ended: float, *, hosts: int, cores: int) -> float:
    """What is left of a batch when each of its hosts has processors of its own.

    On one machine the hosts of a batch, the database and whatever else runs here wait for the same processors. A
    moment in which these are saturated is shortened by the share of them that went to anything but the controller and
    one host: on machines of their own, that work takes place at the same time. Other moments count in full.
    """
    left = ended - began
    inside = [sample for sample in samples if began <= sample["time"] <= ended]
    for before, after in pairwise(inside):
        length = after["time"] - before["time"]
        busy = min((after["busy"] - before["busy"]) / (cores * length), 1.0)
        if busy < SATURATED:
            continue
        own = after["controller"] - before["controller"] + (after["hosts"] - before["hosts"]) / hosts
        left -= length * max(0.0, busy - own / (cores * length))
    return left


def batches(timeline: Sequence[Row], samples: Sequence[Row], cores: int) -> list[Row]:
    """Hosts that rolled at the same time, in their order, whether the play has the batches or its role."""
    rolled = [row for row in timeline if row["play"] == ROLL and row["status"] != "skipped"]
    found: list[list[Row]] = []
    for row in sorted(rolled, key=lambda row: float(row["started"])):
        hosts = {one["host"] for one in found[-1]} if found else set()
        # A host that is seen for the first time when others are at work is of their batch.
        if row["host"] in hosts or (found and row["started"] < max(one["ended"] for one in found[-1])):
            found[-1].append(row)
        else:
            found.append([row])
    return [batch(number, own, samples, cores) for number, own in enumerate(found, start=1)]


def batch(number: int, own: Sequence[Row], samples: Sequence[Row], cores: int) -> Row:
    began, ended = span(own)
    hosts = len({row["host"] for row in own})
    return {
        "batch": number,
        "hosts": hosts,
        "seconds": round(ended - began, 2),
        "serial_seconds": round(serial_seconds(samples, began, ended, hosts=hosts, cores=cores), 2),
        "machine_busy": round(growth(samples, "busy", began, ended) / cores / (ended - began), 2),
        "controller_cpu": round(growth(samples, "controller", began, ended), 2),
        "hosts_cpu": round(growth(samples, "hosts", began, ended), 2),
        "results": len(own),
    }


def sent(folder: Path) -> dict[str, int]:
    """Bytes of what the controller hands to each host."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def report(measured: Row, timeline: Sequence[Row], handed_over: dict[str, int]) -> Row:
    samples, cores = measured["samples"], measured["cores"]
    found_phases = phases(timeline, samples)
    results = sum(phase["results"] for phase in found_phases)
    web = {host: seen for host, seen in measured["hosts"].items() if host.startswith("web")}
    return {
        "seconds": round(measured["ended"] - measured["began"], 1),
        "cores": cores,
        "hosts": len(web),
        "phases": found_phases,
        "batches": batches(timeline, samples, cores),
        "controller": measured["controller"]
        | {
            "cpu_seconds": round(samples[-1]["controller"], 1),
            "results": results,
            "cpu_ms_per_result": round(1000 * samples[-1]["controller"] / results, 1),
        },
        "host": {
            "memory_mb": statistics.median(seen["memory_mb"] for seen in web.values()),
            "cpu_seconds": statistics.median(seen["cpu_seconds"] for seen in web.values()),
            "received_kb": statistics.median(seen["received_kb"] for seen in web.values()),
        },
        "sent_bytes": handed_over,
    }


def verdict(found: Row, sizes: Sequence[int]) -> list[str]:
    """What is not as claimed. *sizes*: the batches that the deploy was to have."""
    rolled = found["batches"]
    if [row["hosts"] for row in rolled] != list(sizes):
        return [f"the batches have {[row['hosts'] for row in rolled]} hosts, not {list(sizes)}"]
    bound = FACTOR * rolled[0]["serial_seconds"] + ALLOWANCE
    return [
        f"batch {row['batch']} of {row['hosts']} hosts: a serial part of {row['serial_seconds']} s, more than "
        f"{bound:.2f} s ({FACTOR} times the {rolled[0]['serial_seconds']} s of one host, and {ALLOWANCE:g} s)"
        for row in rolled
        if row["serial_seconds"] > bound
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in (("measured", "of measure.py"), ("timeline", "of the callback"), ("out", "to write")):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"file {text}")
    parser.add_argument("--sent", type=Path, required=True, help="folder of what is handed to each host")
    parser.add_argument("--batch", type=int, action="append", required=True, help="hosts of a batch, in their order")
    options = parser.parse_args()
    measured = json.loads(options.measured.read_text(encoding="utf-8"))
    timeline = [json.loads(line) for line in options.timeline.read_text(encoding="utf-8").splitlines()]
    found = report(measured, timeline, sent(options.sent))
    found["wrong"] = verdict(found, options.batch)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
