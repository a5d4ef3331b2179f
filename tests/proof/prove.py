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
CACHE = os.environ.get("VIQ_CACHE", os.path.expanduser("~/.cache/viq"))
LIMIT = {"quick": 600, "long": 7200}  # seconds for one, far more than it takes

# unwind: how often a loop is gone through at most, plus 1. That no loop is gone through more often is proved as well.
# loops: other numbers for some of them. smaller: constants of the sources that are made smaller, as (file, old, new);
# the harness says why that suffices.
Proof = collections.namedtuple("Proof", "name unwind time loops smaller", defaults=("quick", (), ()))
PROOFS = (
    Proof("gather", 4),
    Proof("gather_cursor", 4),
)
OPTIONS = ("--pointer-overflow-check", "--drop-unused-functions", "--slice-formula")


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
    cbmc = subprocess.run([HERE / "fetch-cbmc.sh", CACHE], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    work = [] if options.bite else [(proof, None) for proof in proofs]
    if options.long or options.bite:
        work += [(proof, bite) for proof in proofs for bite in bites(proof)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (proof, bite), (wrong, seconds) in zip(work, pool.map(lambda job: run(cbmc, *job), work)):
            name = f"{proof.name}: finds {bite[2].strip()!r} in {bite[0]}" if bite else proof.name
            print(f"{'FAILED' if wrong else 'ok'} {name} ({seconds:.0f} s)", flush=True)
            if wrong:
                print(wrong, flush=True)
            failed += wrong is not None
    print(f"{len(work) - failed} passed, {failed} failed")
    return 1 if failed or not work else 0


if __name__ == "__main__":
    sys.exit(main())
