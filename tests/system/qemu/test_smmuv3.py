#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same random register and command streams to viq and to QEMU's SMMUv3: every register after every step.

VIQ_SEED=N repeats a run. A difference that no rule of differences.py covers fails. Exit status 77: no QEMU here."""
import contextlib
import random
import shutil
import sys
import time

import differences
import options
import qtest
from guest import Guest, MEMORY_SIZE, Step
from smmuv3 import OFFSET, REGISTERS, WORDS, words

SCRATCH = qtest.MEMORY  # a queue of one entry for bringing GERROR back to 0
SNAPSHOT = list(range(0, 0xE0, 4)) + [0x100A8, 0x100AC]
SNAPSHOT_LINES = [qtest.read(4, qtest.REGISTERS + offset) for offset in SNAPSHOT]
EPISODE = 300  # steps before both start afresh


class Mismatch(Exception):
    pass


def put(name, value):
    register = next(r for r in REGISTERS if r.name == name)
    return qtest.write(register.size, qtest.REGISTERS + register.offset, value)


def renew(device):
    """Bring a device into the state in which every stream begins, whatever it went through."""
    device.batch([put("CR0", 0), put("IRQ_CTRL", 0), qtest.write_bytes(SCRATCH, bytes(16))])
    gerror, = device.batch([qtest.read(4, qtest.REGISTERS + OFFSET["GERROR"])])
    lines = [put("GERRORN", gerror), put("CMDQ_BASE", SCRATCH)]
    # Illegal commands (opcode 0) toggle GERROR back to 0 and leave the same error code in CONS.
    for acknowledged in (0,) if gerror & 1 else (1, 0):
        lines += [put("CMDQ_CONS", 0), put("CMDQ_PROD", 1), put("CR0", 8), put("CR0", 0),
                  put("GERRORN", gerror & ~1 | acknowledged)]
    lines += [put(r.name, 0) for r in REGISTERS if r.writable or "IRQ_CFG" in r.name]
    device.batch(lines + [put("CMDQ_BASE", SCRATCH), put("GBPA", 0x80001000), put("GERRORN", gerror & ~1)])


def seen(offset, size, state):
    """What a read gives if the device shows `state`: whole aligned words, the parts between them 0."""
    if size == 8 and offset % 8 == 0 and WORDS.get(offset, WORDS.get(0x20)).size != 8:
        return None  # two registers at once
    value = 0
    for word in range(offset + 3 & ~3, offset + size - 3, 4):
        value |= state.get(word, 0) << 8 * (word - offset)
    return value


class Comparison:
    def __init__(self, viq, qemu, seed):
        self.viq, self.qemu = viq, qemu
        self.guest = Guest(random.Random(seed))
        self.hits = {name: 0 for name, _, _ in differences.RULES}
        self.history = []
        self.gbpa = qemu.batch([qtest.read(4, qtest.REGISTERS + OFFSET["GBPA"])]) != [0]
        self.steps = self.values = self.interrupts = self.episodes = self.consumed = 0

    def memory(self, address):
        if not qtest.MEMORY <= address < qtest.MEMORY + MEMORY_SIZE:
            return None
        return words(bytes.fromhex(self.viq.ask(qtest.read_bytes(address, 16))[5:]))

    def freeze_and_thaw(self):
        """A saved and restored viq must go on as if nothing had been (P7), whatever it was in between."""
        state = self.viq.ask("viq save").split()[1]
        self.viq.batch([put("CR0", 0)] + [put(r.name, 0) for r in REGISTERS if r.writable] + [put("GERRORN", 5)])
        self.viq.ask(f"viq restore {state}")

    def explain(self, difference, context):
        """Count the rule that covers the difference; return whether the stream must end."""
        for name, ends, covers in differences.RULES:
            if covers(difference, context):
                self.hits[name] += 1
                return ends
        raise Mismatch(f"Difference without a rule: {difference}")

    def take(self, step, before):
        """One step on both. Returns viq's state after it, and whether the stream must end."""
        self.history.append(step)
        if step.freeze and self.viq.name == "viq":
            self.freeze_and_thaw()
        lines = step.lines + SNAPSHOT_LINES
        for device in (self.viq, self.qemu):
            device.interrupts.clear()
        answers = [device.batch(lines) for device in (self.viq, self.qemu)]
        count = len(step.lines)
        viq, qemu = (dict(zip(SNAPSHOT, answer[count:])) for answer in answers)
        context = differences.Context(step, before, viq, qemu, self.memory, self.gbpa)
        found = [differences.Difference(o, 4, viq[o], qemu[o]) for o in SNAPSHOT if viq[o] != qemu[o]]
        if step.access and step.access[2] is None:
            values = answers[0][count - 1], answers[1][count - 1]
            # A value made of words that differ is no further difference.
            if values[0] != values[1] and values != tuple(seen(*step.access[:2], state) for state in (viq, qemu)):
                found.append(differences.Difference(*step.access[:2], *values))
        ends = False
        for difference in found:
            ends |= self.explain(difference, context)
        # Where consumption parted, so did the interrupts that it raised; two rings may end at the same registers.
        if not ends and not differences.other_ring(viq) and self.viq.interrupts != self.qemu.interrupts:
            raise Mismatch(f"Interrupts differ: viq {self.viq.interrupts}, QEMU {self.qemu.interrupts}")
        self.interrupts += len(self.qemu.interrupts)
        cons = OFFSET["CMDQ_CONS"]
        self.consumed += before.get(cons, viq[cons]) != viq[cons] == qemu[cons]
        self.steps += 1
        self.values += len(SNAPSHOT)
        return viq, ends

    def reset_values(self):
        self.take(Step("reset values", []), {})

    def episode(self):
        self.episodes += 1
        self.history = []
        for device in (self.viq, self.qemu):
            renew(device)
        state, ends = self.take(Step("start", []), {})
        if ends:
            raise Mismatch("the devices do not start alike")
        for _ in range(EPISODE):
            state, ends = self.take(self.guest.step(state), state)
            if ends:
                break


def run(comparison, chosen):
    """Whether all went well."""
    start = time.monotonic()
    try:
        comparison.reset_values()
        while chosen.more(start, comparison.steps):
            comparison.episode()
    except (Mismatch, RuntimeError, OSError) as trouble:
        print(f"{trouble}\nThe stream so far:")
        for step in comparison.history[-12:]:
            print(f"  {step.what}")
        print(f"Exactly: {comparison.history[-1].lines}"[:4000])
        return False
    print(f"{comparison.steps} steps in {comparison.episodes} streams, {comparison.values} values, "
          f"{comparison.consumed} moves of CONS and {comparison.interrupts} interrupts compared, {time.monotonic() - start:.1f} s")
    if comparison.viq.name == "viq":
        print(comparison.viq.ask("viq counters"))
    for name, count in comparison.hits.items():
        print(f"{count:8} {name}" + ("" if count else "  (never seen in this run)"))
    return options.enough(interrupts=(comparison.interrupts, comparison.steps // 50),
                          consumed=(comparison.consumed, comparison.steps // 50),
                          rules=(sum(map(bool, comparison.hits.values())), len(comparison.hits) // 2))


def main():
    chosen = options.parse(__doc__)
    if not shutil.which(chosen.qemu):
        print(f"{chosen.qemu} is not installed: not compared")
        return 77
    if not differences.documented():
        print("known-differences.md and differences.py do not list the same rules in the same order")
        return 1

    seed = options.seed()
    with contextlib.ExitStack() as stack:
        qemu = stack.enter_context(contextlib.closing(qtest.qemu(chosen.qemu)))
        idr = qtest.id_registers(qemu)
        other = qtest.qemu(chosen.qemu) if chosen.viq == "self" else qtest.viq(chosen.viq, chosen.host, idr)
        viq = stack.enter_context(contextlib.closing(other))
        return 0 if run(Comparison(viq, qemu, seed), chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
