# SPDX-License-Identifier: MIT
"""A guest's stream table, context descriptor and stage-1 page tables in memory (IHI 0070 section 5, DDI 0487 D8)."""
import struct

import qtest
from smmuv3 import bits

SID = 8  # bus 0, slot 1: where QEMU's device is
STRTAB, EVENTQ, CMDQ, CONTEXT = (qtest.MEMORY + offset for offset in (0x10000, 0x20000, 0x30000, 0x40000))
TABLES, TABLES_SIZE = qtest.MEMORY + 0x1000000, 0x1000000
DATA, DATA_PAGES = qtest.MEMORY + 0x4000000, 16  # 64 KiB apart

TG0 = {12: 0, 14: 2, 16: 1}
TG1 = {12: 2, 14: 1, 16: 3}
IPS_BITS = (32, 36, 40, 42, 44, 48)

VALID, TABLE_OR_PAGE = 1, 2
USER, READ_ONLY, ACCESSED, NOT_GLOBAL = 1 << 6, 1 << 7, 1 << 10, 1 << 11


def words(*values):
    return struct.pack(f"<{len(values)}Q", *values)


class Half:
    """One of the two address ranges of a context: its size, granule and tables."""

    def __init__(self, random, upper, ips):
        self.upper, self.ips = upper, ips
        self.granule = random.choice((12, 12, 16))
        self.txsz = random.choice((16, 16, 20, 24, 25, 28, 32, 34, 38, 39))
        self.disabled = random.random() < 0.15
        self.stride = self.granule - 3
        size = 64 - self.txsz
        self.levels = -(-(size - self.granule) // self.stride)
        self.first = 4 - self.levels

    @property
    def base(self):
        return bits(63, 64 - self.txsz) if self.upper else 0

    def shift(self, level):
        return self.granule + (3 - level) * self.stride

    def index(self, address, level):
        top = 64 - self.txsz if level == self.first else self.shift(level) + self.stride
        return (address & bits(top - 1, 0)) >> self.shift(level)


class Tables:
    """Page tables of one half: what is written where, and where new tables go."""

    def __init__(self, half, start):
        self.half, self.free = half, start
        self.tables = {}
        self.root = self.allocate()

    def allocate(self):
        size = 1 << self.half.granule
        at = -(-self.free // size) * size
        self.free = at + size
        self.tables[at] = {}
        return at

    def store(self, table, index, descriptor):
        self.tables[table][index] = descriptor
        return [qtest.write_bytes(table + 8 * index, words(descriptor))]

    def map(self, address, level, descriptor):
        """Put a descriptor for the address at the level, with new tables above it where they lack."""
        table, lines = self.root, []
        for above in range(self.half.first, level):
            index = self.half.index(address, above)
            entry = self.tables[table].get(index, 0)
            child = entry & bits(47, self.half.granule)
            if entry & 3 != 3 or child not in self.tables:
                child = self.allocate()
                lines += self.store(table, index, child | VALID | TABLE_OR_PAGE)
            table = child
        return lines + self.store(table, self.half.index(address, level), descriptor)

    def walk(self, address):
        """The descriptors that lead to the address."""
        table, found = self.root, []
        for level in range(self.half.first, 4):
            found.append(self.tables[table].get(self.half.index(address, level), 0))
            table = found[-1] & bits(47, self.half.granule)
            if found[-1] & 3 != 3 or table not in self.tables:
                break
        return found

    def find(self, address, level):
        """The table that the descriptor of that level is in, or None."""
        table = self.root
        for above in range(self.half.first, level):
            entry = self.tables[table].get(self.half.index(address, above), 0)
            table = entry & bits(47, self.half.granule)
            if entry & 3 != 3 or table not in self.tables:
                return None
        return table


class Context:
    """A context descriptor over two halves, and the stream table entry that leads to it."""

    def __init__(self, random, upper):
        self.random, self.upper = random, upper
        self.ips = random.choice((1, 2, 3, 4, 4, 5))
        self.asid = random.getrandbits(16)
        self.halves = [Half(random, upper, IPS_BITS[min(self.ips, 4)]) for upper in (False, True)]
        self.tables = [Tables(half, TABLES + upper * (TABLES_SIZE // 2)) for upper, half in enumerate(self.halves)]
        self.tables[1].free = max(self.tables[1].free, TABLES + TABLES_SIZE // 2)
        self.record = random.random() < 0.85  # CD.R
        self.config = 5
        self.ste_valid = self.cd_valid = True

    def cd(self):
        low, high = self.halves
        word0 = (low.txsz | TG0[low.granule] << 6 | low.disabled << 14 | high.txsz << 16 | TG1[high.granule] << 22
                 | high.disabled << 30 | self.cd_valid << 31 | self.ips << 32 | 1 << 41 | self.record << 45 | 1 << 46
                 | 1 << 47 | self.asid << 48)
        return words(word0, self.tables[0].root, self.tables[1].root, 0xFF, 0, 0, 0, 0)

    def ste(self):
        return words(self.ste_valid | self.config << 1 | CONTEXT, 1 << 44, 0, 0, 0, 0, 0, 0)

    def half(self):
        """Which of the two an action is about; the upper one only where the bus reaches it."""
        return self.random.choice((0, 0, 1)) if self.upper else 0

    def beyond(self, address):
        """Whether the address, or a descriptor for it, leads beyond the output size."""
        if self.config == 4:
            return address >= 1 << 44
        limit = IPS_BITS[min(self.ips, 4)]
        return any(descriptor & bits(47, limit) for descriptor in self.tables[address >> 63].walk(address))
