#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Totals of the bundled captures, counted from their bytes as docs/capture-format.md describes them, without viq's code.

The literal numbers are those of the recordings that the captures were made from; what `viq decode` prints must agree.
"""
import collections
import json
import os
import struct
import subprocess
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]

SETUP, ENTRIES, GAP, DOORBELL, END = 1, 2, 3, 4, 7


def packets(path):
    """(seconds, nanoseconds, bytes) of each packet of a little-endian nanosecond pcap file of link type USER0."""
    with open(path, "rb") as file:
        data = file.read()
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B23C4D, 2, 4, 147), path
    at = 24
    while at < len(data):
        seconds, nanoseconds, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length
        yield seconds, nanoseconds, data[at + 16:at + 16 + length]
        at += 16 + length
    assert at == len(data)


class Count:
    """What a capture holds."""

    def __init__(self, path):
        self.doorbells = []
        self.entries = []  # (index, bytes)
        self.ops = collections.Counter()
        self.packets = 0
        self.end = None
        for _, _, data in packets(path):
            assert self.end is None
            self.take(*struct.unpack_from("<3sBBBH", data), data[8:])

    def take(self, magic, version, kind, packet_type, reserved, body):
        assert (magic, version, reserved) == (b"VIQ", 1, 0)
        if packet_type == END:
            self.end = struct.unpack("<QQQQ", body)
            return
        self.packets += 1
        if packet_type == SETUP:
            self.base, self.size, self.entry_size, self.clock, zero = struct.unpack_from("<QIHHQ", body)
            assert zero == 0
            self.note = body[24:].decode()
            self.kind = kind
        elif packet_type in (ENTRIES, DOORBELL):
            value, first, count, zero = struct.unpack_from("<IIII", body)
            assert zero == 0 and len(body) == 16 + count * self.entry_size
            for i in range(count):
                entry = body[16 + i * self.entry_size:16 + (i + 1) * self.entry_size]
                self.entries.append(((first + i) % self.size, entry))
                word = struct.unpack_from("<Q", entry)[0]
                self.ops[word & 0xFF if kind == 1 else word & 0xF | word >> 5 & 0x70] += 1
            if packet_type == DOORBELL:
                self.doorbells.append((value, len(self.entries)))
        else:
            raise AssertionError(f"packet type {packet_type}")


def decoded(path):
    out = subprocess.run([VIQ, "decode", "--json", path], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class Captures(unittest.TestCase):
    def check(self, name, kind, ops, doorbells):
        path = os.path.join(SOURCE, "captures", name)
        count = Count(path)
        self.assertEqual(count.kind, kind)
        self.assertEqual(count.ops, ops)
        self.assertEqual(len(count.doorbells), doorbells)
        self.assertEqual(count.end, (count.packets, doorbells, sum(ops.values()), 0))
        # Every slot in turn, and each doorbell just behind the last entry before it.
        self.assertEqual([index for index, _ in count.entries],
                         [i % count.size for i in range(len(count.entries))])
        scale = 1 if kind == 1 else count.entry_size
        self.assertEqual([value for value, _ in count.doorbells],
                         [total % count.size * scale for _, total in count.doorbells])
        self.compare(count, decoded(path))
        return count

    def compare(self, count, objects):
        entries = [o for o in objects if o["type"] in ("command", "descriptor")]
        self.assertEqual([(o["index"], b"".join(struct.pack("<Q", int(word, 16)) for word in o["words"]))
                          for o in entries], count.entries)
        self.assertTrue(all(o["legal"] and o["name"] for o in entries))
        self.assertEqual([int(o["value"], 16) for o in objects if o["type"] == "doorbell"],
                         [value for value, _ in count.doorbells])
        self.assertEqual(objects[0]["note"], count.note)
        self.assertEqual(objects[0]["entries"], count.size)

    def test_smmuv3_strict(self):
        ops = {0x04: 1, 0x46: 3200, 0x30: 1, 0x05: 4, 0x03: 4, 0x01: 2, 0x12: 3190}
        self.assertEqual(sum(ops.values()), 6402)
        count = self.check("linux-7.3-arm64-smmuv3-strict-nvme.pcap", 1, ops, 3190)
        self.assertEqual((count.size, count.entry_size, count.base), (1 << 18, 16, 2**64 - 1))
        self.assertEqual(count.doorbells[0], (0, 0))
        self.assertEqual(count.doorbells[-1][0], 6402)

    def test_vtd_legacy(self):
        ops = {0x1: 1, 0x2: 3181, 0x4: 103, 0x5: 3285}
        self.assertEqual(sum(ops.values()), 6570)
        count = self.check("linux-7.3-x86-vtd-legacy-nvme.pcap", 2, ops, 3286)
        self.assertEqual((count.size, count.entry_size, count.base), (256, 16, 0x1085000))


if __name__ == "__main__":
    unittest.main()
