#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-assigned: an assigned device and an emulated one behind the viq-smmuv3 of one QEMU.

The last line is "N passed, N failed[, N skipped]". Not part of any other check: it builds a QEMU for arm64. See README.md here.
"""
import argparse
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "guest"))

# pylint: disable=wrong-import-position
import guests  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

MEMORY = 2048
TIMEOUT, SILENCE = 1800, 600


def machine(nests=True):
    """As for check-guest, with QEMU in it; its SMMU may have stage 1 alone."""
    new = guests.machine(MEMORY)
    if not nests:  # newer machines always have both
        new.options = [word.replace("virt,", "virt-9.1,") for word in new.options] + ["-global", "arm-smmuv3.stage=1"]
    folder = pathlib.Path(os.environ.get("VIQ_QEMU_ARM64") or machines.output(machines.SOURCE / "integrations/qemu/build.sh", "arm64"))
    new.files |= {"qemu": (folder / "bin/qemu-system-aarch64").read_bytes(), "efi.fd": pathlib.Path(vm.FIRMWARE).read_bytes()}
    new.files |= {f"lib/{path.name}": path.read_bytes() for path in (folder / "lib").iterdir()}
    new.init = machines.BUILD / "tests/system/assigned/assigned"
    return new


def run(new, job, options):
    """The results of a job."""
    log = machines.BUILD / f"console-assigned-{job}.log"
    print(f"\n== {job}: {new.about()}, as host and as guest\n   console in {log.relative_to(machines.SOURCE)}", flush=True)

    def line(text):
        if options.console or text.startswith("# ") or tap.RESULT.match(text):
            print(text, flush=True)

    words = f"viq.run={job}" + (f" viq.only={options.only}" if options.only else "")
    results, _ = tap.parse(guests.host_lines(new.run(words, log, TIMEOUT, silence=SILENCE, line=line)))
    tap.report(results)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--console", action="store_true", help="show the consoles as they run")
    options = parser.parse_args()
    jobs = {"tests": True, "refuse": False}
    if options.only:
        jobs = {"refuse": False} if options.only.startswith("assigned-refuse") else {"tests": True}
    results = []
    for job, nests in jobs.items():
        results += run(machine(nests), job, options)
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main, "check-assigned")
