#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of README.md and docs/performance.md from `viq bench --json`.

  viq bench --json >run.json
  bench/table.py run.json           print both
  bench/table.py --write run.json   put them into the two pages

Rows of the README that are not of `viq bench` (the live guest's) stay as they are."""
import datetime
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEAD = "| | measured | target |\n| --- | --- | --- |\n"

# First cell, second cell, target. {subject.name} is the median, {subject.name:x} the median of the figure (ratio, difference).
# A name that ends in * is the last of those that begin so: of the largest size. No second cell: the README's own stays.
ROWS = [
    ("one doorbell of 65,536 TLBI_NH_VA and a CMD_SYNC, null host",
     "{bulk.tlbi_va} ns a command, {bulk.tlbi_va:x} x `memcpy` of the same bytes", "3 x"),
    ("the same through QEMU 7.2's SMMUv3 (qtest)",
     "{qemu.qemu} ns a command: {qemu.front_end:x} times slower; {qemu.device:x} times with `viq device` behind the same protocol",
     "30 x"),
    ("a doorbell of [TLBI_NH_VA, CMD_SYNC], beyond the host's own time",
     "{doorbell.null:x} ns; with completion by an MSI {doorbell.null_msi:x} ns", "60 ns"),
    ("the same doorbell through the Linux host, with a system call that returns at once", "{linux.doorbell} ns in all", "100 ns"),
    ("VT-d: one doorbell of 32,766 IOTLB (128 bits), of 16,382 PASID-IOTLB descriptors (256 bits), null host",
     "{vtd_bulk.iotlb} and {vtd_bulk.pasid_iotlb} ns a descriptor, {vtd_bulk.iotlb:x} and {vtd_bulk.pasid_iotlb:x} x `memcpy`", "3 x"),
    ("the 128-bit stream through QEMU 7.2's VT-d (qtest)",
     "{vtd_qemu.qemu} ns a descriptor: {vtd_qemu.front_end:x} times slower; {vtd_qemu.device:x} times with `viq device`", "30 x"),
    ("a doorbell of [PASID-IOTLB, wait], beyond the host's own time",
     "{vtd_doorbell.pasid_iotlb:x} ns; with the software host {vtd_doorbell.soft:x} ns", "60 ns"),
    ("in a live Linux guest, emulated machine: unmapping 511 pages without range invalidation", None, None),
    ("software host: a translation that hits, begin and end of the access included", "{soft.hit_recent} ns", "20 ns"),
    ("two threads translating",
     "{soft.threads_recent:x} and {soft.threads_spread:x} x one thread; a loop without memory {soft.threads_control:x} x", "1.8 x"),
    ("invalidating an ASID, or a page, with 10^6 translations cached against 10^2",
     "{soft.invalidate_asid_*:x} x, {soft.invalidate_page_*:x} x; VT-d: all of a table, or a page, "
     "{vtd_soft.invalidate_table_*:x} x, {vtd_soft.invalidate_page_*:x} x", "flat"),
    ("memory of a queue object, after 10^8 commands too", "{memory.footprint} bytes", "256 KiB"),
]


def number(x):
    return f"{x:,.0f}" if abs(x) >= 20 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}"


def readme_table(rows, own):
    def value(match):
        subject, name, figure = match.groups()
        row = [r for r in rows if r["subject"] == subject and re.fullmatch(name.replace("*", r"\d+"), r["name"])][-1]
        return number((row["figure"] if figure else row["value"])["median"]) if not row["skipped"] else "?"

    lines = [own[title] if cell is None else f"| {title} | " + re.sub(r"{(\w+)\.([\w*]+)(:x)?}", value, cell) + f" | {target} |"
             for title, cell, target in ROWS]
    return HEAD + "\n".join(lines) + "\n"


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
    table = readme_table(run["rows"], {line.split(" | ")[0][2:]: line for line in old.splitlines()})
    if "--write" not in sys.argv:
        print(table + "\n" + report(run), end="")
        return
    readme.write_text(text.replace(old, table), encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    before, heading, after = text.partition("## Reference figures\n")
    page.write_text(before + heading + re.sub(r"```\n.*?```\n", lambda _: f"```\n{report(run)}```\n", after, count=1, flags=re.S),
                    encoding="utf-8")


if __name__ == "__main__":
    main()
