#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-chain: the hardware's queue fails, and a table says what Linux, the guest and a device make of it.

The last line is "N passed, N failed[, N skipped]". See README.md here.
"""
import argparse
import pathlib
import re
import sys
import time
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "live"))

# pylint: disable=wrong-import-position
import live  # noqa: E402
import ask  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

import arm  # noqa: E402
import x86  # noqa: E402

TIMEOUT = 300  # seconds for one boot; it takes a tenth of that
ROW = re.compile(r"chain: (.*)$")
COLUMNS = ("kernel", "failure", "at", "the kernel says", "the guest is told", "its driver recovers", "DMA")


class Queue(typing.NamedTuple):
    """The hardware's: physical addresses of its registers, and what QMP calls a slot of it."""
    head: int  # CMDQ_CONS, IQH
    shift: int  # of a slot in it
    struck: int  # and in what QMP says
    base: int  # CMDQ_BASE, IQA
    log2: typing.Callable  # of the number of slots, by that


class Machine(ask.Asked):
    """One life of a machine, of whatever architecture."""

    def __init__(self, queue):
        super().__init__()
        self.queue, self.armed_at = queue, 0

    def _register(self, address):
        return int(self.qmp().monitor(f"xp /1gx {address:#x}").split()[1], 16)

    def _slots(self):
        return 1 << self.queue.log2(self._register(self.queue.base))

    def do_fail(self, failure, seconds=None):
        self.armed_at = self._register(self.queue.head) >> self.queue.shift & self._slots() - 1
        super().do_fail(failure, seconds)

    def do_strikes(self):
        """How often it has struck, and how far behind where the queue was when it was armed."""
        unit = self.query()
        struck = unit["struck"] >> self.queue.struck if "struck" in unit else self.armed_at
        return f"{unit['strikes']} {struck - self.armed_at & self._slots() - 1}"


class Arm:
    """The machine of make check-nested on Arm, whose device has ATS."""
    # What Linux's driver says once for each row of this failure.
    TOLD = {
        "CERROR_ILL": r"CMDQ error .*: Illegal command",
        "CERROR_ABT": r"CMDQ error .*: Abort on command fetch",
        "CERROR_ATC_INV_SYNC": r"CMDQ error .*: ATC invalidate timeout",
        "time-out": "CMD_SYNC timeout",
    }
    # And what it may say then.
    FAILING = re.compile(r"arm-smmu-v3.*(CMDQ error|CMD_SYNC timeout|skipping command in error state|retrying command fetch)")
    UNPATCHED = ()
    QUEUE = Queue(head=0x9050098, shift=32, struck=0, base=0x9050090, log2=lambda base: base & 0x1f)
    OPTIONS = [*arm.SMMU, *arm.DEVICES["viq-dma"], *arm.REST, "-smp", "2"]

    @staticmethod
    def run(kernel, words, log):
        """The console's lines."""
        program = machines.build() / "tests/system/nested/chain-smmuv3"
        machine = vm.Vm(str(live.qemu() / "bin/qemu-system-aarch64"), kernel, program, machines.CACHE, Arm.OPTIONS)
        return Machine(Arm.QUEUE).attend(
            lambda options, **how: machine.run(words, log, TIMEOUT, leap=False, more=options, **how))


class X86:
    """The machine of make check-nested on x86 whose device has ATS."""
    TOLD = {
        "IQE": r"VT-d detected Invalidation Queue Error",
        "ITE": r"VT-d detected Invalidation Time-out Error",
        "ICE": r"VT-d detected Invalidation Completion Error",
    }
    FAILING = re.compile("DMAR: ")
    UNPATCHED = {"host-unmap"}  # may be skipped then
    # IQH and IQA, of 256-bit descriptors.
    QUEUE = Queue(head=0xfed90088, shift=5, struck=5, base=0xfed90090, log2=lambda base: 7 + (base & 7))

    @staticmethod
    def run(kernel, words, log):
        """The console's lines."""
        return Machine(X86.QUEUE).attend(
            lambda options, **how: x86.boot("chain-vtd", kernel, "ats", f"{words} viq.pasids=yes", log,
                                              more=[*options, "-smp", "2"], **how))


ARCHITECTURES = {"arm64": Arm, "x86_64": X86}


def times(failure):
    """How often the hardware has failed for this row."""
    match = re.search(r", (\d+) times$", failure)
    return int(match[1]) if match else 1


def judge(architecture, lines, may_skip=()):
    """(rows, results, notes) of a console."""
    rows = [match[1].split(" | ") for match in map(ROW.match, lines) if match]
    results, notes = tap.parse([text for text in lines if not architecture.FAILING.search(text)], may_skip)
    for failure, words in architecture.TOLD.items():
        wanted = sum(times(row[0]) for row in rows if failure in row[0])
        found = sum(bool(re.search(words, text)) for text in lines)
        if wanted != found:
            results.append(("failed", f"told-{failure}", f"the kernel has said it {found} times, not {wanted}"))
    return rows, results, notes


def run(options, name, kernel):
    """(rows, results) of one kernel."""
    folder = pathlib.Path(machines.kernel(kernel))
    machines.BUILD.mkdir(exist_ok=True)
    log = machines.BUILD / f"console-chain-{kernel}-{name}.log"
    print(f"\n== {(folder / 'about').read_text().strip()}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    words = "loglevel=3 viq.run=chain" + (f" viq.only={options.only}" if options.only else "")
    rows, results, notes = judge(ARCHITECTURES[name], ARCHITECTURES[name].run(folder, words, log),
                                 () if kernel.series else ARCHITECTURES[name].UNPATCHED)
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s")
    return [["7.3, patched" if kernel.series else "7.3", *row] for row in rows], results


def table(rows):
    """In Markdown."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--architecture", choices=ARCHITECTURES, help="run only this one")
    options = parser.parse_args()
    rows, results = {}, []
    for name in [options.architecture] if options.architecture else ARCHITECTURES:
        rows[name] = []
        for kernel in machines.pair(name):
            try:
                more, judged = run(options, name, kernel)
            except machines.TROUBLE as error:
                print(f"   FAILED: {error}")
                more, judged = [], [("failed", str(kernel), str(error))]
            rows[name] += more
            results += judged
    for name, of_it in rows.items():
        print(f"\n{name}:\n\n{table(of_it)}")
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main, "check-chain")
