#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the tests of tests/system/kernel in a virtual machine, on each kernel; the last line is "N passed, N failed[, N skipped]".

What is missing is fetched and built first. See README.md in this folder.
"""
import argparse
import time

import machines
import tap

# The tests that may be skipped, and why. Any other skip is a failure.
MAY_SKIP = {
    "bare-pair": "a kernel whose count of handled entries is true has nothing to show",
    "bare-groups": "the same",
}
TIMEOUT = 400  # seconds, for one boot with all tests; it takes a twentieth of that


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--current", action="store_true", help="run only the current kernel")
    parser.add_argument("--console", action="store_true", help="show the machine's console as it runs")
    return parser.parse_args()


def run_one(options, package, version):
    """The results on one kernel."""
    machine = machines.machine(package, version)
    log = machines.BUILD / f"console-{package}.log"
    print(f"\n== {machine.about()}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    lines = machine.run("viq.run=tests" + (f" viq.only={options.only}" if options.only else ""), log, TIMEOUT,
                        line=print if options.console else None)
    results, notes = tap.parse(lines, MAY_SKIP)
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s")
    return results


def main():
    options = arguments()
    results = []
    try:
        kernels = machines.kernels()
        if len(kernels) < 2:
            print("The archive has one kernel that will do, and no older one: going on with that.")
            results.append(("skipped", "older kernel", "the archive has none"))
        for package, version in kernels[:1] if options.current else kernels:
            try:
                results += run_one(options, package, version)
            except machines.TROUBLE as error:
                print(f"   FAILED: {package} {version}: {error}")
                results.append(("failed", package, str(error)))
    except machines.TROUBLE as error:
        print(f"FAILED: {error}")
        results.append(("failed", "preparation", str(error)))
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main)
