#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-guest: what unmapping costs in a guest, by the way viq calls the host's kernel, as a Markdown table."""
import statistics

import guests
import machines
import tap
import vm

TIMEOUT = 600
PAGES = (1, 16, 511)


def measure(machine):
    """{mode: {figure: its median over the turns}}, in the order of the run; a mode is viq-vmm's options."""
    values = {}

    def collect(text):
        if text.startswith("BENCH|"):
            _, mode, figure = text.split("|")
            name, value, _ = figure.split()
            values.setdefault(mode, {}).setdefault(name, []).append(float(value))

    lines = machine.run("viq.run=bench", machines.BUILD / "console-bench-guest.log", TIMEOUT, leap=False, line=collect)
    failures = [f"{name}: {reason}" for kind, name, reason in tap.parse(guests.host_lines(lines))[0] if kind == "failed"]
    if failures:
        raise vm.VmError("; ".join(failures))
    return {mode: {name: statistics.median(turns) for name, turns in figures.items()}
            for mode, figures in values.items()}


def table(values):
    """The lines of a Markdown table: a row a mode."""
    yield ("| viq's calls | " + " | ".join(f"unmap {pages} pages, µs" if pages > 1 else "unmap 1 page, µs"
                                         for pages in PAGES) +
           f" | calls for {PAGES[-1]} pages | entries a call | calls a second |")
    yield "| --- |" + " ---: |" * (len(PAGES) + 3)
    for mode, figures in values.items():
        largest = f"unmap-{PAGES[-1]}"
        calls = figures[f"{largest}-ioctls"]
        cells = [f"{figures[f'unmap-{pages}'] / 1000:,.0f}" for pages in PAGES]
        cells.append(f"{calls / figures[f'{largest}-times']:,.1f}")
        cells.append(f"{figures[f'{largest}-entries'] / calls:,.1f}")
        cells.append(f"{calls / figures[f'{largest}-total'] * 1e9:,.0f}")
        yield f"| {mode} | " + " | ".join(cells) + " |"


def main():
    machine = guests.machine()
    values = measure(machine)
    print(f"\n{machine.about()}, as host and as guest.\nAll of it on an emulated machine: only the relation of "
          f"times says something. The last three columns are of unmapping {PAGES[-1]} pages.\n")
    print("\n".join(table(values)))
    return 0


if __name__ == "__main__":
    machines.script(main, "bench-guest")
