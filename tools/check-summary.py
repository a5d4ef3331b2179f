#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sum up the stages of check.sh from Meson's own logs; the last line is "N passed, N failed[, N skipped]"."""
import json
import os
import sys

GOOD = {"OK", "EXPECTEDFAIL"}


def results(directory):
    """(name, result) of each test that Meson logged in the build directory's last run."""
    log = os.path.join(directory, "meson-logs", "testlog.json")
    if not os.path.exists(log):
        return []
    with open(log, encoding="utf-8") as lines:
        tests = [json.loads(line) for line in lines if line.strip()]
    return [(test["name"], test["result"]) for test in tests]


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with open(sys.argv[1], encoding="utf-8") as stages:
        lines = [line.rstrip("\n").partition(" ") for line in stages]
    print()
    for directory, _, trouble in lines:
        count = {"passed": 0, "failed": 0, "skipped": 0}
        for name, result in results(directory):
            kind = "passed" if result in GOOD else "skipped" if result == "SKIP" else "failed"
            count[kind] += 1
            if kind != "passed":
                print(f"{directory}: {result}: {name}")
        # A stage that did not build, whose runner died, or that found nothing to run, is a failure of its own.
        if not count["failed"] and (trouble or not count["passed"]):
            print(f"{directory}: {trouble or 'no test ran'}")
            count["failed"] += 1
        print(f"{directory:12} " + ", ".join(f"{n} {kind}" for kind, n in count.items()))
        for kind, n in count.items():
            total[kind] += n
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
