#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the tests of tests/system/kernel with viq's own SMMUv3 as the hardware: Linux's driver nests a guest on it.

The last line is "N passed, N failed[, N skipped]". See README.md in this folder.
"""
import argparse
import pathlib
import re
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "live"))

# pylint: disable=wrong-import-position
import live  # noqa: E402
import ask  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

SMMU = ["-machine", "virt,iommu=viq-smmuv3,gic-version=3,acpi=on", "-global", "viq-smmuv3.stage=nested"]
REST = ["-cpu", "max", "-m", "512", "-net", "none", "-bios", vm.FIRMWARE]
# QEMU's device first, as on QEMU's own SMMUv3; then viq's.
DEVICES = {"edu": ["-device", "edu,dma_mask=0xffffffffffff"],
           "viq-dma": ["-global", "viq-smmuv3.ats=on", "-device", "viq-dma"]}
# The tests that may be skipped: the kernel's own are not of an SMMU, and bare-hardware takes a kernel for debugging.
MAY_SKIP = {"bare-hardware", "selftests", "selftests-fail-nth"}
# edu has neither ATS nor PASIDs.
ATS = {"ats", "ats-pasids", "pasids"}
# And what a kernel without our patches has not to show.
UNPATCHED = {"bare-pair", "bare-groups", "bare-report"}
# What kernels say for which a reserved bit is no reason to refuse a command: the hardware does, which is viq.
RESERVED = "# a command with a reserved bit: the kernel passes it on, and the SMMU refuses it"
REFUSED = re.compile(r"arm-smmu-v3.*(CMD_SYNC timeout|CMDQ error .*: Illegal command)")
TIMEOUT = 400  # seconds
# What the hardware is to lose for ever, counted from where the test's guest is set up, so that the test must fail.
TLBI, SECOND, THIRD, STREAM = "0:drop:0", "1:drop:0", "2:drop:0", "0:config-drop:0"
LOST = {
    "bare-valid": TLBI, "bare-pair": TLBI, "bare-groups": TLBI, "bare-report": TLBI,
    "exact-guest": SECOND, "exact-kernel": SECOND, "exact-strict": SECOND, "exact-single": SECOND,  # behind one for all
    "exact-many": TLBI, "exact-call": THIRD, "exact-call-listed": THIRD,  # the first two are for all
    "streams-ste": STREAM, "streams-bad-ste": STREAM, "streams-cd": TLBI, "streams-smmuen": STREAM, "streams-move": STREAM,
    "streams-plug": STREAM,
    "doorbell-bulk": TLBI, "doorbell-strict": TLBI, "doorbell-single": TLBI,
    "ats": "1:atc-drop:0", "ats-pasids": "1:atc-drop:0", "pasids": SECOND,  # behind Linux's own, for the new STE
    "replay": "7:drop:0",  # the first that is watched
}
LOOKING = "bare,exact,streams,ats,pasids,doorbell,replay"  # their names begin so
# Why a test fails that looks at what a device reaches.
SEEN = re.compile(r"the device reads|guest_look|gone == i")


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true", help="each kernel with each device, not only the patched one with viq-dma")
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--device", choices=DEVICES, help="run only with this device")
    parser.add_argument("--kernel", metavar="FOLDER", help="run only this built kernel")
    parser.add_argument("--lost", choices=("only", "no"), help="run only, or do not run, what must fail")
    parser.add_argument("--property", metavar="NAME=VALUE", action="append", default=[],
                        help="a property more of the SMMU")
    return parser.parse_args(words)


class Loser(ask.Asked):
    """The machine loses what LOST says, and remembers which tests it has struck."""

    def __init__(self):
        super().__init__()
        self.struck = set()

    def do_lose(self, test):
        """A test begins."""
        self.do_fail(LOST.get(test, "none"))

    def line(self, text):
        if match := tap.RESULT.match(text):
            if self.query()["strikes"]:
                self.struck.add(match[3])
            self.do_fail("none")
        super().line(text)


def make(options, qemu, kernel, device):
    """The machine."""
    machine = vm.Vm(qemu, kernel, machines.program(), machines.CACHE, [*SMMU, *DEVICES[device], *REST])
    machine.options += [word for one in options.property for word in ("-global", f"viq-smmuv3.{one}")]
    machine.files["replay"] = machines.replay.flatten(machines.CAPTURE.read_bytes())
    return machine


def run(options, qemu, kernel, device):
    """Its tests."""
    machine = make(options, qemu, kernel, device)
    log = machines.BUILD / f"console-nested-{pathlib.Path(kernel).name}-{device}.log"
    print(f"\n== {machine.about()}, {device}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    lines = machine.run("viq.run=tests" + (f" viq.only={options.only}" if options.only else ""), log, TIMEOUT)
    if RESERVED in lines:
        lines = [text for text in lines if not REFUSED.search(text)]
    patched = "linux/series" in machine.about()
    may_skip = MAY_SKIP | (set() if patched else UNPATCHED) | (ATS if device == "edu" else set())
    results, notes = tap.parse(lines, may_skip)
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s")
    return results


def noticed(names, results, struck):
    """Of tests that should have failed: those that did because of what the device has read have passed."""
    outcomes = {name: (kind, reason) for kind, name, reason in results}
    judged = []
    for name in names:
        kind, reason = outcomes.get(name, ("not run", None))
        good = kind == "failed" and SEEN.search(reason) and name in struck
        judged.append(("passed" if good else "failed", f"lost-{name}",
                       None if good else f"{'struck' if name in struck else 'not struck'}, {kind}: {reason}"))
    return judged


def run_losing(options, qemu, kernel):
    """The tests that must fail when the hardware loses what they look for: ("passed", ...) is one that did."""
    machine = make(options, qemu, kernel, "viq-dma")
    log = machines.BUILD / f"console-nested-{pathlib.Path(kernel).name}-losing.log"
    print(f"\n== {machine.about()}, losing\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    loser = Loser()
    words = f"viq.run=tests viq.lose=yes viq.only={options.only or LOOKING}"
    lines = loser.attend(lambda more, **how: machine.run(words, log, TIMEOUT, leap=False, more=more, **how))
    chosen = [name for name in LOST if name.startswith(tuple((options.only or "").split(",")))]
    results = noticed(chosen, tap.parse(lines)[0], loser.struck)
    tap.report(results)
    print(f"   {time.monotonic() - start:.0f} s")
    return results


def results_of(options):
    """The results of all that was asked for."""
    qemu = str(live.qemu() / "bin" / "qemu-system-aarch64")
    wanted = [which for which in machines.kernels() if options.all or which.series]
    kernels = [options.kernel] if options.kernel else [machines.kernel(which) for which in wanted]
    devices = [options.device] if options.device else DEVICES if options.all else ["viq-dma"]
    results = []
    for kernel in kernels if options.lost != "only" else ():
        for device in devices:
            try:
                results += run(options, qemu, kernel, device)
            except machines.TROUBLE as error:
                print(f"   FAILED: {error}")
                results.append(("failed", f"{kernel}, {device}", str(error)))
    if options.lost != "no":
        results += run_losing(options, qemu, kernels[-1])
    return results


def main():
    return tap.total(results_of(arguments()))


if __name__ == "__main__":
    machines.script(main)
