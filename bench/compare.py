#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is anything slower than it was? Two revisions, built alike out of tree, measure themselves in turns.

  bench/compare.py OLD               OLD against the tree as it is (files that git does not know: left out)
  bench/compare.py OLD NEW           OLD against NEW
  bench/compare.py --only doorbell --turns 15 OLD

A row's ratio is NEW's time over OLD's, turn by turn; less is better. A row is slower if its ratio is above 1.03 in every
turn but one, and again when its subject is measured a second time: chance alone does that to one run in some hundreds.
Exit status: 0 nothing is slower, 1 something is, 2 it could not be measured."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("VIQ_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "viq") / "bench"
KEEP = 8  # revisions in the cache
NOISE = 1.03


class CompareError(Exception):
    """It cannot be measured."""


def git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompareError(done.stderr.strip())
    return done.stdout.strip()


class Revision:
    """A revision's viq. None: of the tree as it is."""

    def __init__(self, name):
        commit = name or git("stash", "create") or "HEAD"
        self.name = name or "the tree"
        self.folder = CACHE / git("rev-parse", "--verify", commit + "^{tree}")[:16]
        self.viq = self.folder / "build/tools/viq/viq"
        if not (self.folder / "done").exists():
            self._build(commit)
        (self.folder / "done").touch()
        self.subjects = []
        for row in self.measure("--quick"):
            if row["subject"] not in self.subjects:
                self.subjects.append(row["subject"])

    def _build(self, commit):
        print(f"building {self.name}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        log = self.folder / "log"
        script = ('git archive "$1" | tar -x -C "$2" && cd "$2" && meson setup build --buildtype=release -Dtests=false && '
                  'ninja -C build tools/viq/viq')
        with open(log, "w", encoding="utf-8") as out:
            if subprocess.run(["bash", "-o", "pipefail", "-c", script, "-", commit, self.folder], cwd=ROOT, stdout=out,
                              stderr=out, check=False).returncode:
                raise CompareError(f"{self.name} does not build:\n{log.read_text(encoding='utf-8')[-3000:]}")

    def measure(self, *options):
        """The rows of one run; captures are looked for below the working directory."""
        done = subprocess.run([self.viq, "bench", "--json", *options], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CompareError(f"{self.name}: viq bench {' '.join(options)}: {done.stderr.strip()}")
        return json.loads(done.stdout)["rows"]


def prune():
    """The oldest of the cache go."""
    old = sorted(CACHE.glob("*/done"), key=lambda path: path.stat().st_mtime, reverse=True)[KEEP:]
    for path in old:
        shutil.rmtree(path.parent)


def turns(old, new, subjects, count):
    """{(subject, name): (title, unit, [(OLD's, NEW's) of each turn])} and the rows that only one has, by its name."""
    pairs, alone = {}, {}
    for turn in range(count):
        for subject in subjects:
            sides = {}
            for side in ((old, new), (new, old))[turn % 2]:
                sides[side] = {(subject, row["name"]): row for row in side.measure("--only", subject) if not row["skipped"]}
            for side, other in ((old, new), (new, old)):
                for key in sides[side].keys() - sides[other].keys():
                    alone[key] = side.name
            for key, row in sides[new].items():
                if key in sides[old]:
                    pairs.setdefault(key, (row["title"], row["unit"], []))[2].append(
                        (sides[old][key]["value"]["median"], row["value"]["median"]))
    return pairs, alone


def ratios(pairs):
    """Of each turn. What is 0 on both sides is as it was."""
    return sorted(new / old if old > 0 else 1.0 if new <= 0 else float("inf") for old, new in pairs)


def slower(values):
    """In every turn but one; in every one if there are few."""
    return values[1 if len(values) > 4 else 0] > NOISE


def line(key, title, unit, pairs, mark):
    values = ratios(pairs)
    old, new = (statistics.median(side) for side in zip(*pairs))
    return (f"{'.'.join(key):40} {old:10.4g} {new:10.4g} {statistics.median(values):8.3f} {values[0]:8.3f} {values[-1]:8.3f}"
            f"  {unit}{'  ' + mark if mark else ''}  ({title})")


def compare(old, new, only, count):
    """The keys of what is slower."""
    subjects = [name for name in old.subjects if name in new.subjects and (not only or name in only)]
    if not subjects:
        raise CompareError("the two have no such subject in common")
    pairs, alone = turns(old, new, subjects, count)
    bad = {key for key, (_, _, values) in pairs.items() if slower(ratios(values))}
    if bad:
        again, _ = turns(old, new, [name for name in subjects if name in {subject for subject, _ in bad}], count)
        bad = {key for key in bad if slower(ratios(again[key][2]))}
    print(f"{'':40} {old.name[:10]:>10} {new.name[:10]:>10} {'ratio':>8} {'least':>8} {'most':>8}  ({count} turns)")
    for key, (title, unit, values) in pairs.items():
        print(line(key, title, unit, values, "SLOWER" if key in bad else ""))
    for key, name in sorted(alone.items()):
        print(f"{'.'.join(key):40} only {name} has it")
    for side, other in ((old, new), (new, old)):
        for name in side.subjects:
            if name not in other.subjects and (not only or name in only):
                print(f"{name + '.*':40} only {side.name} has it")
    print(f"{len(bad)} of {len(pairs)} rows slower")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new", nargs="?")
    parser.add_argument("--only", action="append", metavar="SUBJECT", help="one subject; repeat for more")
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    if options.turns < 1:
        parser.error("--turns: at least 1")
    try:
        old, new = Revision(options.old), Revision(options.new)
        prune()
        return 1 if compare(old, new, options.only, options.turns) else 0
    except (CompareError, OSError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
