#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same random register and descriptor streams to viq and to QEMU's VT-d: every register, and every status word,
after every step.

VIQ_SEED=N repeats a run. A difference that no rule of vtd_differences.py covers fails. Exit status 77: no QEMU here."""
import contextlib
import random
import shutil
import sys
import time

import options
import qtest
import vtd
import vtd_differences
from vtd import OFFSET, REGISTERS
from vtd_guest import STATUS, STATUS_WORDS, Guest, Step

SNAPSHOT = list(range(0, 0xC0, 4)) + list(range(0xF0, 0x100, 4)) + list(range(0x220, 0x230, 4))
STATUS_LINES = [qtest.read(8, STATUS + at) for at in range(0, 4 * STATUS_WORDS, 8)]
SNAPSHOT_LINES = [qtest.read(4, REGISTERS + offset) for offset in SNAPSHOT] + STATUS_LINES
EPISODE = 400  # steps before both start afresh


class Mismatch(Exception):
    pass


def start_qemu(binary, scalable):
    device = "intel-iommu,intremap=on,eim=off" + (",x-scalable-mode=on" if scalable else "")
    return qtest.Device("QEMU", [binary, "-machine", "q35,kernel-irqchip=split", "-accel", "tcg", "-S", "-display", "none",
                                 "-nodefaults", "-m", "128", "-device", device, "-qtest", "stdio", "-qtest-log", "none"],
                        None)


def start_viq(tool, qemu):
    version, = qemu.batch([qtest.read(4, REGISTERS)])
    cap, ecap = qemu.batch([qtest.read(8, REGISTERS + OFFSET[name]) for name in ("CAP", "ECAP")])
    ecap &= ~(1 << 31)  # see scalable-features in known-differences.md
    return qtest.Device("viq", [tool, "device", "vtd", "--ver", hex(version), "--cap", hex(cap), "--ecap", hex(ecap)], None)


class Comparison:
    def __init__(self, chosen, seed):
        self.chosen, self.seed = chosen, seed
        self.hits = {name: 0 for name, _, _ in vtd_differences.RULES}
        self.offer = vtd.Offer(chosen.scalable)
        self.steps = self.values = self.episodes = 0
        self.history, self.written, self.seen = [], {}, {}

    def memory(self, address, size):
        return vtd.words(bytes.fromhex(self.viq.ask(qtest.read_bytes(address, size))[5:]))

    def freeze_and_thaw(self):
        """A saved and restored viq must go on as if nothing had been (P7)."""
        state = self.viq.ask("viq save").split()[1]
        self.viq.batch([qtest.write(4, REGISTERS + OFFSET["GCMD"], 0), qtest.write(4, REGISTERS + OFFSET["IQT"], 0x40)])
        self.viq.ask(f"viq restore {state}")

    def explain(self, difference, context):
        """Count the rule that covers the difference; return whether the stream must end."""
        for name, ends, covers in vtd_differences.RULES:
            if covers(difference, context):
                self.hits[name] += 1
                return ends
        raise Mismatch(f"Difference without a rule: {difference}")

    def take(self, step, before):
        """One step on both. Returns viq's state after it, and whether the stream must end."""
        self.history.append(step)
        self.written.update(step.stored)
        if step.freeze:
            self.freeze_and_thaw()
        answers = [device.batch(step.lines + SNAPSHOT_LINES) for device in (self.viq, self.qemu)]
        count = len(step.lines)
        viq, qemu = (dict(zip(SNAPSHOT, answer[count:])) for answer in answers)
        status = [answer[count + len(SNAPSHOT):] for answer in answers]
        context = vtd_differences.Context(step, before, viq, qemu, self.written, self.guest.queue, self.offer, self.memory)
        found = [vtd_differences.Difference(o, viq[o], qemu[o]) for o in SNAPSHOT if viq[o] != qemu[o]]
        found += [vtd_differences.Difference(None, a, b) for a, b in zip(*status) if a != b]
        ends = False
        for difference in found:
            ends |= self.explain(difference, context)
        self.steps += 1
        self.values += len(SNAPSHOT) + STATUS_WORDS
        kind = step.kind + (" -> IQE" if viq[OFFSET["FSTS"]] & vtd.IQE and not before.get(OFFSET["FSTS"], 0) & vtd.IQE else "")
        self.seen[kind] = self.seen.get(kind, 0) + 1
        return viq, ends

    def episode(self):
        self.guest = Guest(random.Random(f"{self.seed}/{self.episodes}"), self.chosen.scalable)
        self.episodes += 1
        self.history, self.written = [], {}
        with contextlib.ExitStack() as stack:
            self.qemu = stack.enter_context(contextlib.closing(start_qemu(self.chosen.qemu, self.chosen.scalable)))
            self.viq = stack.enter_context(contextlib.closing(start_viq(self.chosen.viq, self.qemu)))
            state, ends = self.take(Step("reset", []), {})
            for _ in range(EPISODE):
                if ends:
                    break
                state, ends = self.take(self.guest.step(state), state)


def run(comparison, chosen):
    """Whether all went well."""
    start = time.monotonic()
    try:
        while chosen.more(start, comparison.steps):
            comparison.episode()
    except (Mismatch, RuntimeError, OSError) as trouble:
        print(f"{trouble}\nThe stream so far:")
        for step in comparison.history[-12:]:
            print(f"  {step}")
        print(f"Exactly: {comparison.history[-1].lines}"[:4000])
        return False
    print(f"{comparison.steps} steps in {comparison.episodes} streams, {comparison.values} values compared, "
          f"{time.monotonic() - start:.1f} s")
    print(comparison.seen)
    for name, count in comparison.hits.items():
        print(f"{count:8} {name}" + ("" if count else "  (never seen in this run)"))
    kinds = {"doorbell": 5, "doorbell -> IQE": 300, "recover": 150, "command": 100, "set up": 100}
    return options.enough(**{kind: (comparison.seen.get(kind, 0), comparison.steps // part) for kind, part in kinds.items()})


def main():
    chosen = options.parse(__doc__, "qemu-system-x86_64")
    if not shutil.which(chosen.qemu):
        print(f"{chosen.qemu} is not installed: not compared")
        return 77
    if not vtd_differences.documented():
        print("known-differences.md and vtd_differences.py do not list the same rules in the same order")
        return 1
    return 0 if run(Comparison(chosen, options.seed()), chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
