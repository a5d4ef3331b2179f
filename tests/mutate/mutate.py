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
import itertools
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

import mutants
import together

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
        for line in lines[1:]:
            if line[0] == "-":
                old = line[1:].strip()
            else:
                yield lines[0], old, line[1:].strip()


def put(path, content):
    """Only what differs is written, and so built anew."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Tree:
    """A copy of the project with a build of its own, in which mutants are tried."""

    def __init__(self, folder, slow, jobs):
        self.tree, self.build, self.slow, self.jobs = folder / "tree", folder / "build", slow, jobs
        self.folder, self.log = folder, folder / "log"
        self.tests, self.place = [], {}  # [(test, seconds, functions that it calls)]; {number: function}
        self.tree.mkdir(parents=True, exist_ok=True)
        self.hash = self.copy()
        if not (self.build / "build.ninja").exists():
            number = folder / "number.o"
            self._must("cc", "-O2", "-fPIC", "-c", str(HERE / "number.c"), "-o", str(number))
            self._must("meson", "setup", str(self.build), str(self.tree), "--buildtype=debug", "-Ddebug=false", "-Dc_args=-w",
                       f"-Dc_link_args={number}")

    def copy(self):
        """The files that differ. Returns a hash of all."""
        paths = [path for path in output("git", "ls-files", "-z", "-co", "--exclude-standard").split("\0")
                 if path and (ROOT / path).is_file()]
        total = hashlib.sha256()
        for path in sorted(paths):
            content, to = (ROOT / path).read_bytes(), self.tree / path
            total.update(f"{path} {len(content)}\n".encode() + content)
            put(to, content)
            to.chmod((ROOT / path).stat().st_mode)
        for there in [path for path in self.tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]:
            if str(there.relative_to(self.tree)) not in set(paths):
                there.unlink()
        return total.hexdigest()[:16]

    def _must(self, *words):
        with open(self.log, "w", encoding="utf-8") as log:
            if subprocess.run(words, stdout=log, stderr=log, check=False).returncode:
                raise MutateError(f"{' '.join(words)}: see {self.log}")

    def _ninja(self, *goals):
        """Nothing, or what the compiler said."""
        done = subprocess.run(["ninja", "-k", "0", "-j", str(self.jobs), "-C", str(self.build), *goals], capture_output=True,
                              text=True, check=False)
        self.log.write_text(done.stdout + done.stderr)
        return done.stdout if done.returncode else None

    def together(self, numbered):
        """Build all mutants of functions, and see which tests call these. Returns the numbers of those that do not build, and of
        those that no function has."""
        broken = set()
        while True:
            self.place, texts, function = {}, {}, 0
            for path in sorted({mutant.path for mutant in numbered.values()}):
                own = [(number, mutant) for number, mutant in numbered.items() if mutant.path == path and number not in broken]
                texts[path] = together.together((ROOT / path).read_text(), own, function)
                function = texts[path].end
                self.place |= texts[path].place
                put(self.tree / path, texts[path].text.encode())
            said = self._ninja()
            if not said:
                break
            found = {texts[path].owners[int(line) - 1] for path, line in re.findall(
                r"(src/\S+?\.c):(\d+):\d+: (?:fatal )?(?:error|note): ", said) if path in texts} - {0}
            if not found:
                raise MutateError(f"does not build: see {self.log}")
            broken |= found
        self.tests = self._baseline(function)
        return broken, set(numbered) - broken - set(self.place)

    def _baseline(self, functions):
        """[(test, seconds, functions)] of those that can judge: they pass, in less than self.slow seconds."""
        tests = [test for test in json.loads(output("meson", "introspect", "--tests", str(self.build)))
                 if not NOT_QUICK & {suite.split(":")[-1] for suite in test["suite"]}]
        print(f"trying {len(tests)} tests without a fault", file=sys.stderr)
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            tried = list(zip(tests, pool.map(lambda test: self._seen(test, functions), tests)))
        # Some fail on a machine that has too much to do.
        broken = [test["name"] for test, (result, *_) in tried if result == "failed" and self._run(test, self.slow)[0] == "failed"]
        if broken:
            raise MutateError(f"fail without a fault: {', '.join(broken)}")
        judges = [(test, seconds, seen) for test, (result, seconds, seen) in tried if result == "passed"]
        print(f"{len(judges)} of them are judges", file=sys.stderr)
        return sorted(judges, key=lambda judge: judge[1])

    def _seen(self, test, functions):
        with tempfile.NamedTemporaryFile(dir=self.folder) as seen:
            seen.write(bytes(functions or 1))
            seen.flush()
            result, seconds = self._run(test, self.slow, VIQ_MUTATED=seen.name)
            seen.seek(0)
            return result, seconds, {i for i, called in enumerate(seen.read()) if called}

    def _run(self, test, limit, **env):
        """passed, skipped, failed or not done in time; and seconds."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="t", ignore_cleanup_errors=True) as scratch, subprocess.Popen(
                test["cmd"], env=os.environ | test["env"] | {"TMPDIR": scratch} | env, cwd=test["workdir"] or self.build,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
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

    def _own_first(self, path):
        """The tests: those of the file's own folder, then the others; the fastest first."""
        own = f"{self.build}/tests/unit/{pathlib.PurePath(path).parent.relative_to('src')}/"
        return ([judge for judge in self.tests if judge[0]["cmd"][0].startswith(own)],
                [judge for judge in self.tests if not judge[0]["cmd"][0].startswith(own)])

    def _killer(self, judges, **env):
        """The first of these that does not pass, twice, or it was chance; and how."""
        for test, seconds, _ in judges:
            for _ in range(2):
                result, _ = self._run(test, 3 + 10 * seconds, **env)
                if result not in ("failed", "not done in time"):
                    break
            else:
                return f"{test['name']} {result}"
        return None

    def judge(self, number, mutant):
        """("killed", by what) or ("survived", None): a mutant of a function."""
        judges = [judge for judge in itertools.chain(*self._own_first(mutant.path)) if self.place[number] in judge[2]]
        killer = self._killer(judges, VIQ_MUTANT=str(number))
        return ("killed", killer) if killer else ("survived", None)

    def judge_alone(self, mutant):
        """The same of one that no function has; or ("not built", None). All files are as they are in the project."""
        first, rest = self._own_first(mutant.path)
        text = (ROOT / mutant.path).read_text()
        try:
            put(self.tree / mutant.path, mutants.apply(mutant, text).encode())
            for tests in filter(None, (first, rest)):
                if self._ninja(*[os.path.relpath(test["cmd"][0], self.build) for test, *_ in tests] if tests is first else []):
                    return "not built", None
                killer = self._killer(tests)
                if killer:
                    return "killed", killer
        finally:
            put(self.tree / mutant.path, text.encode())
        return "survived", None


class Judged:
    """What earlier runs have found. A kill holds as long as the file and the way to build it are the same, survival only for the
    same tree."""

    def __init__(self, path, tree):
        self.path, self.tree = path, tree
        self.known = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            if row["verdict"] != "survived" or row["tree"] == tree:
                self.known[row["key"]] = row["verdict"]

    @staticmethod
    def key(mutant):
        tool = b"".join((HERE / name).read_bytes() for name in ("together.py", "number.c"))
        content = tool + (ROOT / mutant.path).read_bytes() + json.dumps(mutant).encode()
        return hashlib.sha256(content).hexdigest()[:24]

    def get(self, mutant):
        return self.known.get(self.key(mutant))

    def put(self, mutant, verdict, by):
        row = {"key": self.key(mutant), "verdict": verdict, "by": by, "tree": self.tree, **mutant._asdict()}
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


def verdicts(options, left):
    """{mutant: verdict} of all that are left to be judged."""
    if not left:
        return {}
    tree = Tree(options.folder, options.slow, options.jobs)
    judged = Judged(options.folder / "judged.jsonl", f"{tree.hash} {options.slow:g}")
    found = {mutant: judged.get(mutant) for mutant in left}
    new = {number: mutant for number, mutant in enumerate((mutant for mutant in left if not found[mutant]), 1)}

    def say(mutant, verdict, by=None):
        found[mutant] = verdict
        judged.put(mutant, verdict, by)
        print(f"{sum(map(bool, found.values()))}/{len(left)} {verdict}: {mutant.path}:{mutant.line}: {mutant.new.strip()}"
              f"{f' ({by})' if by else ''}", file=sys.stderr, flush=True)

    if new:
        broken, alone = tree.together(new)
        for number in broken:
            say(new[number], "not built")
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            running = {pool.submit(tree.judge, number, new[number]): new[number] for number in tree.place}
            for done in concurrent.futures.as_completed(running):
                say(running[done], *done.result())
        if alone:
            tree.copy()
        for number in sorted(alone):
            say(new[number], *tree.judge_alone(new[number]))
    return found


def run(options):
    chosen, known = choose(options), set(explained())
    left = [mutant for mutant in chosen if (mutant.path, mutant.old.strip(), mutant.new.strip()) not in known]
    found = verdicts(options, left)
    counts = {verdict: list(found.values()).count(verdict) for verdict in ("killed", "not built", "survived")}
    for mutant in [mutant for mutant in left if found[mutant] == "survived"]:
        print(f"{mutant.path}:{mutant.line}:\n-{mutant.old}\n+{mutant.new}\n")
    print(f"{len(chosen)} mutants, {counts['not built']} of them do not build")
    print(f"{counts['killed']} killed, {len(chosen) - len(left)} explained, {counts['survived']} survived")
    return 1 if counts["survived"] else 0


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
