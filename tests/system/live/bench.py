#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-qemu: what QEMU's own IOMMUs cost a guest and what viq's do, in turns, as a Markdown table."""
import argparse
import re
import resource
import statistics

import check
import live
import machines
import tap
import vm

RELEASE = "6.12"
TIMEOUT = 400
FIGURE = re.compile(r"# bench (\S+) (\d+)")
STRICT = "intel_iommu=on iommu.strict=1"
# Pairs: QEMU's own, and viq's. With caching mode the guest sends as many descriptors to both.
PAIRS = [
    (live.Mode("x86_64", check.X86, "intel-iommu,intremap=off,caching-mode=on,aw-bits=48", STRICT, "DMA"),
     live.Mode("x86_64", check.X86, "viq-vtd,scalable-mode=off,caching-mode=on", STRICT, "DMA")),
    (live.Mode("aarch64", check.ARM.replace("viq-", ""), None, "iommu.strict=1", "DMA"),
     live.Mode("aarch64", check.ARM, None, "iommu.strict=1", "DMA")),
]
COLUMNS = {"unmap-1": ("unmap 1 page, µs", 1000), "unmap-16": ("16 pages, µs", 1000), "unmap-512": ("512 pages, µs", 1000),
           "reads": ("reads a second", 1), "host": ("host processor, s", 1)}


def name(mode):
    """What the user of QEMU writes."""
    return f"-device {mode.device}" if mode.device else f"-machine {mode.machine}"


def measure(folder, mode):
    """{figure: value} of one life of a guest."""
    guest = live.Guest(folder, mode, RELEASE)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = guest.run("viq.run=bench", live.BUILD / "console-bench.log", TIMEOUT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if failures := [f"{test}: {reason}" for kind, test, reason in tap.parse(lines)[0] if kind == "failed"]:
        raise vm.VmError(f"{name(mode)}: {'; '.join(failures)}")
    figures = {match[1]: float(match[2]) for match in map(FIGURE.match, lines) if match}
    return figures | {"host": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def table(values):
    """The lines of a Markdown table of [(name, {figure: value})]."""
    yield "| IOMMU | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"
    yield "| --- |" + " ---: |" * len(COLUMNS)
    for title, figures in values:
        yield f"| `{title}` | " + " | ".join(f"{figures[key] / unit:,.0f}" for key, (_, unit) in COLUMNS.items()) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3, help="lives of each guest (%(default)s); the median counts")
    options = parser.parse_args()
    folder, turns = live.qemu(), {}
    for _ in range(options.turns):
        for mode in (mode for pair in PAIRS for mode in pair):
            turns.setdefault(name(mode), []).append(measure(folder, mode))
    print(f"\nDebian's Linux {RELEASE}, strict; the processors are emulated, so only the relation of times says something. "
          "The last column is of a guest's whole life.\n")
    print("\n".join(table((title, {key: statistics.median(one[key] for one in figures) for key in COLUMNS})
                          for title, figures in turns.items())))
    return 0


if __name__ == "__main__":
    machines.script(main, "bench-qemu")
