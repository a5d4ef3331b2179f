#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-guest: what the guest's own operations cost, by the way viq calls the kernel, as a Markdown table."""
import sys

import guests
import machines
import tap
import vm

TIMEOUT = 600


def measure(machine):
    """({figure: {mode: value}}, {figure: unit}), both in the order of the run."""
    values, units = {}, {}

    def collect(text):
        if text.startswith("BENCH|"):
            _, mode, figure = text.split("|")
            name, value, unit = figure.split()
            values.setdefault(name, {})[mode] = float(value)
            units[name] = unit

    lines = machine.run("viq.run=bench", machines.BUILD / "console-bench-guest.log", TIMEOUT, leap=False, line=collect)
    failures = [f"{name}: {reason}" for kind, name, reason in tap.parse(guests.host_lines(lines))[0] if kind == "failed"]
    if failures:
        raise vm.VmError("; ".join(failures))
    return values, units


def table(values, units):
    """The lines of a Markdown table: a row a figure, a column a mode."""
    modes = list(next(iter(values.values())))
    yield "| in the guest | " + " | ".join(modes) + " |"
    yield "| --- |" + " ---: |" * len(modes)
    for name, row in values.items():
        yield f"| {name}, {units[name]} | " + " | ".join(f"{row[mode]:,.0f}" for mode in modes) + " |"


def main():
    try:
        machine = guests.machine()
        values, units = measure(machine)
        print(f"\n{machine.about()}, as host and as guest; all of it on an emulated machine:\n")
        print("\n".join(table(values, units)))
    except machines.TROUBLE as error:
        print(f"bench-guest: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
