#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""P1, P2 and P8 by `viq replay` on random queues: whatever the guest queues and however the host fails, no translation is
stale behind a completed CMD_SYNC, and everything that was looked at is accounted for."""
import struct
import unittest

from capture_bytes import DOORBELL, ENTRIES, GAP, NO_BASE, SETUP, SMMUV3, Writer
from replay_client import RandomGuest, RandomReplay, main

HOST_OPCODES = (0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30, 0x40)


class Guest(RandomGuest):
    """Random commands over few streams, ASIDs and addresses, so that they meet again; some of them wrong."""

    def tlbi_va(self, op):
        r = self.rng
        word0 = op | (r.choice([0, 1, 2, 65534, 65535]) << 48 if op == 0x12 else 0)
        word1 = r.choice([0, 0x1000, 0x200000, r.getrandbits(36) << 12, r.getrandbits(52) << 12]) | r.randrange(2)
        if r.random() < 0.7:
            word0 |= r.randrange(32) << 12 | r.choice([0, 1, 5, 9, 18, 31]) << 20
            word1 |= r.choice([1, 1, 1, 2, 3]) << 10 | r.randrange(4) << 8
        return word0, word1

    def command(self):
        r = self.rng
        op = r.choice([0x01, 0x03, 0x03, 0x04, 0x05, 0x05, 0x06, 0x10, 0x11, 0x12, 0x12, 0x12, 0x13, 0x30, 0x40, 0x40] +
                      [0x46] * 6)
        sid = r.choice([0, 1, 2, 8, 0xFFFF, 0xFFFFF, 0x100000, 0xFFFFFFFF]) << 32
        word0, word1 = op, 0
        if op in (0x01, 0x03, 0x04, 0x05, 0x06, 0x40):
            word0 |= sid
        if op == 0x04:
            word1 = r.choice([31, 0, 1, 5, 30])
        elif op == 0x05:
            word0 |= r.choice([0, 0, 1, 5, 0xFFFFF]) << 12
        elif op == 0x40:
            word0 |= r.choice([0, 1 << 11 | r.choice([0, 1, 5]) << 12])
            word1 = r.choice([52, 0, 3, 20, 51]) | r.choice([0, 0x1000, 0x5000])
        elif op == 0x11:
            word0 |= r.choice([0, 1, 2, 65535]) << 48
        elif op in (0x12, 0x13):
            word0, word1 = self.tlbi_va(op)
        if r.random() < 0.02:
            word0 ^= 1 << r.randrange(64)
        self.queued.append((word0, word1))
        return struct.pack("<QQ", word0, word1)

    def capture(self, path, orderly):
        """orderly: every doorbell names what was queued, nothing is missing, one queue."""
        r = self.rng
        size, at = r.choice([1, 2, 8, 64, 1024]), 0
        writer = Writer(SMMUV3, size, 16, "random")
        for _ in range(r.randrange(1, 60)):
            kind = 1 if orderly else r.random()
            entries = [self.command() for _ in range(r.randrange(0, min(size, 40) + 1))]
            end = (at + len(entries)) % (2 * size)
            if kind < 0.08:
                writer.events((ENTRIES, at, entries or [self.command()]))
                end = (at + max(len(entries), 1)) % (2 * size)
            elif kind < 0.12:
                writer.events((DOORBELL, at, entries, end), (GAP, end, 1))
                self.queued.append((0, 0))
                end = (end + 1) % (2 * size)
            elif kind < 0.16:
                writer.events((DOORBELL, at, entries, r.getrandbits(32)))
            else:
                writer.events((DOORBELL, at, entries, end))
            at = end
            if not orderly and r.random() < 0.03:
                size = r.choice([1, 8, 256])
                at = r.randrange(2 * size)
                writer.packets.append((SETUP, struct.pack("<QIHHQ", NO_BASE, size, 16, 0, 0) + b"again"))
        writer.save(path)

    def goes_to_host(self, word):
        return word & 0xFF in HOST_OPCODES

    def goes_to_device(self, word):
        return word & 0xFF == 0x40


class Random(RandomReplay, unittest.TestCase):
    GUEST = Guest
    CONTRACTS = ["exact", "linux-7.3", "linux-next"]

    def check_end(self, result, failure):
        self.assertTrue(not result["stopped"] or failure)

    def check_consumed(self, consumed, queued):
        self.assertEqual(consumed, queued)


if __name__ == "__main__":
    main()
