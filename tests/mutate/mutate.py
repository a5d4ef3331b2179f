#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which faults would no test find? What a change has added to src/ is changed in small ways, and the tests judge each.

  tests/mutate/mutate.py REV                  lines of src/*.c that are not as in revision REV
  tests/mutate/mutate.py REV src/guest/vtd    only of these files and folders
  tests/mutate/mutate.py --whole src/call     all lines of these

A mutant that no test fails with is a survivor, unless explained.txt tells why it may be. Survivors are listed; the last
line is "N killed, N explained, N survived". What has been judged is kept in the build folder, so a run that was stopped goes on.
Exit status: 0 none survived, 1 some did, 2 it could not be judged."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import time

import mutants

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MEMORY = 4 << 30  # bytes of address space for a test: a mutant may ask for more and more
NOT_QUICK = {"project", "model"}  # suites that are no judges: of other things than src/, or slow


class MutateError(Exception):
    """Nothing can be judged."""


def output(*words):
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MutateError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def wanted(path, only):
    return path.endswith(".c") and path.startswith("src/") and (
        not only or any(path == name or path.startswith(name.rstrip("/") + "/") for name in only))


def changed_lines(revision):
    """{path: lines}: what the tree has and the revision has not."""
    lines, path = {}, None
    for line in output("git", "diff", "--no-ext-diff", "-U0", revision, "--", "src").splitlines():
        if line.startswith("+++ "):
            path = line[6:]
        hunk = re.match(r"@@ \S+ \+(\d+)(?:,(\d+))? @@", line)
        if hunk:
            first, count = int(hunk[1]), int(hunk[2] or 1)
            lines.setdefault(path, set()).update(range(first, first + count))
    return lines


def choose(options):
    """The mutants to be judged, at most options.max of each file."""
    if options.whole:
        only = [options.revision] * bool(options.revision) + options.only
        lines = {path: None for path in output("git", "ls-files", "src").splitlines()}
    else:
        only, lines = options.only, changed_lines(options.revision)
    chosen = []
    for path in sorted(path for path in lines if wanted(path, only) and (ROOT / path).exists()):
        found = [mutant for mutant in mutants.of_text(path, (ROOT / path).read_text())
                 if lines[path] is None or mutant.line in lines[path]]
        if options.max and len(found) > options.max:
            # By its name, so that a file's sample does not depend on which others are asked for.
            found = sorted(random.Random(f"{options.seed} {path}").sample(found, options.max))
        chosen += found
    return chosen


def explained():
    """{(path, old, new)} of explained.txt, without indentation: a line that moves is still explained."""
    blocks = (HERE / "explained.txt").read_text().split("\n\n")
    for block in blocks:
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            path, old, new = lines
            yield path, old[1:].strip(), new[1:].strip()


class Tree:
    """A copy of the project with a build of its own, in which mutants are tried."""

    def __init__(self, folder, slow, jobs):
        self.tree, self.build, self.slow, self.jobs = folder / "tree", folder / "build", slow, jobs
        self.log = folder / "log"
        self.tree.mkdir(parents=True, exist_ok=True)
        self.hash = self._copy()
        if not (self.build / "build.ninja").exists():
            self._must("meson", "setup", str(self.build), str(self.tree), "--buildtype=debug", "-Ddebug=false")
        self._must("ninja", "-j", str(jobs), "-C", str(self.build))
        self.tests = self._baseline(folder / "baseline.json")

    def _copy(self):
        """The files that differ. Returns a hash of all."""
        paths = [path for path in output("git", "ls-files", "-z", "-co", "--exclude-standard").split("\0")
                 if path and (ROOT / path).is_file()]
        total = hashlib.sha256()
        for path in sorted(paths):
            content, to = (ROOT / path).read_bytes(), self.tree / path
            total.update(f"{path} {len(content)}\n".encode() + content)
            if not to.exists() or to.read_bytes() != content:
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(content)
                to.chmod((ROOT / path).stat().st_mode)
        for there in [path for path in self.tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]:
            if str(there.relative_to(self.tree)) not in set(paths):
                there.unlink()
        return total.hexdigest()[:16]

    def _must(self, *words):
        with open(self.log, "w", encoding="utf-8") as log:
            if subprocess.run(words, stdout=log, stderr=log, check=False).returncode:
                raise MutateError(f"{' '.join(words)}: see {self.log}")

    def _baseline(self, kept):
        """[(test, seconds)] of those that can judge: they pass, in less than self.slow seconds."""
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if known.get("tree") != self.hash or known.get("slow") != self.slow:
            tests = [test for test in json.loads(output("meson", "introspect", "--tests", str(self.build)))
                     if not NOT_QUICK & {suite.split(":")[-1] for suite in test["suite"]}]
            print(f"trying {len(tests)} tests without a fault", file=sys.stderr)
            with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
                times = [(test, *done) for test, done in zip(tests, pool.map(lambda test: self._run(test, self.slow), tests))]
            # Some fail on a machine that has too much to do.
            broken = [test["name"] for test, result, _ in times
                      if result == "failed" and self._run(test, self.slow)[0] == "failed"]
            if broken:
                raise MutateError(f"fail without a fault: {', '.join(broken)}")
            known = {"tree": self.hash, "slow": self.slow,
                     "tests": [(test, seconds) for test, result, seconds in times if result == "passed"]}
            kept.write_text(json.dumps(known))
            print(f"{len(known['tests'])} of them are judges", file=sys.stderr)
        return sorted(known["tests"], key=lambda timed: timed[1])

    def _run(self, test, limit):
        """passed, skipped, failed or not done in time; and seconds."""
        start = time.monotonic()
        with subprocess.Popen(test["cmd"], env=os.environ | test["env"], cwd=test["workdir"] or self.build, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                status = process.wait(limit)
                result = {0: "passed", 77: "skipped"}.get(status, "failed")
            except subprocess.TimeoutExpired:
                result = "not done in time"
            try:
                os.killpg(process.pid, signal.SIGKILL)  # also what a dead test has left
            except ProcessLookupError:
                pass
        return result, time.monotonic() - start

    def _killer(self, tests):
        """The first of these that does not pass; some are run at the same time."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            running = [(test, seconds, pool.submit(self._run, test, 10 + 10 * seconds)) for test, seconds in tests]
            for test, seconds, future in running:
                result, _ = future.result()
                if result == "failed":  # twice, or it was chance
                    result, _ = self._run(test, 10 + 10 * seconds)
                if result in ("failed", "not done in time"):
                    for *_, other in running:
                        other.cancel()
                    return f"{test['name']} {result}"
        return None

    def judge(self, mutant):
        """("killed", by what), ("not built", None) or ("survived", None)."""
        own = f"{self.build}/tests/unit/{pathlib.PurePath(mutant.path).parent.relative_to('src')}/"
        first = [timed for timed in self.tests if timed[0]["cmd"][0].startswith(own)]
        rest = [timed for timed in self.tests if timed not in first]
        place = self.tree / mutant.path
        text = place.read_text()
        try:
            place.write_text(mutants.apply(mutant, text))
            for tests in filter(None, (first, rest)):
                goals = [os.path.relpath(test["cmd"][0], self.build) for test, _ in tests] if tests is first else []
                if subprocess.run(["ninja", "-j", str(self.jobs), "-C", str(self.build), *goals], capture_output=True,
                                  check=False).returncode:
                    return "not built", None
                killer = self._killer(tests)
                if killer:
                    return "killed", killer
        finally:
            place.write_text(text)
        return "survived", None


class Judged:
    """What earlier runs have found. A kill holds as long as the file is the same, survival only for the same tree."""

    def __init__(self, path, tree):
        self.path, self.tree = path, tree
        self.known = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            if row["verdict"] != "survived" or row["tree"] == tree:
                self.known[row["key"]] = row["verdict"]

    @staticmethod
    def key(mutant):
        content = (ROOT / mutant.path).read_bytes() + json.dumps(mutant).encode()
        return hashlib.sha256(content).hexdigest()[:24]

    def get(self, mutant):
        return self.known.get(self.key(mutant))

    def put(self, mutant, verdict, by):
        row = {"key": self.key(mutant), "verdict": verdict, "by": by, "tree": self.tree, **mutant._asdict()}
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


def run(options):
    chosen, known = choose(options), set(explained())
    left = [mutant for mutant in chosen if (mutant.path, mutant.old.strip(), mutant.new.strip()) not in known]
    counts = {"killed": 0, "not built": 0, "survived": 0}
    survivors = []
    if left:
        tree = Tree(options.folder, options.slow, options.jobs)
        judged = Judged(options.folder / "judged.jsonl", tree.hash)
    for done, mutant in enumerate(left, 1):
        verdict, by = judged.get(mutant), None
        if not verdict:
            verdict, by = tree.judge(mutant)
            judged.put(mutant, verdict, by)
            print(f"{done}/{len(left)} {verdict}: {mutant.path}:{mutant.line}: {mutant.new.strip()}{f' ({by})' if by else ''}",
                  file=sys.stderr, flush=True)
        counts[verdict] += 1
        survivors += [mutant] if verdict == "survived" else []
    for mutant in survivors:
        print(f"{mutant.path}:{mutant.line}:\n-{mutant.old}\n+{mutant.new}\n")
    print(f"{len(chosen)} mutants, {counts['not built']} of them do not build")
    print(f"{counts['killed']} killed, {len(chosen) - len(left)} explained, {counts['survived']} survived")
    return 1 if survivors else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", nargs="?", metavar="REV")
    parser.add_argument("only", nargs="*", metavar="PATH", help="files and folders of src/")
    parser.add_argument("--whole", action="store_true", help="all lines, not those that differ from a revision")
    parser.add_argument("--max", type=int, metavar="N", help="at most so many of each file, drawn by lot")
    parser.add_argument("--seed", type=int, default=1, help="of the lot (%(default)s)")
    parser.add_argument("--slow", type=float, default=20, metavar="SECONDS", help="tests that take longer are no judges (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how much is done at a time (%(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build-mutate", help="where it works (build-mutate)")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # of each program that this one starts
    if not options.revision and not options.whole:
        parser.error("which revision?")
    try:
        return run(options)
    except (MutateError, OSError) as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
