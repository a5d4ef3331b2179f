# SPDX-License-Identifier: MIT
"""A random guest with a VT-d: mostly a driver that knows what it does, sometimes one that does not."""
import struct

import qtest
import vtd
from vtd import CC, IEC, IOTLB, OFFSET, PC, PIOTLB, SIZE, WAIT, WRITABLE, Queue, bits

RINGS, STATUS, NOWHERE = 0x1000000, 0x200000, 0xD0000000  # rings lie in 16 MiB from the first on; NOWHERE has no memory
STATUS_WORDS = 64


class Step:
    """Lines for both. kind: what the guest does; value: what a store wrote, by register."""

    def __init__(self, kind, lines, text="", stored=None):
        self.kind, self.lines, self.text, self.stored = kind, lines, text, stored or {}
        self.freeze = False

    def __str__(self):
        return f"{self.kind} {self.text}".rstrip()


def put(name, value, size=None):
    return qtest.write(size or SIZE[name], vtd.REGISTERS + OFFSET[name], value)


class Guest:
    def __init__(self, random, scalable):
        self.random, self.scalable = random, scalable
        self.queue = None  # while enabled
        self.tail, self.last_wait = 0, False

    # --- Descriptors

    def legal(self):
        random = self.random
        code = random.choice((CC, IOTLB, IOTLB, IOTLB, IEC, WAIT, WAIT))
        defined = vtd.DEFINED[code]
        word0 = code | random.getrandbits(64) & defined[0]
        word1 = random.getrandbits(64) & defined[1]
        if code in vtd.LEGAL_G:
            word0 = word0 & ~0x30 | random.choice(vtd.LEGAL_G[code]) << 4
        if code == IOTLB:
            word1 = word1 & ~63 | random.randrange(vtd.MAMV + 1)
        if code == WAIT:
            return self.wait()
        return word0, word1, 0, 0

    def wait(self):
        """SW or IF: QEMU 7.2 takes neither both (it aborts) nor none."""
        if self.random.random() < 0.2:
            return WAIT | 1 << 4 | self.random.getrandbits(1) << 6, 0, 0, 0
        word0 = WAIT | 1 << 5 | self.random.getrandbits(1) << 6 | self.random.getrandbits(32) << 32
        return word0, STATUS + 4 * self.random.randrange(STATUS_WORDS), 0, 0

    def odd(self):
        random = self.random
        word0, word1, word2, word3 = self.legal()
        kind = random.randrange(9)
        if kind == 0 and random.random() < 0.3:
            return vtd.DEVTLB | random.getrandbits(16) << 32, random.getrandbits(52) << 12, 0, 0
        if kind == 0:
            return random.choice((0, 8, 9, 10, 13, 15, 3)) | random.getrandbits(64) & ~15, random.getrandbits(64), 0, 0
        if kind == 1:
            return random.choice((PIOTLB, PC)) | random.getrandbits(64) & ~15, random.getrandbits(64), 0, 0
        if kind == 2:
            return word0 | 1 << random.choice((9, 10, 11)), word1, 0, 0
        if kind == 3:
            return word0, word1, 0, 1 << random.randrange(64)
        if kind == 4:
            return word0 & ~0x30 if word0 & 15 in vtd.LEGAL_G else word0, word1, word2, word3
        if kind == 5 and word0 & 15 == IOTLB:
            return word0 | 0x30, word1 | 63, 0, 0
        if kind == 6:
            return WAIT | random.choice((0, 1 << 6)), 0, 0, 0  # neither SW nor IF
        bit = random.randrange(4, 128)
        if word0 & 15 == WAIT and bit in (4, 5):
            bit = 100
        return (word0 ^ 1 << bit, word1, 0, 0) if bit < 64 else (word0, word1 ^ 1 << bit - 64, 0, 0)

    def descriptors(self, count):
        odd = self.random.choice((0, 0, 0, 0, 0.1))
        for _ in range(count):
            yield self.odd() if self.random.random() < odd else self.legal()

    # --- The queue

    def store(self, descriptors):
        lines = []
        for descriptor in descriptors:
            data = struct.pack("<4Q", *descriptor)[:self.queue.entry]
            lines.append(qtest.write_bytes(self.queue.base + self.tail, data))
            self.tail = self.queue.next(self.tail)
            self.last_wait = descriptor[0] & 15 == WAIT
        return lines

    def doorbell(self, state):
        entries = self.queue.bytes // self.queue.entry
        used = (self.tail - state[OFFSET["IQH"]]) % self.queue.bytes // self.queue.entry
        count = min(entries - 1 - used, self.random.choice((0, 1, 2, 2, 2, 2, 5, 16, 100)))
        lines = self.store(self.descriptors(count))
        return Step("doorbell", lines + [put("IQT", self.tail, 4)], f"of {count}, IQT {self.tail:#x}")

    def recover(self, state):
        """As Linux: a wait descriptor at IQH, then FSTS. QEMU goes on at the next write of IQT only."""
        data = struct.pack("<4Q", *self.wait())[:self.queue.entry]
        return Step("recover", [qtest.write_bytes(self.queue.base + state[OFFSET["IQH"]], data), put("FSTS", vtd.IQE),
                                put("IQT", self.tail, 4)])

    def set_up(self, state):
        """Disable, place a queue somewhere, enable."""
        random = self.random
        wide = self.scalable and random.random() < 0.7
        iqa = RINGS + (random.randrange(32) << 19) | wide << 11 | random.choice((0, 0, 1, 1, 3, 7))
        levels = state[OFFSET["GSTS"]] & vtd.LEVELS & ~vtd.QIE
        self.queue, self.tail = Queue(iqa), 0
        # Types 6 and above are of scalable mode alone (Table 26).
        lines = [put("GCMD", levels), put("RTADDR", wide << 10), put("GCMD", levels | vtd.SRTP),
                 put("IQT", 0, random.choice((4, 8))), put("IQA", iqa), put("GCMD", levels | vtd.QIE)]
        # Before the first descriptor QEMU would not let go of the queue again.
        lines += self.store([self.wait()]) + [put("IQT", self.tail, 4)]
        return Step("set up", lines, f"IQA {iqa:#x}", {"IQA": iqa})

    def nonsense_tail(self, _):
        self.tail = self.random.choice((self.queue.bytes, self.tail ^ 0x10, 0x7FFF0)) & 0x7FFF0
        return Step("nonsense tail", [put("IQT", self.tail, 4)], f"IQT {self.tail:#x}")

    def clear_only(self, _):
        return Step("clear only", [put("FSTS", vtd.IQE)])

    def disable_busy(self, state):
        return Step("disable", [put("GCMD", state[OFFSET["GSTS"]] & vtd.LEVELS & ~vtd.QIE)])

    # --- Registers

    def command(self, state):
        """One field of GCMD at a time (11.4.4.1)."""
        levels = state[OFFSET["GSTS"]] & vtd.LEVELS
        flag = self.random.choice((vtd.TE, vtd.IRE, vtd.SRTP, vtd.SIRTP))
        return Step("command", [put("GCMD", levels ^ flag if flag & vtd.LEVELS else levels | flag)], f"{flag:#x}")

    def register(self, _):
        name = self.random.choice([n for n in WRITABLE if n not in ("IQT", "IQA")])
        value = self.random.getrandbits(8 * SIZE[name])
        if name == "RTADDR":
            value = value & ~bits(11, 10) | (self.queue.wide if self.queue else 0) << 10  # SRTP may follow
        if self.random.random() < 0.9:
            value &= WRITABLE[name]
        return Step("store", [put(name, value)], f"{name} {value:#x}", {name: value})

    def mask(self, _):
        name = self.random.choice(("FECTL", "IECTL"))
        return Step("mask", [put(name, self.random.choice((0, vtd.IM)))], name)

    def clear(self, _):
        return Step("clear", [put(*self.random.choice((("ICS", 1), ("FSTS", 1), ("ICS", 0), ("FSTS", 0))))])

    def look(self, _):
        return Step("look", [qtest.read(self.random.choice((4, 8)), vtd.REGISTERS + self.random.randrange(0, 0x400, 8))])

    def read_only(self, _):
        name = self.random.choice(("VER", "CAP", "ECAP", "GSTS", "IQH"))
        return Step("read-only", [put(name, self.random.getrandbits(8 * SIZE[name]))], name)

    def by_register(self, state):
        """Invalidation by CCMD and IOTLB, while there is no queue (6.5.1)."""
        value = 1 << 63 | self.random.choice((1, 2, 3)) << 61 | self.random.getrandbits(16)
        if self.random.randrange(2):
            return Step("by register", [put("CCMD", value)], f"CCMD {value:#x}")
        value = 1 << 63 | self.random.choice((1, 2)) << 60 | self.random.getrandbits(16) << 32
        return Step("by register", [put("IOTLB", value)], f"IOTLB {value:#x}")

    def freeze(self, _):
        step = Step("save and restore (viq only)", [])
        step.freeze = True
        return step

    def step(self, state):
        random = self.random
        if not state[OFFSET["GSTS"]] & vtd.QIE:
            return random.choice((self.set_up, self.register, self.by_register, self.command))(state)
        if state[OFFSET["FSTS"]] & vtd.IQE and random.random() < 0.8:
            return self.recover(state) if random.random() < 0.95 else self.clear_only(state)
        choices = [(40, self.doorbell), (5, self.register), (5, self.command), (5, self.mask), (5, self.clear),
                   (5, self.look), (2, self.read_only), (0.3, self.nonsense_tail), (2, self.freeze),
                   (0.2, self.disable_busy)]
        idle = state[OFFSET["IQH"]] == state[OFFSET["IQT"]] and not state[OFFSET["FSTS"]] & vtd.IQE
        if idle and self.last_wait:
            choices.append((4, self.set_up))
        weights, functions = zip(*choices)
        return random.choices(functions, weights)[0](state)
