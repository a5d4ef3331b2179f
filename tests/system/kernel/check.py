#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the tests of tests/system/kernel in a virtual machine, on each kernel; the last line is "N passed, N failed[, N skipped]".

What is missing is fetched and built first. See README.md in this folder.
"""
import argparse
import re
import time

import machines
import tap

DEVICE = {"ats", "ats-pasids", "pasids"}
# The tests that may be skipped, and why. Any other skip is a failure.
MAY_SKIP = {
    "bare-pair": "a kernel whose count of handled entries is true has nothing to show",
    "bare-groups": "the same",
    "bare-report": "a kernel without our patches has no report",
    "bare-hardware": "Linux 7.3 lets nothing through that the SMMU would refuse; with --debug it does",
    **dict.fromkeys(DEVICE, "this machine's device has neither ATS nor PASIDs; that of make check-nested has"),
    "selftests": "the kernel's own tests are built with our patches",
    "selftests-fail-nth": "the same",
}
TIMEOUT = 400  # seconds, for one boot with all tests; it takes a twentieth of that
SLOWER = 10  # a kernel that watches itself
# What that kernel says when the SMMU refuses a command, as one of the tests wants it to.
REFUSED = re.compile(r"arm-smmu-v3.*(CMDQ error .*: Illegal command|skipping command in error state)")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--current", action="store_true", help="run only the current kernel")
    parser.add_argument("--series", action="store_true", help="run only the kernel with integrations/linux")
    parser.add_argument("--debug", action="store_true",
                        help="run only that kernel, with KASAN and lockdep, and with a command that only the SMMU refuses")
    parser.add_argument("--console", action="store_true", help="show the machine's console as it runs")
    return parser.parse_args()


def may_skip(kernel):
    """The names of the tests that have nothing to show on this kernel."""
    if kernel.debug:
        return DEVICE
    return DEVICE | {"bare-hardware"} if kernel.series else MAY_SKIP


def run_one(options, kernel):
    """The results on one kernel."""
    machine = machines.machine(kernel)
    log = machines.BUILD / f"console-{kernel}.log"
    print(f"\n== {machine.about()}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    lines = machine.run("viq.run=tests" + (f" viq.only={options.only}" if options.only else ""), log,
                        TIMEOUT * (SLOWER if kernel.debug else 1), line=print if options.console else None)
    if kernel.debug:
        lines = [text for text in lines if not REFUSED.search(text)]
    results, notes = tap.parse(lines, may_skip(kernel))
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s")
    return results


def main():
    options = arguments()
    results = []
    try:
        kernels = machines.kernels()
        series = [kernel for kernel in kernels if kernel.series]
        if len(kernels) - len(series) < 2:
            print("The archive has one kernel that will do, and no older one: going on with that.")
            results.append(("skipped", "older kernel", "the archive has none"))
        if not series:
            print(f"The archive has no {machines.SERIES_FOR}, which our patches are for: going on without.")
            results.append(("skipped", "patched kernel", f"the archive has no {machines.SERIES_FOR}"))
        if options.current:
            kernels = kernels[:1]
        elif options.series:
            kernels = series
        elif options.debug:
            kernels = [kernel._replace(debug=True) for kernel in series]
        else:
            for kernel in series: # the one without patches is built with it
                machines.kernel(kernel)
        for kernel in kernels:
            try:
                results += run_one(options, kernel)
            except machines.TROUBLE as error:
                print(f"   FAILED: {kernel} {kernel.version}: {error}")
                results.append(("failed", str(kernel), str(error)))
    except machines.TROUBLE as error:
        print(f"FAILED: {error}")
        results.append(("failed", "preparation", str(error)))
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main)
