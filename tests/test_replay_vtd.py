#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq replay` of VT-d queues: what is consumed, what the guest sees, and how its driver answers."""
import collections
import json
import os
import struct
import subprocess
import tempfile
import unittest

from capture_bytes import DOORBELL, GAP, NO_BASE, SETUP, VTD, Capture, Writer

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]
FIRST = os.path.join(SOURCE, "captures", "linux-7.3-x86-vtd-firststage-nvme.pcap")
LEGACY = os.path.join(SOURCE, "captures", "linux-7.3-x86-vtd-legacy-nvme.pcap")
NAMES = {1: "context-cache", 2: "iotlb", 3: "device-tlb", 4: "interrupt-entry-cache", 5: "wait", 6: "pasid-iotlb",
         7: "pasid-cache", 8: "pasid-device-tlb"}
TYPE, RESERVED = 3, 4
IQE = 0x10
WAIT = (0x2_0000_0025, 0x1063C04)


def piotlb(did, pasid, addr=None, am=0, ih=1):
    word = did << 16 | pasid << 32 | 6
    return (word | 2 << 4, 0) if addr is None else (word | 3 << 4, addr | ih << 6 | am)


def iotlb(did=None):
    return (1 << 4 | 2, 0) if did is None else (did << 16 | 2 << 4 | 2, 0)


def run(*words):
    return subprocess.run([VIQ, "replay", *words], capture_output=True, text=True, timeout=60)


def replay(path, *options, status=0):
    done = run("--json", *options, path)
    assert done.returncode == status, (done.returncode, done.stderr, done.stdout)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "made.pcap")

    def make(self, *doorbells, size=128, wide=True, first=0):
        """A capture of these lists of descriptors, a doorbell each."""
        entry_size, at = 32 if wide else 16, first
        writer = Writer(VTD, size, entry_size, "made")
        for descriptors in doorbells:
            end = (at + len(descriptors)) % size
            entries = [struct.pack("<QQQQ", *(list(d) + [0, 0])[:4])[:entry_size] for d in descriptors]
            writer.events((DOORBELL, at, entries, end * entry_size))
            at = end
        writer.save(self.path)
        return self.path


class Null(Replay):
    """With a host that accepts everything."""

    def replay(self, path, *options, status=0):
        return replay(path, "--host", "null", *options, status=status)

    def test_totals_are_those_of_the_bytes(self):
        for path in (FIRST, LEGACY):
            capture = Capture(path)
            types = [struct.unpack_from("<Q", entry)[0] & 15 for _, entry in capture.entries()]
            counts = dict(collections.Counter(NAMES[t] for t in types))
            for options in ((), ("--budget", "1"), ("--budget", "7", "--batch", "5"), ("--batch", "1000")):
                with self.subTest(path, options=options):
                    result = self.replay(path, *options)
                    self.assertEqual(result["recorded"], counts)
                    # What was not recorded is replayed as a wait descriptor.
                    missing = capture.missing()
                    self.assertEqual(result["consumed"], {**counts, "wait": counts["wait"] + missing})
                    self.assertEqual((result["commands"], result["missing"]), (len(types), missing))
                    self.assertEqual((result["error_count"], result["stopped"]), (0, False))
                    self.assertEqual(result["completed"], counts["wait"] + missing)
                    self.assertEqual(result["recorded_doorbells"], len(capture.doorbells()))

    def test_every_invalidation_reaches_the_tables_of_its_domain_and_pasid(self):
        """Entries of a doorbell, by what it names: (1, 0), (1, 5) and (2, 0) have a table each."""
        attach = [piotlb(1, 0), piotlb(1, 5), piotlb(2, 0), WAIT]
        for descriptor, entries in ((piotlb(1, 0, 0x5000), 1), (piotlb(1, 5), 1), (piotlb(2, 0, 0x5000, 3), 1),
                                    (iotlb(1), 2), (iotlb(2), 1), (iotlb(), 3)):
            with self.subTest(descriptor):
                result = self.replay(self.make(attach, [descriptor, WAIT]))
                self.assertEqual(result["host"]["entries"], 3 + entries)

    def test_a_bad_descriptor_is_reported_at_its_own_offset(self):
        for path, wide in ((FIRST, True), (LEGACY, False)):
            for number in (0, 100, 3334, 6570 - (not wide) - 1):
                for kind, iqei in (("illegal", TYPE), ("reserved-bit", RESERVED)):
                    for batch in ("1", "16"):
                        number &= ~1
                        with self.subTest(path, number=number, kind=kind, batch=batch):
                            result = self.replay(path, "--inject", f"{number}:{kind}", "--batch", batch)
                            (error,) = result["errors"]
                            offset = number % 256 * (32 if wide else 16)
                            self.assertEqual((error["number"], error["iqh"]), (number, offset))
                            self.assertEqual((error["fsts"], error["iqei"]), (IQE, iqei))
                            self.assertEqual((error["replaced"], result["stopped"]), (True, False))
                            self.assertEqual(sum(result["error_kinds"].values()), 1)
                            self.assertEqual(sum(result["consumed"].values()), result["commands"] + result["missing"])

    def test_an_error_behind_the_first_descriptor_leaves_linux_without_an_answer(self):
        result = self.replay(self.make([piotlb(1, 0), piotlb(1, 0, 0x1000), WAIT]), "--inject", "1:illegal", status=1)
        self.assertEqual([(e["number"], e["iqei"], e["replaced"]) for e in result["errors"]], [(1, TYPE, False)])
        self.assertTrue(result["stopped"])

    def test_the_queue_wraps_and_may_begin_in_its_middle(self):
        for wide, size in ((True, 128), (False, 256)):
            pair = [iotlb(1), WAIT]
            result = self.replay(self.make(*[pair] * 300, size=size, wide=wide, first=77), "--inject", "400:illegal")
            self.assertEqual(result["consumed"], {"iotlb": 299, "wait": 301})
            self.assertEqual(result["errors"][0]["iqh"], (77 + 400) % size * (32 if wide else 16))

    def test_a_new_queue(self):
        writer = Writer(VTD, 128, 32, "first")
        pair = [struct.pack("<QQQQ", *d, 0, 0) for d in (piotlb(1, 0), WAIT)]
        writer.events((DOORBELL, 0, pair, 64), (GAP, 2, 2), (DOORBELL, 4, pair, 6 * 32))
        writer.packets.append((SETUP, struct.pack("<QIHHQ", NO_BASE, 256, 16, 0, 0) + b"second"))
        writer.events((DOORBELL, 8, [struct.pack("<QQ", *d) for d in (iotlb(1), WAIT)], 160)).save(self.path)
        result = self.replay(self.path)
        self.assertEqual(result["consumed"], {"iotlb": 1, "pasid-iotlb": 2, "wait": 5})
        self.assertEqual(result["completed"], 5)

    def test_a_tail_that_makes_no_sense_stops_the_queue(self):
        for value, iqei in ((0x7FFF0, 6), (0x7FFE0, 1), (0x10, 6)):
            writer = Writer(VTD, 128, 32, "odd")
            pair = [struct.pack("<QQQQ", *d, 0, 0) for d in (iotlb(), WAIT)]
            writer.events((DOORBELL, 0, pair, 64), (DOORBELL, 2, [], value)).save(self.path)
            result = self.replay(self.path, status=1)
            self.assertEqual({e["iqei"] for e in result["errors"]}, {iqei})
            self.assertEqual(result["consumed"], {"iotlb": 1, "wait": 1})

    def test_text_names_what_happened(self):
        out = run("--host", "null", "--inject", "100:illegal", FIRST).stdout
        for text in ("pasid-iotlb", "invalid descriptor type", "IQH 0xc80", "(IQE)", "entries per call", "VT-d"):
            self.assertIn(text, out)
        done = run("--brief", "--host", "null", "--inject", "100:illegal", FIRST)
        self.assertIn("descriptor 100", done.stdout)
        self.assertLess(len(done.stdout.splitlines()), 12)


if __name__ == "__main__":
    unittest.main()
