#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Totals of the bundled captures, counted from their bytes, without viq's code.

The literal numbers are those of the recordings that the captures were made from; what `viq decode` prints must agree.
"""
import collections
import json
import os
import shutil
import struct
import subprocess
import unittest

from capture_bytes import DOORBELL, NO_BASE, SMMUV3, VTD, Capture

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]


def decoded(path):
    out = subprocess.run([VIQ, "decode", "--json", path], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def opcode(kind, entry):
    word = struct.unpack_from("<Q", entry)[0]
    return word & 0xFF if kind == SMMUV3 else word & 0xF | word >> 5 & 0x70


class Captures(unittest.TestCase):
    def check(self, name, kind, ops, doorbells, missing=()):
        """missing: slots of entries that the recording lacks, all before the queue first wraps."""
        path = os.path.join(SOURCE, "captures", name)
        capture = Capture(path)
        entries = capture.entries()
        self.assertEqual(capture.kind, kind)
        self.assertEqual(collections.Counter(opcode(kind, entry) for _, entry in entries), ops)
        self.assertEqual(capture.end[1:], (doorbells, sum(ops.values()), len(missing)))
        # Every slot in turn, and each doorbell just behind the last entry before it.
        slots = [i % capture.size for i in range(len(entries) + len(missing)) if i not in missing]
        self.assertEqual([slot for slot, _ in entries], slots)
        total, scale = 0, 1 if kind == SMMUV3 else capture.entry_size
        for event in capture.events:
            total += event.count
            if event.type == DOORBELL:
                self.assertEqual(event.value, total % capture.size * scale)
        self.compare(capture, decoded(path))
        self.open_elsewhere(path, 2 + len(capture.events))
        return capture

    def open_elsewhere(self, path, packets):
        """tcpdump and tshark, where installed, see every packet and complain about none."""
        if shutil.which("tcpdump"):
            done = subprocess.run(["tcpdump", "-r", path, "--count"], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout.split()[0], str(packets))
        if shutil.which("tshark"):
            done = subprocess.run(["tshark", "-r", path], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout.count("\n"), packets)

    def compare(self, capture, objects):
        entries = [o for o in objects if o["type"] in ("command", "descriptor")]
        self.assertEqual([(o["index"], b"".join(struct.pack("<Q", int(word, 16)) for word in o["words"]))
                          for o in entries], capture.entries())
        self.assertTrue(all(o["legal"] and o["name"] for o in entries))
        rung, fresh = [], 0
        for event in capture.events:
            fresh += event.count
            if event.type == DOORBELL:
                rung.append((event.value, fresh))
                fresh = 0
        self.assertEqual([(int(o["value"], 16), o["entries"]) for o in objects if o["type"] == "doorbell"], rung)
        self.assertEqual(objects[0]["note"], capture.note)
        self.assertEqual(objects[0]["entries"], capture.size)

    def test_smmuv3_strict(self):
        ops = {0x04: 1, 0x46: 3200, 0x30: 1, 0x05: 4, 0x03: 4, 0x01: 2, 0x12: 3190}
        self.assertEqual(sum(ops.values()), 6402)
        capture = self.check("linux-7.3-arm64-smmuv3-strict-nvme.pcap", SMMUV3, ops, 3190)
        self.assertEqual((capture.size, capture.entry_size, capture.base), (1 << 18, 16, NO_BASE))
        self.assertEqual((capture.events[0].value, capture.events[0].count), (0, 0))
        self.assertEqual(capture.events[-1].value, 6402)

    def test_vtd_legacy(self):
        ops = {0x1: 1, 0x2: 3181, 0x4: 103, 0x5: 3285}
        self.assertEqual(sum(ops.values()), 6570)
        capture = self.check("linux-7.3-x86-vtd-legacy-nvme.pcap", VTD, ops, 3286)
        self.assertEqual((capture.size, capture.entry_size, capture.base), (256, 16, 0x1085000))

    def test_vtd_firststage(self):
        # QEMU 10.0 does not trace PASID-cache descriptors; the guest's driver sends one, in slot 12.
        ops = {0x1: 1, 0x2: 1, 0x4: 103, 0x5: 3286, 0x6: 3180}
        self.assertEqual(sum(ops.values()), 6571)
        capture = self.check("linux-7.3-x86-vtd-firststage-nvme.pcap", VTD, ops, 3287, missing=(12,))
        self.assertEqual((capture.size, capture.entry_size, capture.base), (256, 32, 0x109E000))


if __name__ == "__main__":
    unittest.main()
