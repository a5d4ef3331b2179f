#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sum up the stages of check.sh from Meson's own logs; the last line is "N passed, N failed[, N skipped]".

A line of the file of stages is "DIRECTORY SUITE,SUITE... [what went wrong if it was not a test]". Each of these suites must
have run."""
import json
import os
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
# The tests that may be skipped, and why. Any other skip is a failure.
MAY_SKIP = {
    "analysis": "not every release has clang-tidy 14, and other versions find other things",
    "format": "not every release has clang-format 14, and other versions format differently",
    "uapi": "the kernel's headers may be too old here, and newer ones need the network",
}


def results(directory):
    """(suites, name, result) of each test that Meson logged in the build directory's last run."""
    log = os.path.join(directory, "meson-logs", "testlog.json")
    if not os.path.exists(log):
        return
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            try:
                test = json.loads(line)
            except ValueError:
                yield set(), "a line of testlog.json", "CUT SHORT"
                continue
            # "project:suite+suite / name", or the name alone.
            suites, _, name = test["name"].rpartition(" / ")
            yield set(suites.partition(":")[2].split("+")), name, test["result"]


def stage(directory, wanted, trouble):
    """How many tests of one stage passed, failed and were skipped; what is not as it should be is printed."""
    count = {"passed": 0, "failed": 0, "skipped": 0}
    ran = set()
    for suites, name, result in results(directory):
        kind = "passed" if result in GOOD else "skipped" if result == "SKIP" and name in MAY_SKIP else "failed"
        count[kind] += 1
        ran |= suites if kind != "skipped" else set()
        if kind != "passed":
            why = f" ({MAY_SKIP[name]})" if kind == "skipped" else " may not be skipped" if result == "SKIP" else ""
            print(f"{directory}: {result}: {name}{why}")
    # A stage that did not build, whose runner died, or that lacks tests, is a failure of its own.
    found = [trouble] if trouble and not count["failed"] else []
    if not trouble:
        found += [] if count["passed"] else ["no test ran"]
        found += [f"no test of the suite {name} ran" for name in sorted(wanted - ran)]
    for text in found:
        print(f"{directory}: {text}")
    count["failed"] += len(found)
    print(f"{directory:12} " + ", ".join(f"{n} {kind}" for kind, n in count.items()))
    return count


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with open(sys.argv[1], encoding="utf-8") as stages:
        lines = [line.rstrip("\n").split(" ", 2) for line in stages]
    print()
    for directory, suites, *trouble in lines:
        for kind, n in stage(directory, set(suites.split(",")), *trouble or [""]).items():
            total[kind] += n
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
