#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-kernel: what an entry costs by the length of the call, in the virtual machine, as a Markdown table."""
import sys

import machines
import tap
import vm

TIMEOUT = 300


def main():
    table = {}

    def collect(text):
        if text.startswith("BENCH|"):
            _, subject, entries, time = text.split("|")
            table.setdefault(subject, {})[int(entries)] = float(time)

    try:
        for kernel in machines.kernels():
            machine = machines.machine(kernel)
            table.clear()
            lines = machine.run("viq.run=bench", machines.BUILD / f"console-bench-{kernel}.log", TIMEOUT, leap=False,
                                line=collect)
            failures = [str(reason) for kind, _, reason in tap.parse(lines)[0] if kind == "failed"]
            if failures:
                raise vm.VmError("; ".join(failures))
            print(f"\n{machine.about()}: ns per entry\n")
            print("| entries in the call | " + " | ".join(table) + " |")
            print("| ---: |" + " ---: |" * len(table))
            for length in next(iter(table.values())):
                print(f"| {length} | " + " | ".join(f"{times[length]:,.0f}" for times in table.values()) + " |")
    except machines.TROUBLE as error:
        print(f"bench-kernel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    machines.script(main)
