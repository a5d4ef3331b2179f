#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-kernel: what an entry costs by the length of the call, in the virtual machine, as Markdown tables.

Each kernel is booted twice: with a clock that is the time, and with one that counts the processor's instructions. The
second is the same in every run, so it compares kernels; it has no device's work in it.
"""
import sys

import machines
import tap
import vm

TIMEOUT = 600


def measure(machine, name, counted):
    """{subject: {entries: ns per entry, or instructions}}."""
    table = {}

    def collect(text):
        if text.startswith("BENCH|"):
            _, subject, entries, time = text.split("|")
            table.setdefault(subject, {})[int(entries)] = float(time) / (vm.INSTRUCTION if counted else 1)

    lines = machine.run("viq.run=bench", machines.BUILD / f"console-bench-{name}.log", TIMEOUT, leap=counted,
                        line=collect)
    failures = [str(reason) for kind, _, reason in tap.parse(lines)[0] if kind == "failed"]
    if failures:
        raise vm.VmError("; ".join(failures))
    return table


def show(title, table):
    print(f"\n{title}\n")
    print("| entries in the call | " + " | ".join(table) + " |")
    print("| ---: |" + " ---: |" * len(table))
    for length in next(iter(table.values())):
        print(f"| {length:,} | " + " | ".join(f"{figures[length]:,.0f}" for figures in table.values()) + " |")


def main():
    for kernel in machines.kernels():
        machine = machines.machine(kernel)
        for counted, unit in ((False, "ns"), (True, "instructions")):
            show(f"{machine.about()}: {unit} per entry", measure(machine, kernel, counted))
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    machines.script(main, "bench-kernel")
