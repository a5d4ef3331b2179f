#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench-peers: what an unmap costs a guest of QEMU, with its accelerated SMMUv3, and one of viq-vmm, as a table.

Not part of any check: QEMU is fetched, and it takes a quarter of an hour. See README.md here.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "guest"))

# pylint: disable=wrong-import-position
import guests  # noqa: E402
import initrd  # noqa: E402
import iort  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

LOG = machines.BUILD / "console-bench-peers.log"
TIMEOUT, SILENCE = 3600, 1200
MEMORY = 2048
SUITE = "trixie-backports:arm64"
PAGES = (1, 16, 511)


def needed(path):
    """The libraries that an ELF file names, its loader not."""
    text = subprocess.run(["aarch64-linux-gnu-readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    names = [line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line]
    return [name for name in names if not name.startswith("ld-linux")]


def emulator(folder):
    """{path in the machine: contents}: QEMU with the libraries that it loads, and the firmware of its guests."""
    found, todo = {}, needed(folder / "qemu")
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = folder / "lib" / name
            todo += needed(found[name])
    found = {f"qemu/lib/{name}": path for name, path in found.items()}
    found |= {"qemu/qemu": folder / "qemu", "qemu/ld.so": folder / "lib/ld-linux-aarch64.so.1", "qemu/efi.fd": pathlib.Path(vm.FIRMWARE)}
    return {name: path.read_bytes() for name, path in found.items()}


def machine():
    """As for check-guest, with QEMU in it."""
    new = guests.machine(MEMORY)
    folder = pathlib.Path(machines.output(HERE.parent / "kernel/fetch-qemu.sh", machines.CACHE, SUITE)).parent
    new.files |= emulator(folder)
    new.init = machines.BUILD / "tests/system/peers/peers"
    return new, folder.name


def relax(new):
    """Let QEMU's guest give the device to its program: see README.md."""
    program = {"init": (machines.BUILD / "tests/system/kernel/init").read_bytes()}
    new.files["iort.cpio"] = initrd.build(program)
    lines = new.run("viq.run=iort-of-guest", LOG, TIMEOUT, silence=SILENCE, leap=False)
    table = vm.written_iort([line.removeprefix(guests.GUEST) for line in lines])
    work = {"init": (machines.BUILD / "tests/system/guest/work").read_bytes()}
    new.files["guest.cpio"] = initrd.build(work, {"iort": iort.patch(table)})


def measure(new, job):
    """{(VMM, kind): {figure: the least of its turns}}, in the order of the run; the kinds are those of run.c."""
    values = {}

    def collect(text):
        if text.startswith("PEER|"):
            _, peer, kind, figure = text.split("|")
            name, value, _ = figure.split()
            values.setdefault((peer, kind), {}).setdefault(name, []).append(float(value))
        elif text.startswith("# "):
            print(text, flush=True)

    lines = new.run(f"viq.run={job}", LOG, TIMEOUT, silence=SILENCE, leap=job == "counted", line=collect)
    failures = [f"{name}: {reason}" for kind, name, reason in tap.parse(guests.host_lines(lines))[0] if kind == "failed"]
    if failures:
        raise vm.VmError("; ".join(failures))
    return {key: {name: min(turns) for name, turns in figures.items()} for key, figures in values.items()}


def cell(each, form):
    """What each of the unmaps takes."""
    return " / ".join(format(each(f"unmap-{pages}"), form) for pages in PAGES)


def row(figures):
    """A VMM's cells, from {kind: {figure: value}}; it may not have been timed."""
    timed, alone, traced = figures.get("time"), figures["instructions"], figures["calls"]
    yield cell(lambda name: timed[name] / 1000, ",.0f") if timed else ""
    yield cell(lambda name: alone[name] / vm.INSTRUCTION, ",.0f")
    for what in ("runs", "calls", "invalidates"):
        yield cell(lambda name, what=what: (traced[f"{name}-{what}"] - traced[f"question-{what}"]) / traced[f"{name}-times"], ",.1f")


def table(values):
    """The lines of a Markdown table: a row a VMM."""
    columns = ("µs", "instructions", "exits to the VMM", "system calls", "of them invalidate")
    yield f"| {' / '.join(map(str, PAGES))} pages | " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for peer in dict.fromkeys(peer for peer, _ in values):
        yield f"| {peer} | " + " | ".join(row({kind: figures for (whose, kind), figures in values.items() if whose == peer})) + " |"


def main():
    new, version = machine()
    relax(new)
    values = {}
    for job in ("counted",) if "--counted" in sys.argv else ("timed", "counted"):
        values |= measure(new, job)
    print(f"\n{new.about()}, as host and as guest; in it QEMU {version} with arm-smmuv3,accel=on, and viq-vmm.\n")
    print("\n".join(table(values)))
    return 0


if __name__ == "__main__":
    machines.script(main, "bench-peers")
