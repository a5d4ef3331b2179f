#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the proofs of this folder with CBMC; the last line is "N passed, N failed". See README.md.

Without options: the quick ones. --long: all, and whether each finds the faults in its .bites file (--bite: that alone).
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path.append(str(SOURCE / "tests/system/kernel"))

import machines  # noqa: E402 pylint: disable=wrong-import-position

LIMIT = {"quick": 600, "long": 7200}  # seconds for one, far more than it takes

# unwind: how often a loop is gone through at most, plus 1. That no loop is gone through more often is proved as well.
# loops: other numbers for some of them. smaller: constants of the sources that are made smaller, as (file, old, new);
# the harness says why that suffices. define: macros for the harness.
Proof = collections.namedtuple("Proof", "name unwind time loops smaller define", defaults=("quick", (), (), ()))
PROOFS = (
    Proof("gather", 4),
    Proof("gather_cursor", 4),
    Proof("sorted", 5),
    Proof("smmuv3_pte", 2),
    Proof("vtd_pte", 2),
    *(Proof("smmuv3_command", 34, loops=("main.0:257",), define=(f"FIRST={first}", f"LAST={last}"))
      for first, last in ((0x00, 0x04), (0x05, 0x0f), (0x10, 0x12), (0x13, 0x1f), (0x20, 0x22), (0x23, 0x2a), (0x2b, 0x41),
                          (0x42, 0x6f), (0x70, 0xff))),
    *(Proof("vtd_descriptor", 17, define=(f"FIRST={first}", f"LAST={last}"))
      for first, last in ((0, 2), (3, 5), (6, 8), (9, 15))),
    Proof("smmuv3_index", 21, smaller=(
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_ENTRIES 2048", "#define BATCH_ENTRIES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_HOLES 256", "#define BATCH_HOLES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define RETAINED_ENTRIES 1024", "#define RETAINED_ENTRIES 4"))),
    Proof("vtd_index", 4, smaller=(
        ("src/guest/vtd/vtd.h", "#define BATCH_DESCRIPTORS 256", "#define BATCH_DESCRIPTORS 5"),)),
    *(Proof("vtd_copy", 7, smaller=(
        ("src/guest/vtd/vtd.h", "#define BATCH_DESCRIPTORS 256", "#define BATCH_DESCRIPTORS 3"),
        ("src/guest/vtd/vtd.h", "#define VTD_GROUP 8", "#define VTD_GROUP 2")),
            loops=("alike.0:3", "copy.0:3", "copy.1:3", "copy.2:2", "copy.3:4", "copy_few.0:4"),
            define=(f"WIDE={wide}", f"KEEP={keep}")) for wide, keep in ((1, 1), (0, 1), (0, 0))),
    Proof("freeze", 9),
    *(Proof("smmuv3_load", 50, define=(f"VERSION={version}",), smaller=(
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_ENTRIES 2048", "#define BATCH_ENTRIES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_HOLES 256", "#define BATCH_HOLES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define RETAINED_ENTRIES 1024", "#define RETAINED_ENTRIES 3")))
      for version in (2,)),
    *(Proof("smmuv3_write", 45, define=(f"AT_OFFSET={offset:#x}",), smaller=(
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_ENTRIES 2048", "#define BATCH_ENTRIES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define BATCH_HOLES 256", "#define BATCH_HOLES 4"),
        ("src/guest/smmuv3/smmuv3.h", "#define RETAINED_ENTRIES 1024", "#define RETAINED_ENTRIES 4")))
      for offset in (0x90, 0x94, 0x98, 0x9c, 0x20, 0x60, 0x64)),
    Proof("vtd_load", 50, smaller=(
        ("include/viq/vtd_spec.h", "#define VIQ_VTD_FRCD_MAX     256", "#define VIQ_VTD_FRCD_MAX     4"),
        ("src/guest/vtd/vtd.h", "#define BATCH_DESCRIPTORS 256", "#define BATCH_DESCRIPTORS 4"),
        ("src/guest/vtd/vtd.h", "#define VTD_SLATES 32", "#define VTD_SLATES 2"))),
    *(Proof("vtd_write", 50, define=(f"AT_OFFSET={offset:#x}",), smaller=(
        ("include/viq/vtd_spec.h", "#define VIQ_VTD_FRCD_MAX     256", "#define VIQ_VTD_FRCD_MAX     4"),
        ("src/guest/vtd/vtd.h", "#define BATCH_DESCRIPTORS 256", "#define BATCH_DESCRIPTORS 4"),
        ("src/guest/vtd/vtd.h", "#define VTD_SLATES 32", "#define VTD_SLATES 2")))
      for offset in (0x18, 0x20, 0x24, 0x34, 0x80, 0x84, 0x88, 0x8c, 0x90, 0x94)),
    *(Proof("exact_first", 2, define=(f"GROUP={group}",)) for group in (4, 1, 0)),
    Proof("exact_step", 2, define=("GROUP=1",)),
    Proof("exact_step", 2, define=("GROUP=4",)),
    Proof("exact_step", 2, define=("GROUP=0",)),
)
OPTIONS = ("--pointer-overflow-check", "--drop-unused-functions", "--slice-formula", "--object-bits", "11")


def bites(proof):
    """The seeded faults of a proof: (file, old, new)."""
    blocks = [block.splitlines() for block in (HERE / f"{proof.name}.bites").read_text().split("\n\n")]
    for block in blocks:
        path, *change = [line for line in block if not line.startswith("#")]
        yield (path, "\n".join(line[1:] for line in change if line[0] == "-"),
               "\n".join(line[1:] for line in change if line[0] == "+"))


def change(tree, path, old, new):
    text = (tree / path).read_text()
    if text.count(old) != 1:
        raise ValueError(f"{path}: {text.count(old)} places are {old!r}")
    (tree / path).write_text(text.replace(old, new))


def run(cbmc, proof, bite=None):
    """None if all of it is proved, or if the bite is found; else what is wrong. And seconds."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as copy:
        tree = pathlib.Path(copy)
        for folder in ("src", "include"):
            shutil.copytree(SOURCE / folder, tree / folder)
        for edit in proof.smaller + ((bite,) if bite else ()):
            change(tree, *edit)
        command = [cbmc, "-I", tree / "include", "-I", tree / "src", "-I", HERE, *OPTIONS, "--unwind", str(proof.unwind)]
        command += ["--unwindset", ",".join(proof.loops)] if proof.loops else []
        command += [f"-D{macro}" for macro in proof.define]
        command += ["--stop-on-fail"] if bite else []
        try:
            done = subprocess.run([*command, HERE / f"{proof.name}.c"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=LIMIT[proof.time], check=False)
        except subprocess.TimeoutExpired:
            return "not done in time", time.monotonic() - start
    seconds = time.monotonic() - start
    # 0: all is proved, 10: something is not; others: it could not work.
    if done.returncode not in (0, 10) or "VERIFICATION " not in done.stdout:
        return done.stdout, seconds
    if bite:
        return None if done.returncode == 10 else "not found", seconds
    failed = re.findall(r"^(?!.*: SUCCESS$)\[.*$", done.stdout, re.MULTILINE)
    return "\n".join(failed) or done.stdout if done.returncode else None, seconds


def run_any(cbmc, cases, bite):
    """The same of the cases of a proof, of which one must find the bite."""
    start = time.monotonic()
    for proof in cases:
        wrong, _ = run(cbmc, proof, bite)
        if not wrong:
            break
    return wrong, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--long", action="store_true", help="run all of them, and see that each bites")
    parser.add_argument("--bite", action="store_true", help="only see that each bites")
    parser.add_argument("--only", metavar="NAME", help="only this one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time (%(default)s)")
    options = parser.parse_args()
    everything = options.long or options.bite or options.only
    proofs = [proof for proof in PROOFS
              if options.only in (None, proof.name) and (everything or proof.time == "quick")]
    cbmc = subprocess.run([HERE / "fetch-cbmc.sh", machines.CACHE], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    by_name = {}
    for proof in proofs:
        by_name.setdefault(proof.name, []).append(proof)
    work = [] if options.bite else [([proof], None) for proof in proofs]
    if options.long or options.bite:
        work += [(cases, bite) for cases in by_name.values() for bite in bites(cases[0])]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (cases, bite), (wrong, seconds) in zip(work, pool.map(lambda job: run_any(cbmc, *job), work)):
            name = f"{cases[0].name}: finds {bite[2].strip()!r} in {bite[0]}" if bite else \
                " ".join((cases[0].name, *cases[0].define))
            print(f"{'FAILED' if wrong else 'ok'} {name} ({seconds:.0f} s)", flush=True)
            if wrong:
                print(wrong, flush=True)
            failed += wrong is not None
    print(f"{len(work) - failed} passed, {failed} failed")
    return 1 if failed or not work else 0


if __name__ == "__main__":
    sys.exit(main())
