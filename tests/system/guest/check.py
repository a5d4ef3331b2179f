#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-guest: Linux as a guest whose SMMUv3 is viq; the last line is "N passed, N failed[, N skipped]".

What is missing is fetched and built first. See README.md in this folder.
"""
import argparse
import functools
import time

import guests
import machines
import tap

# Seconds of real time, for all tests and without a line; they take a quarter of the first on two processors, and a guest
# that works says something every few seconds.
TIMEOUT, SILENCE = 1200, 150


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--seed", type=int, default=1, help="of what the guests choose by chance (1)")
    parser.add_argument("--console", action="store_true", help="show the consoles as they run")
    return parser.parse_args()


def progress(console):
    """What to do with each line of the machine's: show it, or only how each test ended and what there was to note."""
    start = time.monotonic()

    def line(text):
        if match := tap.RESULT.match(text):
            print(f"{time.monotonic() - start:5.0f} s  {'not ok' if match[1] else 'ok'} {match[3]}", flush=True)
        elif text.startswith("# "):
            print(f"            {text[2:]}", flush=True)

    return functools.partial(print, flush=True) if console else line


def run(options):
    """All results."""
    machine = guests.machine()
    log = machines.BUILD / "console-guest.log"
    print(f"\n== {machine.about()}, as host and as guest\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    words = f"viq.run=tests viq.seed={options.seed}" + (f" viq.only={options.only}" if options.only else "")
    lines = machine.run(words, log, TIMEOUT, silence=SILENCE, line=progress(options.console))
    results, _ = tap.parse(guests.host_lines(lines))
    tap.report(results)
    return results


def main():
    try:
        results = run(arguments())
    except machines.TROUBLE as error:
        print(f"FAILED: {error}")
        results = [("failed", "preparation", str(error))]
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main)
