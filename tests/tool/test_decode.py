#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq decode`: fields by name, and a mark at what the architecture, or the guest's IOMMU, does not allow."""
import json
import os
import struct
import subprocess
import tempfile
import unittest

from capture_bytes import (DOORBELL, ENTRIES, GAP, NO_BASE, READ, SMMUV3, VTD, WRITE, Writer)

VIQ = os.environ["VIQ_TOOL"]

ALL = 2**64 - 1
# Reserved bits of VT-d descriptors by type (VT-d specification 6.5.2): words 0 and 1. Words 2 and 3 are reserved whole.
# Bits that a unit may offer (PFSID with ECAP.DIT, PD with ECAP.PDS) count as defined.
VTD_RESERVED = {
    0x1: (0xFFFC00000000F1C0, ALL),
    0x2: (0xFFFFFFFF0000F100, 0xF80),
    0x3: (0x000F0000FFE001F0, 0xFFE),
    0x4: (0xFFFF000007FFF1E0, ALL),
    0x5: (0x00000000FFFFF100, 0x3),
    0x6: (0xFFF000000000F1C0, 0xF80),
    0x7: (0xFFF000000000F1C0, ALL),
    0x8: (0, 0x7FE),
    0x9: (0xFFF00000000001E0, 0xFFFFFFFFFFFFF003),
}
TYPE_BITS = 0xE0F
# A granularity that is not reserved, for the types that have one in bits 5:4.
LEGAL_G = {0x1: 1 << 4, 0x2: 3 << 4, 0x6: 3 << 4, 0x7: 1 << 4}
ILLEGAL_G = {0x1: [0], 0x2: [0], 0x6: [0, 1], 0x7: [2]}


class Decode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "file")

    def run_viq(self, *args):
        done = subprocess.run([VIQ, "decode", *args, self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def capture(self, kind, size, entry_size, *events):
        Writer(kind, size, entry_size, "a test").events(*events).save(self.path)

    def entries(self, kind, size, entry_size, entries):
        """Decode entries, 1024 a packet; their JSON objects."""
        packets = [(ENTRIES, at, entries[at:at + 1024]) for at in range(0, len(entries), 1024)]
        self.capture(kind, size, entry_size, *packets)
        return [o for o in map(json.loads, self.run_viq("--json")) if o["type"] in ("command", "descriptor")]

    # --- VT-d

    def vtd(self, *descriptors):
        return self.entries(VTD, 16384, 32, [struct.pack("<QQQQ", *(list(d) + 4 * [0])[:4]) for d in descriptors])

    def test_vtd_each_bit(self):
        """Each bit alone: marked when it is reserved, and only then."""
        cases = []
        for code, masks in VTD_RESERVED.items():
            for word in range(4):
                for bit in range(64):
                    if word == 0 and 1 << bit & (TYPE_BITS | 0x30 * (code in LEGAL_G)):
                        continue
                    words = [code | LEGAL_G.get(code, 0), 0, 0, 0]
                    words[word] |= 1 << bit
                    cases.append((words, not (masks + (ALL, ALL))[word] & 1 << bit, f"!qw{word}[{bit}]=1(reserved)"))
        for got, (words, legal, mark) in zip(self.vtd(*(words for words, _, _ in cases)), cases, strict=True):
            self.assertEqual((got["legal"], mark in got["text"], "!" in got["text"]), (legal, not legal, not legal),
                             (words, got["text"]))

    def test_vtd_types_and_granularities(self):
        cases = [(code | high << 9, high == 0 and code in VTD_RESERVED and 0 not in ILLEGAL_G.get(code, []))
                 for code in range(16) for high in range(8)]
        cases += [(code | g << 4, g not in bad) for code, bad in ILLEGAL_G.items() for g in range(4)]
        for got, (word, legal) in zip(self.vtd(*([word] for word, _ in cases)), cases, strict=True):
            self.assertEqual((got["legal"], "!" in got["text"]), (legal, not legal), (hex(word), got["text"]))

    def test_vtd_fields(self):
        cases = [
            ((0x4, 0), "interrupt-entry-cache G=0x0 IIDX=0x0"),
            ((0x1000000014, 0), "interrupt-entry-cache G=0x1 IIDX=0x10"),
            ((0x11, 0), "context-cache G=0x1 DID=0x0 SID=0x0"),
            ((0x10000000031, 0), "context-cache G=0x3 DID=0x0 SID=0x100"),
            ((0x37, 0), "pasid-cache G=0x3 DID=0x0 PASID=0x0"),
            ((0x40017, 0), "pasid-cache G=0x1 DID=0x4 PASID=0x0"),
            ((0x400E2, 0), "iotlb G=0x2 DID=0x4 ADDR=0x0 AM=0x0 DW=0x1 DR=0x1"),
            ((0x400F2, 0xFFFFD040),
             "iotlb G=0x3 DID=0x4 ADDR=0xffffd000 AM=0x0 IH=0x1 DW=0x1 DR=0x1 [0xffffd000 + 4K]"),
            ((0x40036, 0xFFDA0045),
             "pasid-iotlb G=0x3 DID=0x4 PASID=0x0 ADDR=0xffda0000 AM=0x5 IH=0x1 [0xffda0000 + 128K]"),
            ((0x40026, 0), "pasid-iotlb G=0x2 DID=0x4 PASID=0x0 ADDR=0x0 AM=0x0"),
            ((0x200000025, 0x1063C04), "wait DATA=0x2 ADDR=0x1063c04 SW=0x1"),
            ((0x1234_0000_0003, 0x2FF001), "device-tlb SID=0x1234 ADDR=0x2ff000 S=0x1 [0x200000 + 2048K]"),
            ((0x5_1234_0008, 0x2FF801),
             "pasid-device-tlb SID=0x1234 PASID=0x5 ADDR=0x2ff000 S=0x1 G=0x1 [0x200000 + 2048K]"),
            ((0x5_1234_1019, 0x18), "page-group-response RID=0x1234 PP=0x1 PASID=0x5 PRGI=0x3 RESP=0x1"),
        ]
        for got, (words, text) in zip(self.vtd(*(words for words, _ in cases)), cases, strict=True):
            self.assertEqual((got["text"], got["legal"], got["code"]), (text, True, words[0] & 15))

    def test_vtd_narrow_queue(self):
        """PASID-based descriptors need a queue of 32-byte descriptors."""
        entries = [struct.pack("<QQ", code | LEGAL_G.get(code, 0), 0) for code in VTD_RESERVED]
        for got in self.entries(VTD, 256, 16, entries):
            self.assertEqual((got["legal"], "!" in got["text"]), (got["code"] < 6, got["code"] >= 6), got["text"])
            self.assertEqual(len(got["words"]), 2)

    def test_vtd_marks_follow_the_guests_capabilities(self):
        """A device-TLB descriptor without ECAP.DT, and AM above CAP.MAMV: illegal for this guest."""
        devtlb, iotlb = struct.pack("<QQ", 0x3, 0), struct.pack("<QQ", 0x32, 19)
        cap, ecap = (READ, 0x08, 0x12008C40660480, 8), (READ, 0x10, 0xF02, 8)
        for known, legal in (((cap, ecap), False), ((cap,), True), ((), True)):
            self.capture(VTD, 256, 16, *known, (DOORBELL, 0, [devtlb, iotlb], 0x20))
            objects = [json.loads(line) for line in self.run_viq("--json")]
            self.assertEqual([o["legal"] for o in objects if o["type"] == "descriptor"], [legal, legal])

    # --- SMMUv3

    def test_smmuv3_marks_follow_the_guests_id_registers(self):
        """ATC_INV without ATS: illegal for this guest. A capture without all ID registers allows every feature."""
        atc_inv, reserved = struct.pack("<QQ", 0x40, 0), struct.pack("<QQ", 0xFF, 0)
        registers = [(READ, 0x00, 0x0D40101A), (READ, 0x04, 0x02730010), (READ, 0x0C, 0x404), (READ, 0x14, 0x74)]
        for known, legal in ((registers, False), (registers[:3], True), ([], True)):
            self.capture(SMMUV3, 256, 16, *known, (DOORBELL, 0, [atc_inv, reserved], 2))
            objects = [json.loads(line) for line in self.run_viq("--json")]
            commands = [o for o in objects if o["type"] == "command"]
            self.assertEqual([o["legal"] for o in commands], [legal, False])
            self.assertEqual([o["name"] for o in commands], ["ATC_INV", None])
            self.assertEqual("!" in commands[0]["text"], not legal)

    def test_text(self):
        """The whole layout of the text, with every kind of event; 'w' marks the queue's second round."""
        sync = struct.pack("<QQ", 0x46, 0)
        self.capture(SMMUV3, 4, 16, (READ, 0, 0x1A), (WRITE, 0x20, 8), (DOORBELL, 0, [], 0), (ENTRIES, 2, [sync, sync]),
                     (GAP, 4, 1), (DOORBELL, 5, [sync], 6))
        command = self.run_viq()[5].split(maxsplit=1)[1]
        self.assertEqual(self.run_viq(), [
            "queue    smmuv3, 4 entries of 16 bytes, no times",
            "source   a test",
            "read     0x0 is 0x1a (4 bytes)",
            "write    0x20 = 0x8 (4 bytes)",
            "doorbell CMDQ_PROD=0x0 (0 new)",
            f"      2   {command}",
            f"      3   {command}",
            "      0w  (1 not recorded)",
            f"      1w  {command}",
            "doorbell CMDQ_PROD=0x6 (4 new)",
        ])

    def test_raw_ring(self):
        with open(self.path, "wb") as file:
            file.write(struct.pack("<QQQQ", 0x30, 0, 0x46, 0))
        objects = [json.loads(line) for line in self.run_viq("--ring", "--json")]
        self.assertEqual([(o["index"], o["opcode"]) for o in objects], [(0, 0x30), (1, 0x46)])
        self.assertEqual([line.split()[:2] for line in self.run_viq("--ring")],
                         [[str(o["index"]), o["name"]] for o in objects])


if __name__ == "__main__":
    unittest.main()
