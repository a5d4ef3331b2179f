#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq device vtd` end to end: what a script that plays guest and device sees over the qtest protocol."""
import os
import struct
import time
import unittest

from qtest_client import Device, Failed, Function

TOOL = os.environ["VIQ_TOOL"]
UNIT = 0xFED90000
RING, STATUS = 0x100000, 0x300000
VER, CAP, ECAP, GCMD, GSTS, FSTS, FECTL, FEDATA, FEADDR = 0x00, 0x08, 0x10, 0x18, 0x1C, 0x34, 0x38, 0x3C, 0x40
IQH, IQT, IQA, ICS, IECTL, IEDATA, IEADDR, IQERCD = 0x80, 0x88, 0x90, 0x9C, 0xA0, 0xA4, 0xA8, 0xB0
QIE, IQE, ITE, DT = 1 << 26, 0x10, 0x40, 1 << 2


def wait(slot=0, data=2, flags=0x20):
    return data << 32 | flags | 5, STATUS + 4 * slot


def devtlb(sid):
    return sid << 32 | 3, 0x7FFFFFFFFFFFF001


def iotlb():
    return 1 << 4 | 2, 0


class Unit(Device):
    """Its registers, and a queue of 32-byte (or 16-byte) descriptors."""

    def __init__(self, *options, wide=True):
        super().__init__(TOOL, *options, kind="vtd", registers=UNIT)
        self.size, self.tail = 32 if wide else 16, 0
        self.entries = 4096 // self.size
        self.writel(IQT, 0)
        self.writeq(IQA, RING | wide << 11)
        self.writel(GCMD, QIE)

    def readq(self, offset):
        return int(self.ask(f"readq {UNIT + offset:#x}"), 16)

    def rewrite(self, slot, descriptor):
        self.store(RING + slot * self.size, struct.pack("<QQQQ", *(list(descriptor) + [0, 0])[:4])[:self.size])

    def ring(self, *descriptors):
        for descriptor in descriptors:
            self.rewrite(self.tail, descriptor)
            self.tail = (self.tail + 1) % self.entries
        self.writel(IQT, self.tail * self.size)

    @property
    def head(self):
        return self.readl(IQH) // self.size

    def status(self, slot=0):
        return struct.unpack("<I", self.load(STATUS + 4 * slot, 4))[0]


class Vtd(unittest.TestCase):
    def test_memory_and_registers_are_where_qemu_has_them(self):
        with Unit("--memory", "2M") as d:
            d.store(0x1FFFF8, bytes(range(8)))
            self.assertEqual(d.load(0x1FFFFC, 8), bytes([4, 5, 6, 7, 0, 0, 0, 0]))
            d.store(0, b"low.")
            # Around the end of the address space, from nobody's bytes into memory.
            self.assertEqual(d.load(2**64 - 4, 8), b"\0\0\0\0low.")
            for address in (0x200000, UNIT - 8, UNIT + 0x1000, 0x100000000):
                d.ask(f"writeq {address:#x} -1")
                self.assertEqual(int(d.ask(f"readq {address:#x}"), 16), 0, hex(address))
            self.assertNotEqual(d.readl(VER), 0)
            self.assertEqual(d.readl(GSTS), QIE)

    def test_capabilities_are_what_the_options_say(self):
        cap, ecap = 0xD2008C222F0606, 0xF02
        with Device(TOOL, "--ver", "0x10", "--cap", hex(cap), "--ecap", hex(ecap), kind="vtd", registers=UNIT) as d:
            self.assertEqual([int(d.ask(f"readq {UNIT + o:#x}"), 16) for o in (CAP, ECAP)], [cap, ecap])
            self.assertEqual(d.readl(VER), 0x10)

    def test_a_wait_descriptor_writes_its_status(self):
        for wide in (True, False):
            with self.subTest(wide=wide), Unit(wide=wide) as d:
                d.ring(iotlb(), wait(3, 0x1234))
                self.assertEqual((d.head, d.status(3)), (2, 0x1234))
                for lap in range(d.entries):
                    d.ring(iotlb(), wait(5, lap))
                    self.assertEqual((d.head, d.status(5)), (d.tail, lap))
                self.assertEqual(d.counters()["wait"], d.entries + 1)

    def test_a_bad_descriptor_stops_the_queue_until_iqe_is_cleared(self):
        with Unit() as d:
            d.ask("irq_intercept_in ioapic")
            d.writel(FEDATA, 0x31)
            d.writel(FEADDR, 0xFEE00000)
            d.writel(FECTL, 0)
            d.ring(iotlb(), (0xF, 0), wait())
            self.assertEqual((d.head, d.readl(FSTS), d.readl(IQERCD), d.status()), (1, IQE, 3, 0))
            self.assertEqual(d.irqs, ["raise 49", "lower 49"])
            d.rewrite(1, wait(1))
            d.writel(FSTS, IQE)
            self.assertEqual((d.head, d.readl(FSTS), d.status(0), d.status(1)), (3, 0, 2, 2))

    def test_an_interrupt_message_outside_the_range_is_a_write(self):
        with Unit() as d:
            d.writel(IEDATA, 0x77)
            d.writel(IEADDR, 0x400000)
            d.writel(IECTL, 0)
            d.ring(wait(flags=0x30))
            self.assertEqual((d.readl(ICS), d.load(0x400000, 4)), (1, b"\x77\0\0\0"))

    def test_work_beyond_the_budget_is_done_between_lines(self):
        with Unit("--budget", "10") as d:
            d.ring(*[iotlb()] * 100, wait())
            while d.head != 101:
                pass
            self.assertEqual(d.status(), 2)
            self.assertGreater(d.counters()["budget_ends"], 0)

    def test_a_saved_state_goes_on_elsewhere(self):
        with Unit() as a, Unit() as b:
            a.ring((0xF, 0), iotlb(), wait())
            b.store(RING, a.load(RING, 4096))
            b.ask("viq restore " + a.ask("viq save"))
            self.assertEqual((b.head, b.readl(FSTS)), (0, IQE))
            b.rewrite(0, wait(1))
            b.writel(FSTS, IQE)
            self.assertEqual((b.head, b.status(0), b.status(1)), (3, 2, 2))
            with self.assertRaisesRegex(Failed, "not a state"):
                b.ask("viq restore 0x00112233")

class SoftHost(unittest.TestCase):
    """A script as guest and as device: one page of guest memory behind first-stage tables."""
    ROOT, CONTEXT, DIRECTORY, PASIDS, TABLES, OTHER = (0x400000 + 0x10000 * i for i in range(6))
    SID, DID, IOVA = 0x10, 7, 0x12345000
    OLD, NEW = 0x600000, 0x700000

    def map(self, d, page, tables=TABLES):
        for level, shift in enumerate((39, 30, 21)):
            slot = tables + 0x1000 * level + 8 * (self.IOVA >> shift & 511)
            d.ask(f"writeq {slot:#x} {tables + 0x1000 * (level + 1) | 0x27:#x}")
        d.ask(f"writeq {tables + 0x3000 + 8 * (self.IOVA >> 12 & 511):#x} {page | 0x67 if page else 0:#x}")

    def pasid_entry(self, d, tables):
        """First stage: PGTT = 1; for requests without PASID, since RID_PASID is 0."""
        d.store(self.PASIDS, struct.pack("<8Q", 1 << 6 | 1, self.DID, tables, 0, 0, 0, 0, 0))

    def start(self, *options):
        d = Unit("--host", "soft", "--stream", hex(self.SID), *options)
        self.addCleanup(d.__exit__, None, None, None)
        d.store(self.OLD, b"old.")
        d.store(self.NEW, b"new.")
        self.map(d, self.OLD)
        self.pasid_entry(d, self.TABLES)
        d.store(self.DIRECTORY, struct.pack("<Q", self.PASIDS | 1))
        d.store(self.CONTEXT + 32 * self.SID, struct.pack("<4Q", self.DIRECTORY | 1, 0, 0, 0))
        d.store(self.ROOT, struct.pack("<2Q", self.CONTEXT | 1, 0))
        d.writeq(0x20, self.ROOT | 1 << 10)
        d.writel(GCMD, QIE | 1 << 30)
        d.writel(GCMD, QIE | 1 << 31)
        self.assertEqual(d.readl(GSTS), QIE | 3 << 30)
        d.ring((1 << 4 | 1, 0), (3 << 4 | 7, 0), iotlb(), wait())
        self.assertEqual((d.head, d.status()), (d.tail, 2))
        return d

    def read(self, d):
        return bytes.fromhex(d.ask(f"viq dma_read {self.SID:#x} {self.IOVA:#x} 4")[2:])

    def piotlb(self, did=DID, page=0):
        return did << 16 | 3 << 4 | 6, self.IOVA + 0x1000 * page | 1 << 6

    def test_a_translation_is_stale_until_invalidated(self):
        d = self.start()
        self.assertEqual(self.read(d), b"old.")
        self.map(d, self.NEW)
        self.assertEqual(self.read(d), b"old.", "nothing was invalidated")
        d.ring(self.piotlb(self.DID + 1), wait())
        self.assertEqual(self.read(d), b"old.", "another domain was invalidated")
        d.ring(self.piotlb(), wait())
        self.assertEqual(self.read(d), b"new.")
        d.ask(f"viq dma_write {self.SID:#x} {self.IOVA + 4:#x} 4 0x{b'more'.hex()}")
        self.assertEqual(d.load(self.NEW, 8), b"new.more")

    def test_a_pci_function_goes_through_the_tables_too(self):
        d = self.start()
        f = Function(d, self.SID).enable(0x10000000)
        self.assertEqual(f.dma(self.IOVA + 8, self.OLD + 8), 0)
        self.assertEqual(f.dma(self.IOVA + 0x1000, self.OLD + 0x1000), 0xDEAD0002)
        self.assertTrue(d.readl(FSTS) & 2)

    def test_a_pasid_entry_is_cached_until_invalidated(self):
        d = self.start()
        self.map(d, self.NEW, self.OTHER)
        self.pasid_entry(d, self.OTHER)
        d.ring(self.piotlb(), wait())
        self.assertEqual(self.read(d), b"old.", "its translation was invalidated, the PASID entry was not")
        d.ring((self.DID << 16 | 1 << 4 | 7, 0), (self.DID << 16 | 2 << 4 | 6, 0), wait())
        self.assertEqual(self.read(d), b"new.")

    def test_a_dropped_invalidation_shows(self):
        d = self.start()
        self.read(d)
        self.map(d, self.NEW)
        d.ask("viq inject drop 0")
        d.ring(self.piotlb(), wait())
        self.assertEqual(self.read(d), b"old.")

    def test_faults_are_recorded(self):
        d = self.start()
        self.map(d, 0)
        with self.assertRaisesRegex(Failed, "FAIL aborted"):
            self.read(d)
        record = d.readq(0x220), d.readq(0x228)
        self.assertEqual((record[0], record[1] & 0xFFFF, record[1] >> 32 & 0xFF), (self.IOVA, self.SID, 0x71))
        self.assertEqual((record[1] >> 63, d.readl(FSTS)), (1, 2))

    def test_a_device_that_does_not_answer(self):
        """The wait descriptor behind a device-TLB invalidation that is not confirmed aborts (6.5.2.11): ITE."""
        with Unit() as plain:
            ecap = plain.readq(ECAP)
        d = self.start("--ecap", hex(ecap | DT))
        for index, times in ((0, 1), (2, 1), (1, 3)):
            with self.subTest(index=index, times=times):
                d.ask(f"viq inject atc-timeout {index} {times}")
                for fails in [False] * index + [True] * times + [False]:
                    d.store(STATUS + 28, bytes(4))
                    d.ring(self.piotlb(), devtlb(self.SID), wait(7))
                    expected = (d.tail, ITE, 0) if fails else (d.tail, 0, 2)
                    self.assertEqual((d.head, d.readl(FSTS), d.status(7)), expected)
                    d.writel(FSTS, ITE)
        d.ask("viq inject atc-timeout 0 0")
        d.ask("viq inject none 0")
        d.ring(devtlb(self.SID), wait(7))
        self.assertEqual((d.head, d.readl(FSTS)), (d.tail, 0))

    def test_a_host_failure_stops_the_queue_at_its_descriptor(self):
        d = self.start()
        d.ask("viq inject host-illegal 5 0")
        first = d.tail
        d.ring(*[self.piotlb(page=i) for i in range(10)], wait(9))
        self.assertEqual((d.head, d.readl(FSTS), d.readl(IQERCD), d.status(9)), (first + 5, IQE, 4, 0))
        d.rewrite(first + 5, wait(8))
        d.writel(FSTS, IQE)
        self.assertEqual((d.head, d.readl(FSTS), d.status(8), d.status(9)), (d.tail, 0, 2, 2))
        d.ask("viq inject no-memory 0 1")
        d.ring(self.piotlb(), wait(7))
        # Nothing that the guest does: the queue is run again by itself, perhaps between two of these reads.
        while (seen := (d.status(7), d.readl(FSTS), d.head))[2] != d.tail:
            self.assertEqual(seen, (0, 0, d.tail - 2))
            time.sleep(0.1)
        self.assertEqual((d.readl(FSTS), d.status(7)), (0, 2))
        self.assertIn("host_waits=1", d.ask("viq counters"))


if __name__ == "__main__":
    unittest.main()
