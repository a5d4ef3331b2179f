#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""P1, P2 and P8 by `viq replay` on random VT-d queues: whatever the guest queues and however the host fails, no
translation is stale behind a completed wait descriptor, and everything that was looked at is accounted for."""
import struct
import unittest

from capture_bytes import DOORBELL, ENTRIES, GAP, NO_BASE, SETUP, VTD, Writer
from replay_client import RandomGuest, RandomReplay, main


class Guest(RandomGuest):
    """Random descriptors over few domains, PASIDs, devices and addresses, so that they meet again; some of them wrong."""

    ATC_WEIGHT = 4

    def __init__(self, rng):
        super().__init__(rng)
        self.wide = rng.random() < 0.7

    def descriptor(self):
        r = self.rng
        code = r.choice([1, 2, 2, 3, 4] + ([6, 6, 6, 6, 7, 8] if self.wide else [2, 2, 2]))
        did, pasid, sid = r.choice([0, 1, 2, 65535]), r.choice([0, 0, 1, 5, 0xFFFFF]), r.choice([0, 8, 0x100, 0xFFFF])
        addr = r.choice([0, 0x1000, 0x200000, 0xFEE00000, r.getrandbits(36) << 12, r.getrandbits(52) << 12])
        am = r.choice([0, 0, 1, 2, 5, 9, 18, r.randrange(52)])
        word0, word1 = code, 0
        if code == 1:
            word0 |= r.choice([1, 2, 3]) << 4 | did << 16 | sid << 32 | r.randrange(4) << 48
        elif code in (2, 6):
            word0 |= r.choice([1, 2, 3, 3] if code == 2 else [2, 3, 3]) << 4 | did << 16
            word0 |= pasid << 32 if code == 6 else 0
            word1 = addr | r.randrange(2) << 6 | am
        elif code == 3:
            word0 |= sid << 32
            word1 = addr | r.randrange(2)
        elif code == 7:
            word0 |= r.choice([0, 1, 1, 3]) << 4 | did << 16 | pasid << 32
        elif code == 8:
            word0 |= sid << 16 | pasid << 32
            word1 = addr | r.randrange(2) << 11 | r.choice([0, 0, 1])
        if r.random() < 0.01:
            word0 ^= 1 << r.randrange(64)
        return word0, word1

    def submission(self, most):
        """As a driver's: invalidations, mostly one, and a wait descriptor."""
        r = self.rng
        entries = [self.descriptor() for _ in range(min(r.choice([1, 1, 1, 2, 5, 15]), most - 1))]
        entries.append((r.getrandbits(32) << 32 | r.choice([0x25, 0x25, 0x25, 0x65, 0x45, 0x35]), r.getrandbits(30) << 2))
        self.queued += entries
        return [struct.pack("<QQQQ", *e, 0, 0)[:32 if self.wide else 16] for e in entries]

    def capture(self, path, orderly):
        """orderly: every doorbell names what was queued, nothing is missing, one queue."""
        r, entry_size = self.rng, 32 if self.wide else 16
        size = r.choice([4096, 8192]) // entry_size
        at = r.randrange(size)
        writer = Writer(VTD, size, entry_size, "random")
        for _ in range(r.randrange(1, 80)):
            kind = 1 if orderly else r.random()
            entries = self.submission(16)
            end = (at + len(entries)) % size
            if kind < 0.05:
                writer.events((ENTRIES, at, entries))
            elif kind < 0.1:
                writer.events((DOORBELL, at, entries, end * entry_size), (GAP, end, 1))
                self.queued.append((0, 0))
                end = (end + 1) % size
            else:
                writer.events((DOORBELL, at, entries, end * entry_size))
            at = end
            if not orderly and r.random() < 0.03:
                size = r.choice([4096, 16384]) // entry_size
                at = r.randrange(size)
                writer.packets.append((SETUP, struct.pack("<QIHHQ", NO_BASE, size, entry_size, 0, 0) + b"again"))
        writer.save(path)

    @staticmethod
    def code(word):
        return word & 15 if not word & 0xE00 else 0

    def goes_to_host(self, word):
        return self.code(word) in (2, 6)

    def goes_to_device(self, word):
        return self.code(word) in (3, 8)


class Random(RandomReplay, unittest.TestCase):
    GUEST = Guest

    def check_end(self, result, failure):
        """Linux's driver has no answer to some errors of its own."""

    def check_consumed(self, consumed, queued):
        self.assertGreaterEqual(consumed, queued)  # twice, where a wait was aborted


if __name__ == "__main__":
    main()
