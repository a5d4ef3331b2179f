#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The parts of make check-kernel that need no virtual machine: firmware table, RAM disk, captures, results."""
import pathlib
import struct
import subprocess
import tempfile
import unittest

import initrd
import iort
import replay
import tap

CAPTURES = pathlib.Path(__file__).resolve().parents[3] / "captures"


def node(kind, length):
    return struct.pack("<BHB", kind, length, 0) + bytes(length - 4)


def table(*nodes, revision=3):
    """An IORT with a right checksum."""
    body = b"".join(nodes)
    whole = bytearray(iort.HEADER.pack(b"IORT", 48 + len(body), 5, 0, b"VIQ", b"TEST", revision, b"VIQ", 1))
    whole += struct.pack("<III", len(nodes), 48, 0) + body
    whole[iort.CHECKSUM] = -sum(whole) % 256
    return bytes(whole)


ITS, ROOT_COMPLEX, SMMU = node(0, 24), node(iort.ROOT_COMPLEX, 36), node(4, 68)


class Iort(unittest.TestCase):
    def test_only_the_flag_the_revision_and_the_checksum_change(self):
        old = table(ITS, ROOT_COMPLEX, SMMU)
        new = iort.patch(old)
        flags = 48 + len(ITS) + 23
        changed = {at for at, (a, b) in enumerate(zip(old, new)) if a != b}
        self.assertEqual(changed, {iort.CHECKSUM, iort.OEM_REVISION, flags})
        self.assertEqual(new[flags], 4)
        self.assertEqual(sum(new) % 256, 0)
        self.assertEqual(new[iort.OEM_REVISION], 4)

    def test_every_root_complex(self):
        new = iort.patch(table(ROOT_COMPLEX, SMMU, ROOT_COMPLEX))
        self.assertEqual([new[at + 23] for at in (48, 48 + 36 + 68)], [4, 4])

    def test_reserved_memory_may_be_remapped(self):
        # Arm DEN 0049, reserved memory range node: bit 0 of the flags is "remapping permitted".
        new = iort.patch(table(ROOT_COMPLEX, node(6, 48)))
        self.assertEqual(new[48 + 36 + 16], 1)

    def refused(self, data, why):
        with self.assertRaisesRegex(iort.IortError, why):
            iort.patch(data)

    def test_refuses_what_it_does_not_understand(self):
        good = table(ITS, ROOT_COMPLEX, SMMU)
        self.refused(b"", "too few")
        self.refused(b"XORT" + good[4:], "signature")
        self.refused(good[:-1], "it says")
        self.refused(good[:-1] + b"\1", "checksum")
        self.refused(table(ITS, SMMU), "no root complex")
        self.refused(table(node(iort.ROOT_COMPLEX, 20)), "only 20 bytes")
        self.refused(table(struct.pack("<BHB", 0, 900, 0) + bytes(20)), "cannot be 900 bytes")
        self.refused(table(struct.pack("<BHB", 0, 4, 0) + bytes(20)), "cannot be 4 bytes")


class Initrd(unittest.TestCase):
    def test_cpio_understands_it(self):
        with tempfile.TemporaryDirectory() as folder:
            archive = initrd.archive({"init": b"12345", "a/b/c": b""})
            subprocess.run(["cpio", "-i", "--quiet"], input=archive, cwd=folder, check=True)
            self.assertEqual((pathlib.Path(folder) / "init").read_bytes(), b"12345")
            self.assertEqual((pathlib.Path(folder) / "a/b/c").read_bytes(), b"")

    def test_tables_stand_in_front_uncompressed(self):
        disk = initrd.build({"init": b""}, {"iort": b"THE TABLE"})
        self.assertTrue(disk.startswith(b"070701"))
        self.assertIn(b"kernel/firmware/acpi/iort.aml\0", disk)
        self.assertIn(b"THE TABLE", disk)
        self.assertEqual(disk.index(b"\x1f\x8b") % 512, 0)


class Replay(unittest.TestCase):
    CAPTURE = CAPTURES / "linux-7.3-arm64-smmuv3-strict-nvme.pcap"

    def test_totals(self):
        flat = replay.flatten(self.CAPTURE.read_bytes())
        self.assertEqual(struct.unpack_from("<III", flat), (1 << 18, 3190, 6402))
        self.assertEqual(len(flat), 12 + 3190 * 8 + 6402 * 16)

    def test_refuses(self):
        data = self.CAPTURE.read_bytes()
        for bad in (b"", data[:5000], data[:-72], (CAPTURES / "linux-7.3-x86-vtd-legacy-nvme.pcap").read_bytes()):
            with self.assertRaises(replay.CaptureError):
                replay.flatten(bad)


GOOD = ["noise", "1..3", "ok 1 a", "# a note", "ok 2 b # SKIP no reason", "not ok 3 c: it broke", tap.THE_END]


class Tap(unittest.TestCase):
    def judge(self, lines, may_skip=()):
        """The kind and reason of the result that stands for the whole run."""
        kind, name, reason = tap.parse(lines, may_skip)[0][-1]
        self.assertEqual(name, "machine")
        return kind, reason

    def test_results(self):
        results, notes = tap.parse(GOOD, {"b": "why"})
        self.assertEqual(results, [("passed", "a", None), ("skipped", "b", "no reason"), ("failed", "c", "it broke"),
                                   ("passed", "machine", None)])
        self.assertEqual(notes, ["a note"])

    def test_a_run_that_is_not_whole_fails(self):
        for missing, why in ((1, "no test began"), (2, "result 2 came after 0"), (5, "only 2 of 3"), (6, "its end")):
            kind, reason = self.judge(GOOD[:missing] + GOOD[missing + 1:])
            self.assertEqual(kind, "failed")
            self.assertIn(why, reason)

    def test_a_skip_that_is_not_foreseen_fails(self):
        results, _ = tap.parse(GOOD, {"a": "why"})
        self.assertEqual(results[1], ("failed", "b", "may not skip: no reason"))

    def test_a_run_that_skips_all_fails(self):
        kind, reason = self.judge(["1..1", GOOD[4].replace("2", "1"), tap.THE_END], {"b": "why"})
        self.assertEqual((kind, reason), ("failed", "every test was skipped"))

    def test_an_unwell_kernel_fails(self):
        for line in ("[    1.0] WARNING: drivers/iommu/x.c:1", "Kernel panic - not syncing: x", "Internal error: Oops: 1",
                     "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x1)", "viq: killed after 9 s"):
            self.assertEqual(self.judge(GOOD + [line])[0], "failed", line)


if __name__ == "__main__":
    unittest.main()
