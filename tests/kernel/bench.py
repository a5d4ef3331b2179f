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
        for package, version in machines.kernels():
            machine = machines.machine(package, version)
            table.clear()
            lines = machine.run("viq.run=bench", machines.BUILD / f"console-bench-{package}.log", TIMEOUT, leap=False,
                                line=collect)
            failures = [str(reason) for kind, _, reason in tap.parse(lines)[0] if kind == "failed"]
            if failures:
                raise vm.VmError("; ".join(failures))
            lengths = sorted(next(iter(table.values())))
            print(f"\n{machine.about()}\n\nns per entry, by entries in a call (median; emulated processor and IOMMU)\n")
            print("| | " + " | ".join(str(length) for length in lengths) + " |")
            print("| --- |" + " ---: |" * len(lengths))
            for subject, times in table.items():
                print(f"| {subject} | " + " | ".join(f"{times[length]:,.0f}" for length in lengths) + " |")
    except machines.TROUBLE as error:
        print(f"bench-kernel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
