#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which lines and branches of src/ does no test run? Builds without optimisation, counts, and tells by folder.

Counted is what the programs in tests/unit, promise and oracle run; the suites "project" and "model" are of other things.
Each line of the folders CHECKED is run, or explained.txt tells why not. Exit status: 0 so it is, 1 it is not, 2 it could not
be found out."""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHECKED = ("src/call", "src/guest", "src/host/linux", "src/nest")
LEAST = 95  # percent of the lines of CHECKED, however much is explained
PROGRAMS = ("oracle", "promise", "unit")  # in these folders of tests
NOT_COUNTED = {"project", "model"}  # suites
SETUP = ("--buildtype=debug", "-Db_coverage=true", "-Dc_args=-fprofile-update=atomic")  # threads count, too

Line = collections.namedtuple("Line", "path number text runs branches missed")


class CoverageError(Exception):
    """Nothing can be said."""


def must(*words, **options):
    done = subprocess.run(words, text=True, check=False, **options)
    if done.returncode:
        raise CoverageError(f"{' '.join(words[:4])}: failed")
    return done.stdout


def measure(build):
    """Builds and runs the tests with counters that begin at 0."""
    if not (build / "build.ninja").exists():
        must("meson", "setup", str(build), str(ROOT), *SETUP, stdout=sys.stderr)
    for old in build.rglob("*.gcda"):
        old.unlink()
    os.environ["GCOV_ERROR_FILE"] = str(build / "gcov-errors.txt")  # else on the standard error of what is tested
    tests = [test["name"] for test in json.loads(must("meson", "introspect", "--tests", str(build), stdout=subprocess.PIPE))
             if test["cmd"][0].startswith(tuple(f"{build}/tests/{folder}/" for folder in PROGRAMS))
             and not NOT_COUNTED & {suite.split(":")[-1] for suite in test["suite"]}]
    must("meson", "test", "-C", str(build), "-t", "4", "--print-errorlogs", *tests, stdout=sys.stderr)
    must("gcovr", "-r", str(ROOT), "--filter", f"{ROOT}/src/", "-j", str(os.cpu_count()), "--json",
         str(build / "coverage.json"), str(build), stdout=sys.stderr)


def read_lines(report):
    """The lines of code. An ASSERT() has a branch that must not be taken; it is not counted."""
    for file in json.loads(report.read_text())["files"]:
        if (ROOT / file["file"]).stat().st_mtime > report.stat().st_mtime:
            raise CoverageError(f"{file['file']} has changed since")
        source = (ROOT / file["file"]).read_text().splitlines()
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            text = source[line["line_number"] - 1].strip()
            counts = [] if text.startswith("ASSERT") else [branch["count"] for branch in line["branches"]]
            yield Line(file["file"], line["line_number"], text, line["count"], len(counts), counts.count(0))


def explained(text, root):
    """{(path, line number)}. A block is a comment, a path, and lines that stand once in that file, one after the other."""
    found = set()
    for block in text.split("\n\n"):
        path, *lines = [line.strip() for line in block.splitlines() if not line.startswith("#")] or [None]
        if path is None:
            continue
        source = [line.strip() for line in (root / path).read_text().splitlines()] if (root / path).exists() else []
        places = [at for at in range(len(source)) if source[at:at + len(lines)] == lines]
        if len(places) != 1:
            raise CoverageError(f"explained.txt: is {len(places)} times in {path}, not once: {' '.join(lines)}")
        found |= {(path, places[0] + 1 + at) for at in range(len(lines))}
    return found


def percent(part, whole):
    return f"{part:6} of {whole:6} {100 * part / whole if whole else 100:6.1f} %"


def table(lines):
    folders = collections.defaultdict(list)
    for line in lines:
        folders[str(pathlib.PurePath(line.path).parent)].append(line)
    print(f"{'':24}{'lines':>23}{'branches':>25}")
    for name, of_it in sorted(folders.items()):
        branches = sum(line.branches for line in of_it)
        print(f"{name:24}{percent(sum(line.runs > 0 for line in of_it), len(of_it))}"
              f"  {percent(branches - sum(line.missed for line in of_it), branches)}")


def judge(lines, reasons, branches):
    """Prints what is not run. Returns the exit status."""
    checked = [line for line in lines if line.path.startswith(tuple(f"{name}/" for name in CHECKED))]
    if not checked:
        raise CoverageError("no line was counted")
    run = [line for line in checked if line.runs]
    because = [line for line in checked if not line.runs and (line.path, line.number) in reasons]
    neither = [line for line in checked if not line.runs and (line.path, line.number) not in reasons]
    for line in [line for line in checked if line.missed and line.runs] if branches else []:
        print(f"{line.path}:{line.number}: {line.missed} of {line.branches} branches: {line.text}")
    for line in neither:
        print(f"{line.path}:{line.number}: not run: {line.text}")
    share = 100 * len(run) / len(checked)
    print(f"{', '.join(CHECKED)}: {len(run)} lines run ({share:.1f} %), {len(because)} explained, {len(neither)} neither")
    if share < LEAST:
        print(f"That is less than {LEAST} %")
    return 1 if neither or share < LEAST else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--branches", action="store_true", help="list lines with a branch that is never taken, too")
    parser.add_argument("--again", action="store_true", help="tell once more what the last run has found")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-coverage", help="its folder (build-coverage)")
    options = parser.parse_args()
    build = options.build.resolve()
    try:
        reasons = explained((HERE / "explained.txt").read_text(), ROOT)
        if not options.again:
            measure(build)
        lines = list(read_lines(build / "coverage.json"))
        table(lines)
        return judge(lines, reasons, options.branches)
    except (CoverageError, OSError) as error:
        print(f"coverage: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
