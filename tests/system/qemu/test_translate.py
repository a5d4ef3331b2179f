#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same device accesses through viq's software host and through QEMU's SMMUv3: random stage-1 tables, changes with
their invalidations, and after each access the memory written and the events recorded.

QEMU's device is an e1000, which on a register write at once reads a descriptor of 16 bytes and, if a bit of it says so,
writes 4 bytes back: one read and one write at an address of our choice, without any guest code."""
import contextlib
import random
import shutil
import struct
import sys
import time

import differences
import options
import qtest
from smmuv3 import OFFSET, REGISTERS, bits
from tables import (ACCESSED, CMDQ, CONTEXT, DATA, DATA_PAGES, EVENTQ, NOT_GLOBAL, READ_ONLY, SID, STRTAB, TABLES,
                    TABLES_SIZE, USER, VALID, Context, words)

ECAM = 0x4010000000 + (SID << 12)
NIC = 0x10000000
TDBAL, TDBAH, TDLEN, TDH, TDT, TCTL = 0x3800, 0x3804, 0x3808, 0x3810, 0x3818, 0x400
REPORT = 8 << 24  # in a descriptor's third word: write the status back
EVENTQ_LOG2SIZE = 4
EPISODE = 150
WATCHED = ("CMDQ_CONS", "GERROR", "EVENTQ_PROD")


def register(name, value):
    r = next(r for r in REGISTERS if r.name == name)
    return qtest.write(r.size, qtest.REGISTERS + r.offset, value)


class Nic:
    """QEMU with its e1000 as the device."""

    def __init__(self, binary):
        self.device = qtest.qemu(binary, "-device", "e1000,romfile=,addr=1")
        self.device.batch([qtest.write(4, ECAM + 0x10, NIC), qtest.write(4, ECAM + 4, 6),
                           qtest.write(4, NIC + TDLEN, 128 * 16), qtest.write(4, NIC + TCTL, 2)])

    def access(self, iova):
        self.device.batch([qtest.write(4, NIC + TDBAL, iova & bits(31, 0)), qtest.write(4, NIC + TDBAH, iova >> 32),
                           qtest.write(4, NIC + TDH, 0), qtest.write(4, NIC + TDT, 1)])


class Soft:
    """viq with its software host; the device's two accesses are asked for one by one."""

    def __init__(self, tool, idr):
        self.device = qtest.viq(tool, "soft", idr, "--stream", str(SID))

    def access(self, iova):
        answer = self.device.ask(f"viq dma_read {SID} {iova:#x} 16")
        if not answer.startswith("OK"):
            return
        _, third, status = struct.unpack("<QII", bytes.fromhex(answer[5:]))
        if third & REPORT:
            self.device.ask(f"viq dma_write {SID} {iova + 12:#x} 4 0x{struct.pack('<I', status | 1).hex()}")


class Mismatch(Exception):
    pass


class Comparison:
    def __init__(self, viq, qemu, seed, drop):
        self.viq, self.qemu, self.drop = viq, qemu, drop
        self.random = random.Random(seed)
        self.log = []
        self.hits = {name: 0 for name, _ in differences.EVENT_RULES}
        self.old = qemu.device.batch([qtest.read(4, qtest.REGISTERS + OFFSET["GBPA"])]) == [0]
        self.prod = self.accesses = self.faults = self.writes = 0

    def both(self, lines, what):
        self.log.append(what)
        return [side.device.batch(lines) for side in (self.viq, self.qemu)]

    # --- Set up -------------------------------------------------------------------------------------------------------

    def start(self):
        self.log = []
        self.context = Context(self.random, not self.old)
        self.places = []
        self.commands = 0
        lines = [register("CR0", 0), register("IRQ_CTRL", 0), f"memset {TABLES:#x} {TABLES_SIZE:#x} 0x0"]
        for page in range(DATA_PAGES):
            word = REPORT if self.random.random() < 0.8 else 0
            lines.append(qtest.write_bytes(DATA + (page << 16), struct.pack("<QII", 0, word, 0) * 256))
        lines += [qtest.write_bytes(STRTAB, bytes(64 * 16)), qtest.write_bytes(STRTAB + 64 * SID, self.context.ste()),
                  qtest.write_bytes(CONTEXT, self.context.cd())]
        for name, value in (("STRTAB_BASE", STRTAB), ("STRTAB_BASE_CFG", 4), ("CMDQ_BASE", CMDQ | 8), ("CMDQ_PROD", 0),
                            ("CMDQ_CONS", 0), ("EVENTQ_BASE", EVENTQ | EVENTQ_LOG2SIZE), ("EVENTQ_PROD", 0),
                            ("EVENTQ_CONS", 0), ("CR2", 2), ("CR0", 0xC), ("CR0", 0xD)):
            lines.append(register(name, value))
        self.both(lines, f"start: ips {self.context.ips}, " + ", ".join(
            f"T{n}SZ {h.txsz} granule {h.granule}{' disabled' if h.disabled else ''}"
            for n, h in enumerate(self.context.halves)))
        self.invalidate((0x4, 31), (0x30, 0))

    def invalidate(self, *commands):
        lines = []
        if self.drop and self.random.random() < 0.1:
            self.viq.device.ask("viq inject drop 0 1")
        for command in (*commands, (0x46, 0)):
            lines.append(qtest.write_bytes(CMDQ + 16 * (self.commands % 256), words(*command)))
            self.commands = self.commands + 1 & 0x1FF
        self.both(lines + [register("CMDQ_PROD", self.commands)], f"  {[tuple(map(hex, c)) for c in commands]}")

    # --- Changes ------------------------------------------------------------------------------------------------------

    def output(self, shift):
        """Where a leaf of that size leads: mostly a data page, sometimes nowhere, or beyond the output size."""
        if self.random.random() < 0.05:
            # From 2^40 on the machine has nothing, below it has devices.
            return (self.random.getrandbits(48) | 1 << self.random.randrange(40, 48)) & bits(47, shift)
        return DATA + (self.random.randrange(DATA_PAGES) << 16) & bits(47, shift)

    def leaf(self, half, level):
        flags = VALID | USER | ACCESSED | NOT_GLOBAL
        if level == 3:
            flags |= 2
        chance = self.random.random()
        if chance < 0.1:
            flags &= ~VALID
        elif chance < 0.15 and not self.old:
            flags &= ~ACCESSED
        elif chance < 0.35:
            flags |= READ_ONLY
        return self.output(half.shift(level)) | flags

    def change_page(self):
        context = self.context
        which = context.half()
        half, tables = context.halves[which], context.tables[which]
        if half.disabled:
            return
        if self.places and self.random.random() < 0.6:
            address = self.random.choice(self.places)[0]
            which = int(address >> 63)
            half, tables = context.halves[which], context.tables[which]
        else:
            address = half.base | self.random.getrandbits(64 - half.txsz) & bits(63, half.granule)
        blocks = [level for level in ((1, 2, 3) if half.granule == 12 else (2, 3)) if level >= half.first]
        level = self.random.choice([blocks[-1]] * 3 + blocks)
        lines = tables.map(address, level, self.leaf(half, level))
        self.places = (self.places + [(address, level)])[-12:]
        self.both(lines, f"map {address:#x} at level {level}: {tables.walk(address)[-1]:#x}"
                  f"{' with new tables' if len(lines) > 1 else ''}")
        self.forget(half, address, level, len(lines) == 1)

    def forget(self, half, address, level, leaf):
        """Invalidate what was translated by the descriptor: one of the ways that are enough."""
        asid, way = self.context.asid << 48, self.random.randrange(5)
        if way == 0:
            self.invalidate((0x30, 0))
        elif way == 1:
            self.invalidate((0x11 | asid, 0))
        elif way == 2:
            self.invalidate((0x10, 0))
        else:
            # By range, over all that the descriptor can have led to; leaf or not is a hint that 0 never breaks.
            tg = {12: 1, 14: 2, 16: 3}[half.granule]
            pages = half.shift(level) - half.granule
            op = 0x12 | asid if way == 3 else 0x13
            base = address & bits(63, half.shift(level))
            self.invalidate((op | pages << 20 | (1 << 12 if not pages else 0), base | tg << 10))

    def change_table(self):
        """Break or mend a table descriptor above a place."""
        if not self.places:
            return
        address, level = self.random.choice(self.places)
        which = int(address >> 63)
        half, tables = self.context.halves[which], self.context.tables[which]
        above = self.random.randrange(half.first, max(level, half.first + 1))
        table = tables.find(address, above)
        if table is None or above == 3:
            return
        index = half.index(address, above)
        old = tables.tables[table].get(index, 0)
        new = self.random.choice((0, old & ~1, 0x60000000 & bits(47, half.granule) | 3, 1 << 46 | 3, old, old))
        self.both(tables.store(table, index, new), f"table descriptor of {address:#x} at level {above} = {new:#x}")
        if new != old:
            self.broken = (tables, table, index, old)
        self.invalidate((0x11 | self.context.asid << 48, 0))

    def mend(self):
        if not self.broken:
            return
        tables, table, index, old = self.broken
        self.broken = None
        self.both(tables.store(table, index, old), f"mend table descriptor {table:#x}[{index}] = {old:#x}")
        self.invalidate((0x10, 0))

    def change_ste(self):
        context = self.context
        context.config = self.random.choice((0, 4, 5, 5, 5))
        context.ste_valid = self.random.random() < 0.9
        self.both([qtest.write_bytes(STRTAB + 64 * SID, context.ste())],
                  f"STE: valid {context.ste_valid}, config {context.config}")
        self.invalidate(self.random.choice(((0x3 | SID << 32, 1), (0x4 | SID << 32, 3), (0x4, 31))))

    def change_cd(self):
        context = self.context
        context.cd_valid = self.random.random() < 0.85
        context.record = self.random.random() < 0.8
        context.asid = self.random.getrandbits(16)
        self.both([qtest.write_bytes(CONTEXT, context.cd())], f"CD: valid {context.cd_valid}, R {context.record}")
        # The ASID may have been used before.
        self.invalidate(self.random.choice(((0x5 | SID << 32, 1), (0x6 | SID << 32, 0), (0x3 | SID << 32, 1))),
                        (0x11 | context.asid << 48, 0))

    # --- Accesses -----------------------------------------------------------------------------------------------------

    def where(self):
        chance = self.random.random()
        if not self.places or chance < 0.1:
            half = self.context.halves[self.context.half()]
            address = half.base | self.random.getrandbits(64 - half.txsz)
        elif chance < 0.13:
            address = self.random.getrandbits(64)
        elif chance < 0.2:
            address = DATA + (self.random.randrange(DATA_PAGES) << 16)  # for streams that bypass
        else:
            address, level = self.random.choice(self.places)
            half = self.context.halves[address >> 63]
            if level < 3:
                address |= self.random.getrandbits(half.shift(level)) & 0x1F0000
        if self.old:
            address &= bits(47, 0)
        return address & ~0xFFF | self.random.randrange(256) << 4

    def events(self, values, prod):
        count = prod - self.prod & bits(EVENTQ_LOG2SIZE, 0)
        return [tuple(values[4 * n:4 * n + 4]) for n in range(count)]

    def compare_events(self, iova, viq, qemu):
        """QEMU's bus makes pieces of a read that fails, and each records an event."""
        self.faults += len(viq)
        merged = []
        for event in qemu:
            if not (merged and event[:2] == merged[-1][:2] and 0 <= event[2] - merged[-1][2] < 16):
                merged.append(event)
        if viq == merged:
            return
        beyond = self.context.beyond(iova)
        for name, covers in differences.EVENT_RULES:
            if covers(viq, merged, self.old, beyond):
                self.hits[name] += 1
                return
        raise Mismatch(f"events: viq {[list(map(hex, e)) for e in viq]}, "
                       f"QEMU {[list(map(hex, e)) for e in merged]}")

    def access(self):
        iova = self.where()
        offset = iova & 0xFF0
        if self.old and self.random.random() < 0.7:
            self.invalidate((0x4, 31))  # see event-with-cached-configuration
        walk = self.context.tables[iova >> 63].walk(iova)
        self.log.append(f"access {iova:#x}: {[hex(d) for d in walk]}")
        for side in (self.viq, self.qemu):
            side.access(iova)
        status = [DATA + (page << 16) + offset + 12 for page in range(DATA_PAGES)]
        events = [EVENTQ + 32 * (index & bits(EVENTQ_LOG2SIZE - 1, 0)) + 8 * word
                  for index in range(self.prod, self.prod + 5) for word in range(4)]
        answers = self.both([qtest.read(4, a) for a in status] + [qtest.read(8, a) for a in events]
                            + [qtest.read(4, qtest.REGISTERS + OFFSET[name]) for name in WATCHED], "  look")
        viq, qemu = (answer[-len(WATCHED):] for answer in answers)
        if viq[:2] != qemu[:2]:
            raise Mismatch(f"{WATCHED[:2]}: viq {list(map(hex, viq))}, QEMU {list(map(hex, qemu))}")
        events = [self.events(answer[DATA_PAGES:], answer[-1]) for answer in answers]
        self.compare_events(iova, *events)
        viq, qemu = (answer[:DATA_PAGES] for answer in answers)
        if viq != qemu and not (events[0] and self.context.beyond(iova)):
            raise Mismatch(f"memory: viq {viq}, QEMU {qemu}; events {events}")
        self.accesses += 1
        self.writes += any(answers[0][:DATA_PAGES])
        # Both queues are emptied, and begin at the same place again.
        self.both([qtest.write(4, a, 0) for a in status]
                  + [register("CR0", 9), register("EVENTQ_PROD", 0), register("EVENTQ_CONS", 0), register("CR0", 0xD)],
                  "  clean")

    STEPS = [(60, access), (25, change_page), (3, change_table), (4, mend), (3, change_ste), (2, change_cd)]

    def episode(self):
        self.broken, self.prod = None, 0
        self.start()
        for _ in range(12):
            self.change_page()
        weights, steps = zip(*self.STEPS)
        for _ in range(EPISODE):
            self.random.choices(steps, weights)[0](self)


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
        qemu = Nic(chosen.qemu)
        stack.enter_context(contextlib.closing(qemu.device))
        viq = Nic(chosen.qemu) if chosen.viq == "self" else Soft(chosen.viq, qtest.id_registers(qemu.device))
        stack.enter_context(contextlib.closing(viq.device))
        comparison = Comparison(viq, qemu, seed, chosen.drop)
        start = time.monotonic()
        try:
            while chosen.more(start, comparison.accesses):
                comparison.episode()
        except (Mismatch, RuntimeError, OSError) as trouble:
            if chosen.drop and isinstance(trouble, Mismatch):
                print(f"Noticed after {comparison.accesses} accesses: {trouble}")
                return 0
            print(f"{trouble}\nThe stream so far:")
            for line in comparison.log[:2] + [line for line in comparison.log[-80:] if line[:3] not in ("  l", "  c")]:
                print(line)
            return 1
    print(f"{comparison.accesses} accesses compared: {comparison.writes} wrote, {comparison.faults} events, "
          f"{time.monotonic() - start:.1f} s")
    if chosen.drop:
        print("Invalidations were dropped, and nobody noticed")
        return 1
    for name, count in comparison.hits.items():
        print(f"{count:8} {name}" + ("" if count else "  (never seen in this run)"))
    met = options.enough(writes=(comparison.writes, comparison.accesses // 20),
                         events=(comparison.faults, comparison.accesses // 10))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
