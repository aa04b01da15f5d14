#!/usr/bin/env python3
"""What a vault's requests cost, reckoned from a tariff file and a request log alone; it shares nothing with firn.

    tests/price.py TARIFF.toml LOG.jsonl [--stored BYTES]

A line of the log is a request that was billed: {"op": "job", "tier": "bulk", "bytes": N} (a retrieval asked for; no tier
where there is nothing to choose), {"op": "output", "bytes": N} (bytes read of its output), {"op": "upgrade", "tier":
"expedited", "bytes": N} (a job made faster: as dear as asking for it in that tier, and nothing is given back). A line with
"billed": false was refused, and other requests are no part of a restore: both cost nothing here. --stored counts under the
rule of the peak hour alone: 5 % of it are free in a month, a thirtieth of that on a day; the log is taken to be one day's.

Prints dollars with nine digits after the point: requests, retrieval, egress, and their total. Each tier's requests and
retrieval, and the egress, are rounded up to a billionth of a dollar.
"""

import json
import sys
import tomllib
from collections import defaultdict
from fractions import Fraction


def up(amount):
    """Rounded up to a billionth."""
    return Fraction(-(-amount * 10**9 // 1), 10**9)


def reckon(tariff, log, stored):
    jobs, asked, read = defaultdict(int), defaultdict(int), 0
    for number, line in enumerate(log, 1):
        if not line.strip():
            continue
        entry = json.loads(line)
        if entry.get("billed") is False:
            continue
        if entry["op"] in ("job", "upgrade"):
            tier = entry.get("tier") or "immediate"
            if tier not in tariff:
                raise SystemExit(f"price.py: line {number}: the tariff has no tier {tier!r}")
            jobs[tier] += 1
            asked[tier] += entry["bytes"]
        elif entry["op"] == "output":
            read += entry["bytes"]
    price = lambda *path: Fraction(row(tariff, *path)["value"])
    gigabyte = tariff["gigabyte"]
    requests = sum((up(price(tier, "requests") * count / 1000) for tier, count in jobs.items()), Fraction(0))
    retrieval = Fraction(0)
    for tier, count in asked.items():
        if tariff["rule"] == "per-gigabyte":
            retrieval += up(price(tier, "gigabyte") * count / gigabyte)
            continue
        peak = tariff["peak"]
        hours = peak["job_hours"]
        free = Fraction(stored * peak["free_percent"], 100 * peak["month_days"])
        billable = max(Fraction(0), Fraction(count, hours) - free / hours) / gigabyte
        retrieval += up(billable * peak["month_hours"] * price(tier, "gigabyte"))
    return requests, retrieval, up(price("egress") * read / gigabyte)


def row(tariff, *path):
    for key in path:
        tariff = tariff[key]
    return tariff


def dollars(amount):
    nanos = int(amount * 10**9)
    return f"{nanos // 10**9}.{nanos % 10**9:09}"


def main(arguments):
    stored = 0
    if "--stored" in arguments:
        at = arguments.index("--stored")
        stored = int(arguments[at + 1])
        del arguments[at : at + 2]
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    with open(arguments[0], "rb") as file:
        tariff = tomllib.load(file)
    with open(arguments[1], encoding="utf-8") as log:
        requests, retrieval, egress = reckon(tariff, log, stored)
    print("requests", dollars(requests))
    print("retrieval", dollars(retrieval))
    print("egress", dollars(egress))
    print("total", dollars(requests + retrieval + egress))


if __name__ == "__main__":
    main(sys.argv[1:])
