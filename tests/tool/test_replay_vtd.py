#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq replay` of VT-d queues: what is consumed, what the guest sees, and how its driver answers."""
import collections
import os
import struct
import unittest

from capture_bytes import DOORBELL, ENTRIES, GAP, NO_BASE, SETUP, VTD, Capture, Writer
from replay_client import Made, replay, run

SOURCE = os.environ["VIQ_SOURCE"]
FIRST = os.path.join(SOURCE, "captures", "linux-7.3-x86-vtd-firststage-nvme.pcap")
LEGACY = os.path.join(SOURCE, "captures", "linux-7.3-x86-vtd-legacy-nvme.pcap")
NAMES = {1: "context-cache", 2: "iotlb", 3: "device-tlb", 4: "interrupt-entry-cache", 5: "wait", 6: "pasid-iotlb",
         7: "pasid-cache", 8: "pasid-device-tlb"}
TYPE, RESERVED = 3, 4
IQE = 0x10
WAIT = (0x2_0000_0025, 0x1063C04)
FENCE = (0x45, 0)  # a wait descriptor without a status word


def piotlb(did, pasid, addr=None, am=0, ih=1):
    word = did << 16 | pasid << 32 | 6
    return (word | 2 << 4, 0) if addr is None else (word | 3 << 4, addr | ih << 6 | am)


def iotlb(did=None):
    return (1 << 4 | 2, 0) if did is None else (did << 16 | 2 << 4 | 2, 0)


class Replay(Made):
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


def cc(sid=None):
    return (1 << 4 | 1, 0) if sid is None else (sid << 32 | 3 << 4 | 1, 0)


def pc(did=None, pasid=None):
    if did is None:
        return 3 << 4 | 7, 0
    return (did << 16 | 7, 0) if pasid is None else (pasid << 32 | did << 16 | 1 << 4 | 7, 0)


def iotlb_page(did, addr, am=0):
    return did << 16 | 3 << 4 | 2, addr | 1 << 6 | am


def ats(addr, log2):
    """Address and size as PCIe codes them: (address bits, S)."""
    if addr is None:
        return 0x7FFFFFFFFFFFF000, 1
    return addr | (1 << log2 + 11) - 4096 if log2 else addr, int(log2 > 0)


def devtlb(sid, addr=None, log2=0):
    bits, size = ats(addr, log2)
    return sid << 32 | 3, bits | size


def pdevtlb(sid, pasid, addr=None, log2=0):
    bits, size = ats(addr, log2)
    return pasid << 32 | sid << 16 | 8, bits | size << 11


class Soft(Replay):
    """With the software VT-d: devices tell whether what was invalidated is gone."""

    def assertWitnessed(self, result, checked):
        witnesses = result["witnesses"]
        self.assertEqual([witnesses[k] for k in ("checked", "cached_before", "gone_after")], [checked] * 3)
        self.assertEqual([witnesses[k] for k in ("stale", "waiting", "skipped", "lost")], [0, 0, 0, 0])

    def pages(self, path, code):
        words = [struct.unpack_from("<QQ", entry) for _, entry in Capture(path).entries()]
        return sum(1 << (w[1] & 63) for w in words if w[0] & 15 == code and w[0] >> 4 & 3 == 3)

    def test_every_invalidated_page_was_cached_and_is_gone(self):
        for path, code in ((FIRST, 6), (LEGACY, 2)):
            # And what the global descriptors concern: the device's configuration, one page.
            pages = self.pages(path, code) + 2
            for options in ((), ("--batch", "7"), ("--budget", "1"), ("--budget", "3", "--batch", "50")):
                with self.subTest(path, options=options):
                    result = replay(path, *options)
                    self.assertEqual(result["error_count"], 0)
                    if "--batch" in options:  # a page that is named twice before its wait descriptor counts twice
                        self.assertEqual(result["witnesses"]["stale"], 0)
                        self.assertGreaterEqual(result["witnesses"]["checked"], pages - 100)
                    else:
                        self.assertWitnessed(result, pages)

    def test_every_kind_of_invalidation_has_a_witness(self):
        for wide, descriptors, checked in (
                (True, [piotlb(1, 0, 0x5000)], 1), (True, [piotlb(1, 5, 0x8000, 3)], 8), (True, [piotlb(1, 5)], 1),
                (True, [piotlb(1, 5, 0, 20)], 64), (True, [iotlb(1)], 1), (True, [iotlb(1), iotlb(2)], 2),
                (True, [piotlb(1, 0, 0x5000), WAIT, iotlb()], 2), (True, [piotlb(1, 0, 0x5000, 1), WAIT, iotlb(1)], 4),
                (True, [cc(0x10)], 1), (True, [cc(0xFFFF), piotlb(3, 0), WAIT, cc()], 4),
                (True, [pc(1, 5)], 1), (True, [piotlb(1, 0), piotlb(1, 7), WAIT, pc(1)], 4),
                (True, [piotlb(1, 0), piotlb(2, 7), WAIT, pc()], 4), (True, [pc(1, 5), WAIT, pc(1, 5), WAIT, cc()], 3),
                (True, [piotlb(1, 0, 0xFFFF_8000_0000_0000)], 1),
                (False, [iotlb_page(4, 0x5000, 2)], 4), (False, [iotlb(4)], 1), (False, [iotlb_page(4, 0x5000), iotlb()], 2),
                (False, [iotlb(4), WAIT, cc()], 2), (False, [iotlb(4), WAIT, (4 << 16 | 2 << 4 | 1, 0)], 2)):
            with self.subTest(wide=wide, descriptors=descriptors):
                doorbells = [[]]
                for descriptor in [*descriptors, WAIT]:
                    doorbells[-1].append(descriptor)
                    doorbells += [[]] * (descriptor == WAIT)
                    doorbells[-1] = list(doorbells[-1])
                result = replay(self.make(*doorbells[:-1], wide=wide, size=128 if wide else 256))
                self.assertEqual(result["error_count"], 0)
                if checked == 64:  # 2^20 pages: some of them
                    self.assertEqual(result["witnesses"]["gone_after"], 64)
                else:
                    self.assertWitnessed(result, checked)

    def test_long_runs(self):
        """Which the front end checks, and turns into entries, a block at a time."""
        for wide, descriptors, checked in ((True, [piotlb(1, 0, 0x1000 * i) for i in range(250)], 250),
                                           (True, [piotlb(1, 0, 0x4000 * i, 2) for i in range(250)], 1000),
                                           (False, [iotlb_page(4, 0x1000 * i) for i in range(250)], 250)):
            result = replay(self.make([*descriptors, WAIT], wide=wide, size=256))
            self.assertWitnessed(result, checked)

    def test_a_dropped_invalidation_is_noticed(self):
        for path, numbers in ((FIRST, (101, 6001)), (LEGACY, (102, 6000))):
            for number in numbers:
                result = replay(path, "--inject", f"{number & ~1}:drop", status=1)
                self.assertGreater(result["witnesses"]["stale"], 0)
                self.assertEqual(result["error_count"], 0)
        self.assertIn("STALE", run("--brief", "--inject", "3000:drop", FIRST).stdout)

    def test_a_refused_entry_is_reported_at_its_offset(self):
        descriptors = [piotlb(1, 0, 0x1000 * i) for i in range(100)] + [WAIT]
        result = replay(self.make(descriptors), "--inject", "0:host-illegal")
        error, witnesses = result["errors"][0], result["witnesses"]
        self.assertEqual((error["number"], error["iqh"], error["iqei"], error["replaced"]), (0, 0, RESERVED, True))
        self.assertEqual((witnesses["checked"], witnesses["lost"], witnesses["stale"]), (99, 1, 0))
        # Behind the first descriptor Linux has no answer; what came before took effect, the rest did not.
        for number in (1, 62, 63, 64, 99):
            result = replay(self.make(descriptors), "--inject", f"{number}:host-illegal", status=1)
            error = result["errors"][0]
            self.assertEqual((error["number"], error["iqh"], error["iqei"]), (number, number * 32, RESERVED))
            self.assertEqual((error["own"], error["own_cached"]), (1, 1))
            self.assertEqual((error["before"] + error["after"], error["after_cached"]), (99, 99 - number))
            self.assertEqual((error["before_gone"], result["witnesses"]["stale"]), (number, 0))

    def test_the_same_descriptor_elsewhere_is_not_refused(self):
        descriptors = [piotlb(1, 0, 0x1000)] * 20 + [WAIT]
        for batch in ("1", "4"):
            for number in (0, 3, 19):
                with self.subTest(batch=batch, number=number):
                    result = replay(self.make(descriptors, descriptors), "--batch", batch, "--inject",
                                    f"{number}:host-illegal", status=number != 0)
                    self.assertEqual([e["number"] for e in result["errors"]], [number])
                    self.assertEqual((result["error_count"], result["witnesses"]["stale"]), (1, 0))

    def test_a_bad_descriptor_of_the_guest_leaves_nothing_stale(self):
        for number in (100, 5000):
            for batch in ("1", "16"):
                result = replay(FIRST, "--inject", f"{number}:illegal", "--batch", batch)
                error, witnesses = result["errors"][0], result["witnesses"]
                self.assertEqual(error["before_gone"], error["before"])
                self.assertEqual(error["after_cached"], error["after"])
                self.assertEqual((witnesses["stale"], witnesses["lost"] > 0), (0, True))

    def test_a_host_that_fails_once_is_tried_again(self):
        for kind in ("no-memory", "hardware"):
            result = replay(FIRST, "--inject", f"3000:{kind}")
            self.assertEqual([(e["number"], e["fsts"], e["waited"]) for e in result["errors"]], [(3000, 0, True)])
            self.assertEqual((result["error_count"], result["wait_count"]), (0, 1))
            self.assertWitnessed(result, self.pages(FIRST, 6) + 2)

    def test_a_host_that_is_gone_completes_no_wait(self):
        result = replay(FIRST, "--inject", "3000:gone", status=1)
        self.assertTrue(result["stopped"])
        self.assertEqual({(e["number"], e["fsts"], e["waited"]) for e in result["errors"]}, {(3000, 0, True)})
        self.assertEqual((result["completed"], result["witnesses"]["stale"]), (1501, 0))

    def test_device_tlbs_have_witnesses(self):
        for descriptors, checked in (([devtlb(0x10, 0x5000)], 1), ([devtlb(0x10, 0x8000, 3)], 8),
                                     ([devtlb(0x10, 0x5000), WAIT, devtlb(0x10)], 2),
                                     ([devtlb(0x10, 0x4000, 1), devtlb(0x20, 0x6000)], 3),
                                     ([pdevtlb(0x10, 5, 0x8000, 2)], 4), ([pdevtlb(0x10, 5, 0x5000), WAIT, pdevtlb(0x10, 5)], 2)):
            with self.subTest(descriptors=descriptors):
                result = replay(self.make([*descriptors, WAIT]))
                self.assertEqual(result["error_count"], 0)
                self.assertWitnessed(result, checked)
        result = replay(self.make([devtlb(0x10, 0x8000, 2), WAIT], wide=False, size=256))
        self.assertWitnessed(result, 4)

    def test_a_device_that_times_out_aborts_the_wait_and_is_asked_again(self):
        for size, laps, wait in ((128, 3, WAIT), (128, 200, WAIT), (128, 3, FENCE)):
            submissions = [[piotlb(1, 0, 0x5000), WAIT], [devtlb(0x10, 0x8000, 1), wait], [piotlb(1, 0, 0x6000), WAIT]]
            path = self.make(*submissions * laps, size=size)
            number = 6 * (laps // 2) + 2
            for batch in ("1", "4"):
                with self.subTest(laps=laps, wait=wait, batch=batch):
                    result = replay(path, "--inject", f"{number}:atc-timeout", "--batch", batch)
                    (error,) = result["errors"]
                    # IQH is past the wait descriptor, whose status word was not written.
                    self.assertEqual((error["number"], error["fsts"] & 0x70), (number + 1, 0x40))
                    self.assertEqual(error["iqh"] % (size * 32), (number + 2) % size * 32)
                    self.assertEqual(result["consumed"], {"pasid-iotlb": 2 * laps, "device-tlb": laps + 1, "wait": 3 * laps + 1})
                    self.assertEqual((result["completed"], result["stopped"]), (3 * laps, False))
                    self.assertEqual([result["witnesses"][k] for k in ("stale", "waiting", "lost")], [0, 0, 0])

    def test_a_submission_whose_beginning_was_overwritten(self):
        """Nobody knows what to queue again, so nobody does, and the rest is not replayed."""
        pair = [struct.pack("<QQQQ", *d, 0, 0) for d in (devtlb(0x10, 0x8000), WAIT)]
        for before, number in ((((ENTRIES, 0, pair[:1]),), 1), (((GAP, 0, 128), (GAP, 0, 128)), 256)):
            writer = Writer(VTD, 128, 32, "made").events(*before, (DOORBELL, 0, pair, 64), (DOORBELL, 2, pair, 128))
            writer.save(self.path)
            result = replay(self.path, "--inject", f"{number}:atc-timeout", status=1)
            (error,) = result["errors"]
            self.assertEqual((error["number"], error["replaced"], result["stopped"]), (number + 1, False, True))
            self.assertEqual((result["witnesses"]["stale"], result["completed"]), (0, 0))

    def test_a_wait_must_follow(self):
        result = replay(self.make([piotlb(1, 0, 0x5000, 2)], [WAIT, piotlb(1, 0, 0x9000)]))
        self.assertEqual((result["witnesses"]["checked"], result["witnesses"]["waiting"]), (4, 1))

    def test_refusals(self):
        for options, text in ((("--inject", "0:drop", LEGACY), "descriptor 0 is interrupt-entry-cache"),
                              (("--contract", "linux-7.3", FIRST), "--contract")):
            done = run(*options)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
