#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of README.md and docs/performance.md from `viq bench --json`.

  viq bench --json >run.json
  bench/table.py run.json           print both
  bench/table.py --write run.json   put them into the two pages"""
import datetime
import json
import math
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEAD = "| | measured | target |\n| --- | --- | --- |\n"

# First cell, second cell, target. {subject.name} is the median, {subject.name:x} the median of the figure (ratio, difference).
ROWS = [
    ("one doorbell of 65,536 TLBI_NH_VA and a CMD_SYNC, null host",
     "{bulk.tlbi_va} ns a command, {bulk.tlbi_va:x} x `memcpy` of the same bytes", "3 x"),
    ("the same through QEMU 7.2's SMMUv3 (qtest)",
     "{qemu.qemu} ns a command: {qemu.front_end:x} times slower; {qemu.device:x} times with `viq device` behind the same protocol",
     "30 x"),
    ("VT-d: one doorbell of 32,766 IOTLB (128 bits), of 16,382 PASID-IOTLB descriptors (256 bits), null host",
     "{vtd_bulk.iotlb} and {vtd_bulk.pasid_iotlb} ns a descriptor, {vtd_bulk.iotlb:x} and {vtd_bulk.pasid_iotlb:x} x `memcpy`", "3 x"),
    ("a doorbell of [TLBI_NH_VA, CMD_SYNC], beyond the host's own time",
     "{doorbell.null:x} ns; VT-d's of [PASID-IOTLB, wait] {vtd_doorbell.pasid_iotlb:x} ns", "60 ns"),
    ("the same doorbell through the Linux host, with a system call that returns at once",
     "{linux.doorbell} ns in all; VT-d's {linux.vtd_doorbell} ns", "100 ns"),
    ("software host: a translation that hits, begin and end of the access included", "{soft.hit_recent} ns", "11 ns"),
]


def number(x):
    return f"{x:,.0f}" if abs(x) >= 20 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


def readme_table(rows):
    def value(match):
        subject, name, figure = match.groups()
        (row,) = (r for r in rows if (r["subject"], r["name"]) == (subject, name))
        return number((row["figure"] if figure else row["value"])["median"]) if not row["skipped"] else "?"

    lines = [f"| {title} | " + re.sub(r"{(\w+)\.(\w+)(:x)?}", value, cell) + f" | {target} |" for title, cell, target in ROWS]
    return HEAD + "\n".join(lines) + "\n"


SCALE_HEAD = "| | ns | law |\n| --- | --- | --- |\n"


def law(points):
    """How a cost grows: [(n, cost), ...], n ascending. Where caches have their say, nothing fits exactly."""
    first, last = points[0], points[-1]
    spread = max(cost for _, cost in points) / first[1]
    if spread <= 1.25:
        return "O(1)"
    slope = (last[1] - first[1]) / math.log(last[0] / first[0])
    if all(abs(first[1] + slope * math.log(n / first[0]) - cost) <= 0.15 * cost for n, cost in points):
        return "O(log n)"
    if spread <= 2:
        return "O(1), more misses of the processor's caches"
    (n0, t0), (n1, t1) = points[-2:]
    exponent = math.log(t1 / t0) / math.log(n1 / n0)
    return "O(n)" if 0.9 <= exponent <= 1.1 else f"n^{exponent:.2f} at the end"


def scale_table(rows):
    """Of the subject scale: an operation a row, at all sizes."""
    found = {}
    for row in rows:
        if row["subject"] == "scale" and not row["skipped"]:
            operation, _, n = row["name"].rpartition("_")
            title, _, what = row["title"].rpartition(", ")
            found.setdefault((operation, title, what.partition(" ")[2]), []).append((int(n), row["value"]["median"]))
    return SCALE_HEAD + "".join(
        f"| {title}; {', '.join(f'{n:,}' for n, _ in points)} {what} | {', '.join(number(cost) for _, cost in points)} | {law(points)} |\n"
        for (_, title, what), points in found.items())


def report(run):
    """As `viq bench` prints it."""
    lines = [f"viq {run['viq']} on {run['cpu']}, {run['processors']} processors, {datetime.date.today()}",
             " " * 52 + "  median       p10       p90"]
    subject = ""

    def stat(text, s, unit, row, last):
        cells = "".join(f"{s[key]:10.{0 if abs(s[key]) >= 100 else 1 if abs(s[key]) >= 10 else 2}f}" for key in ("median", "p10", "p90"))
        target = ""
        if last and row["target"]:
            (bound, limit), = row["target"].items()
            target = f"  {'<=' if bound == 'at_most' else '>='} {limit:g} {'reached' if row['reached'] else 'MISSED'}"
        lines.append(f"  {text:48}{cells}  {unit}{target}")

    for row in run["rows"]:
        if row["subject"] != subject:
            subject = row["subject"]
            lines.append(f"{subject}:")
        if row["skipped"]:
            lines.append(f"  {row['title']}: skipped: {row['skipped']}")
            continue
        stat(row["title"], row["value"], row["unit"], row, not row["figure"])
        if row["figure"]:
            stat("", row["figure"], row["figure_name"], row, True)
    return "\n".join(lines) + "\n"


def main():
    with open(sys.argv[-1], encoding="utf-8") as file:
        run = json.load(file)
    readme, page = ROOT / "README.md", ROOT / "docs/performance.md"
    text = readme.read_text(encoding="utf-8")
    old = HEAD + text.partition(HEAD)[2].partition("\n\n")[0] + "\n"
    table = readme_table(run["rows"])
    if "--write" not in sys.argv:
        print(table + "\n" + scale_table(run["rows"]) + "\n" + report(run), end="")
        return
    readme.write_text(text.replace(old, table), encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    before, heading, after = text.partition("## Reference figures\n")
    if any(row["subject"] == "scale" for row in run["rows"]):
        before = re.sub(re.escape(SCALE_HEAD) + r"(\|.*\n)*", lambda _: scale_table(run["rows"]), before)
    page.write_text(before + heading + re.sub(r"```\n.*?```\n", lambda _: f"```\n{report(run)}```\n", after, count=1, flags=re.S),
                    encoding="utf-8")


if __name__ == "__main__":
    main()
