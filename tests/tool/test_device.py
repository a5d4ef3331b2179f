#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq device` end to end: what a script that plays guest and device sees over the qtest protocol."""
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from qtest_client import (CMDQ_CONS, CMDQ_PROD, CMDQEN, CR0, CR0ACK, EVENTQ_BASE, EVENTQ_CONS, EVENTQ_PROD, EVENTQEN,
                          GERROR, IRQ_CTRL, RAM, SMMU, SMMUEN, STRTAB_BASE, STRTAB_BASE_CFG, SYNC, SYNC_SEV, Device,
                          Failed, Function, Queue)

TOOL = os.environ["VIQ_TOOL"]


def nh_va(asid, va):
    return asid << 48 | 0x12, va | 1


def nh_asid(asid):
    return asid << 48 | 0x11, 0


class Machine(unittest.TestCase):
    """The address map."""

    def test_memory_and_registers_are_where_qemu_has_them(self):
        with Device(TOOL, "--memory", "1M") as d:
            d.store(RAM + 0xFFFF8, bytes(range(8)))
            # The first 4 bytes are memory's last, the others nobody's.
            self.assertEqual(d.load(RAM + 0xFFFFC, 8), bytes([4, 5, 6, 7, 0, 0, 0, 0]))
            d.store(RAM + 0xFFFFC, bytes([9] * 8))
            self.assertEqual(d.load(RAM + 0xFFFF8, 8), bytes([0, 1, 2, 3, 9, 9, 9, 9]))
            self.assertEqual(int(d.ask(f"readl {SMMU:#x}"), 16), struct.unpack("<I", d.load(SMMU, 4))[0])
            self.assertNotEqual(d.readl(0), 0)

    def test_nobodys_addresses_read_as_zero(self):
        with Device(TOOL) as d:
            for address in (0, SMMU - 8, SMMU + 0x20000, RAM - 8, RAM + (128 << 20), 2**64 - 8):
                d.ask(f"writeq {address:#x} -1")
                self.assertEqual(int(d.ask(f"readq {address:#x}"), 16), 0, hex(address))
            # Around the end of the address space.
            self.assertEqual(d.load(2**64 - 4, 8), bytes(8))
            d.ask(f"memset {2**64 - 16:#x} {2**64 - 1:#x} 0xff")
            self.assertEqual(int(d.ask(f"readq {RAM:#x}"), 16), 2**64 - 1)

    def test_an_access_is_cut_into_aligned_pieces(self):
        with Device(TOOL) as d:
            d.ask(f"write {SMMU + 0x80:#x} 12 0xc0ffee0100000000000f0100")
            self.assertEqual(int(d.ask(f"readq {SMMU + 0x80:#x}"), 16), 0x01EEFFC0)
            self.assertEqual(d.readl(0x88), 0x10F00 & 0x307FF)
            d.ask(f"writel {SMMU + 0x82:#x} -1")
            self.assertEqual(d.readl(0x80), 0x01EEFFC0)

    def test_id_registers_are_what_the_options_say(self):
        with Device(TOOL, "--idr3", "0x404", "--idr5", "0x14", "--aidr", "0") as d:
            self.assertEqual([d.readl(o) for o in (0x0C, 0x14, 0x1C)], [0x404, 0x14, 0])


class CommandQueue(unittest.TestCase):
    def test_a_doorbell_moves_cons(self):
        with Device(TOOL) as d:
            q = Queue(d)
            q.ring(nh_asid(1), SYNC)
            self.assertEqual((q.cons, q.error, q.stopped), (2, 0, False))
            q.ring(*[nh_va(1, 0x1000 * i) for i in range(254)])
            self.assertEqual(q.cons, 256)  # index 0 with the wrap flag
            q.ring(SYNC)
            self.assertEqual(q.cons, 257)
            self.assertEqual(d.counters()["TLBI_NH_VA"], 254)

    def test_an_illegal_command_stops_the_queue_until_acknowledged(self):
        with Device(TOOL) as d:
            d.ask("irq_intercept_in gic")
            d.writel(IRQ_CTRL, 5)
            q = Queue(d)
            q.ring(nh_asid(1), (0xFF, 0), nh_asid(2), SYNC)
            self.assertEqual((q.cons, q.error, q.stopped), (1, 1, True))
            self.assertEqual(d.irqs, ["raise 77", "lower 77"])
            q.ring(nh_asid(3))
            self.assertEqual(q.cons, 1, "the doorbell of a stopped queue is only stored")
            q.rewrite(1, SYNC_SEV)
            q.acknowledge()
            self.assertEqual((q.cons, q.stopped), (5, False))
            self.assertEqual(d.counters()["TLBI_NH_ASID"], 3)

    def test_sync_raises_its_interrupt(self):
        with Device(TOOL) as d:
            d.ask("irq_intercept_out smmu")
            q = Queue(d)
            q.ring((0x46 | 1 << 12, 0))
            self.assertEqual(d.irqs, ["raise 2", "lower 2"])

    def test_work_beyond_the_budget_is_done_between_lines(self):
        with Device(TOOL, "--budget", "10") as d:
            q = Queue(d)
            q.put([nh_asid(1)] * 100 + [SYNC])
            d.writel(CMDQ_PROD, q.prod)
            deadline = time.monotonic() + 20
            seen = {q.cons}
            while q.cons != 101:
                self.assertLess(time.monotonic(), deadline)
                seen.add(q.cons)
            self.assertGreater(d.counters()["budget_ends"], 0)

    def test_work_beyond_the_budget_needs_no_line(self):
        with Device(TOOL, "--budget", "1") as d:
            d.ask("irq_intercept_in gic")
            q = Queue(d)
            q.ring(*[nh_asid(1)] * 100, (0x46 | 1 << 12, 0))
            while len(d.irqs) < 2:  # raised by the run between lines: nothing was asked
                d.irqs.append(d.line()[4:])
            self.assertEqual(d.irqs, ["raise 76", "lower 76"])

    def test_a_long_doorbell_goes_through(self):
        with Device(TOOL) as d:
            q = Queue(d, log2size=17)
            count = 65536
            d.store(RAM, b"".join(struct.pack("<QQ", *nh_va(1, i << 12)) for i in range(count - 1)) +
                    struct.pack("<QQ", *SYNC))
            d.writel(CMDQ_PROD, count)
            self.assertEqual(q.cons, count)
            self.assertEqual(d.counters()["entries"], count - 1)

    def test_a_saved_state_goes_on_elsewhere(self):
        with Device(TOOL) as a, Device(TOOL) as b:
            q = Queue(a)
            q.ring((0xFF, 0), nh_asid(1), SYNC)
            b.store(RAM, a.load(RAM, 4096))
            b.ask("viq restore " + a.ask("viq save"))
            moved = Queue.__new__(Queue)
            moved.device, moved.address, moved.log2size, moved.prod = b, RAM, 8, 3
            self.assertEqual((moved.cons, moved.error, moved.stopped), (0, 1, True))
            moved.rewrite(0, SYNC)
            moved.acknowledge()
            self.assertEqual((moved.cons, moved.stopped), (3, False))
            with self.assertRaisesRegex(Failed, "not a state"):
                b.ask("viq restore 0x00112233")


class Hostile(unittest.TestCase):
    def test_extra_lines_refuse_nonsense(self):
        lines = ["viq", "viq nonsense", "viq run x", "viq run 0x100000000", "viq dma_read 0 0", "viq dma_read x 0 4",
                 "viq dma_read 0:x 0 4", "viq dma_read 0 0 0", "viq dma_read 0 0 0xffffffffffffffff",
                 "viq dma_write 0 0 4", "viq dma_read 99 0 4", "viq inject", "viq inject bad 0", "viq inject drop 0",
                 "viq restore", "viq restore zz", "viq restore 0x", "viq dma_read " + "9" * 100 + " 0 4"]
        with Device(TOOL) as d:
            for line in lines:
                with self.assertRaisesRegex(Failed, "^FAIL ", msg=line):
                    d.ask(line)
            self.assertEqual(d.ask("endianness"), "little")

    def test_end_of_file_inside_a_line_is_reported(self):
        done = subprocess.run([TOOL, "device", "smmuv3"], input=b"endianness\nwritel 0x40000000 0x1", capture_output=True,
                              timeout=20)
        self.assertEqual((done.returncode, done.stdout), (1, b"OK little\n"))
        self.assertIn(b"ended inside a line", done.stderr)

    def test_bad_options_name_what_is_wrong(self):
        for options, status, text in (
                ([], 2, "name one device"), (["amdvi"], 2, "smmuv3"), (["vtd", "--idr0", "1"], 2, "for smmuv3"),
                (["smmuv3", "--cap", "1"], 2, "for vtd"), (["vtd", "--cap", "0"], 2, "CAP.SAGAW"),
                (["vtd", "--host", "soft", "--stream", "0x10000"], 2, "0xffff"), (["smmuv3", "x"], 2, "smmuv3"),
                (["smmuv3", "--host", "linux"], 2, "--host"), (["smmuv3", "--memory", "0"], 2, "--memory"),
                (["smmuv3", "--memory", "5000"], 2, "4096"), (["smmuv3", "--memory", "M"], 2, "--memory"),
                (["smmuv3", "--idr0", "0"], 2, "IDR0"), (["smmuv3", "--idr1", "x"], 2, "--idr1"),
                (["smmuv3", "--stream", "1"], 2, "--host soft"), (["smmuv3", "--contract", "exact2"], 2, "--contract"),
                (["smmuv3", "--host", "soft", "--stream", "1", "--stream", "1"], 2, "twice"),
                (["smmuv3", "--budget"], 2, "--budget"), (["smmuv3", "--bogus"], 2, "--bogus")):
            done = subprocess.run([TOOL, "device", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=20)
            self.assertEqual(done.returncode, status, options)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(text, done.stderr)
            self.assertEqual(done.stdout, "")


class Socket(unittest.TestCase):
    def start(self, path):
        process = subprocess.Popen([TOOL, "device", "smmuv3", "--socket", path], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not os.path.exists(path):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
            time.sleep(0.005)
        return process

    def finish(self, process):
        status = process.wait(20)
        process.stderr.close()
        return status

    def connect(self, path):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        deadline = time.monotonic() + 20
        while True:
            try:
                client.connect(path)
                return client
            except ConnectionRefusedError:  # between bind and listen
                self.assertLess(time.monotonic(), deadline)

    def test_one_client_then_the_socket_is_gone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/s"
            process = self.start(path)
            with self.connect(path) as client:
                client.sendall(b"endianness\n")
                self.assertEqual(client.recv(100), b"OK little\n")
            self.assertEqual(self.finish(process), 0)
            self.assertFalse(os.path.exists(path))

    def test_a_client_that_does_not_read_blocks_nobody_but_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/s"
            process = self.start(path)
            with self.connect(path) as client:
                client.sendall(b"read 0x40000000 8000000\n")
                time.sleep(0.05)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(self.finish(process), 0)
            self.assertFalse(os.path.exists(path))

    def test_a_signal_before_the_client_removes_the_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            process = self.start(folder + "/s")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process), 0)
            self.assertEqual(os.listdir(folder), [])

    def test_paths_that_cannot_be(self):
        with tempfile.TemporaryDirectory() as folder:
            open(folder + "/file", "w").close()
            for path, text in ((folder + "/file", "exists already"), (folder + "/none/s", "cannot make a socket here: "), ("", "1 to 107"),
                               (folder + "/" + "x" * 200, "1 to 107")):
                done = subprocess.run([TOOL, "device", "smmuv3", "--socket", path], capture_output=True, text=True,
                                      timeout=20)
                self.assertEqual(done.returncode, 1)
                self.assertIn(text, done.stderr)
            self.assertEqual(os.listdir(folder), ["file"])


class SoftHost(unittest.TestCase):
    """A script as guest and as device: one page of guest memory behind stage 1."""
    CMDQ, EVENTQ, STRTAB, CD, TABLES = RAM, RAM + 0x10000, RAM + 0x20000, RAM + 0x30000, RAM + 0x40000
    SID, ASID, IOVA = 3, 7, 0x12345000

    def table(self, level):
        return self.TABLES + 0x1000 * level

    def leaf(self, page):
        """The level-3 descriptor: valid page, AP any, inner shareable, AF, nG."""
        return page | 1 << 11 | 1 << 10 | 3 << 8 | 1 << 6 | 3

    def map(self, d, page):
        shift = 39
        for level in range(3):
            slot = self.table(level) + 8 * (self.IOVA >> shift & 511)
            d.ask(f"writeq {slot:#x} {self.table(level + 1) | 3:#x}")
            shift -= 9
        d.ask(f"writeq {self.table(3) + 8 * (self.IOVA >> 12 & 511):#x} {self.leaf(page) if page else 0:#x}")

    def cd(self, d):
        valid, aa64, affs, epd1 = 1 << 31, 1 << 41, 7 << 45, 1 << 30
        word0 = self.ASID << 48 | affs | aa64 | 5 << 32 | valid | epd1 | 16
        d.store(self.CD, struct.pack("<8Q", word0, self.table(0), 0, 0xFF44, 0, 0, 0, 0))

    def guest(self, d):
        """Bring the SMMU up as a driver would; returns its command queue."""
        q = Queue(d, self.CMDQ)
        self.cd(d)
        self.map(d, RAM + 0x100000)
        d.store(self.STRTAB + 64 * self.SID, struct.pack("<8Q", self.CD | 5 << 1 | 1, 0x54, 0, 0, 0, 0, 0, 0))
        d.writeq(STRTAB_BASE, self.STRTAB)
        d.writel(STRTAB_BASE_CFG, 4)
        d.writeq(EVENTQ_BASE, self.EVENTQ | 4)
        d.writel(EVENTQ_PROD, 0)
        d.writel(EVENTQ_CONS, 0)
        d.writel(CR0, CMDQEN | EVENTQEN | SMMUEN)
        self.assertEqual(d.readl(CR0ACK), CMDQEN | EVENTQEN | SMMUEN)
        q.ring((4, 31), SYNC)
        return q

    def start(self, *options):
        return Device(TOOL, "--host", "soft", "--stream", str(self.SID), *options)

    def read(self, d, size=4):
        return bytes.fromhex(d.ask(f"viq dma_read {self.SID} {self.IOVA:#x} {size}")[2:])

    def test_dma_goes_through_the_guests_tables(self):
        with self.start() as d:
            self.guest(d)
            d.store(RAM + 0x100000, b"page")
            self.assertEqual(self.read(d), b"page")
            d.ask(f"viq dma_write {self.SID} {self.IOVA + 4:#x} 4 0x{b'more'.hex()}")
            self.assertEqual(d.load(RAM + 0x100000, 8), b"pagemore")

    def test_a_pci_function_goes_through_them_too(self):
        with self.start() as d:
            self.guest(d)
            f = Function(d, self.SID).enable(0x10000000)
            self.assertEqual(f.dma(self.IOVA + 8, RAM + 0x100008), 0)
            self.assertEqual(f.dma(self.IOVA + 0x1000, RAM + 0x101000), 0xDEAD0002)
            self.assertEqual(d.readl(EVENTQ_PROD), 1)

    def test_a_translation_is_stale_until_invalidated(self):
        with self.start() as d:
            q = self.guest(d)
            d.store(RAM + 0x100000, b"old.")
            d.store(RAM + 0x200000, b"new.")
            self.assertEqual(self.read(d), b"old.")
            self.map(d, RAM + 0x200000)
            self.assertEqual(self.read(d), b"old.", "nothing was invalidated")
            q.ring(nh_va(self.ASID + 1, self.IOVA), SYNC)
            self.assertEqual(self.read(d), b"old.", "another ASID was invalidated")
            q.ring(nh_va(self.ASID, self.IOVA), SYNC)
            self.assertEqual(self.read(d), b"new.")

    def test_an_atc_keeps_what_only_atc_inv_removes(self):
        with self.start() as d:
            ats = d.readl(0) | 1 << 10
        with self.start("--idr0", hex(ats)) as d:
            q = self.guest(d)
            d.store(self.STRTAB + 64 * self.SID + 8, struct.pack("<Q", 0x54 | 1 << 28))  # EATS
            q.ring((self.SID << 32 | 3, 1), SYNC)
            d.store(RAM + 0x100000, b"old.")
            d.store(RAM + 0x200000, b"new.")
            self.assertEqual(self.read(d), b"old.")
            self.map(d, RAM + 0x200000)
            q.ring(nh_va(self.ASID, self.IOVA), SYNC)
            self.assertEqual(self.read(d), b"old.", "the device's own cache was not told")
            d.ask("viq inject atc-timeout 0")
            q.ring((self.SID << 32 | 0x40, self.IOVA), SYNC)
            self.assertEqual((q.cons, q.error, q.stopped), (q.prod - 1, 3, True), "CERROR_ATC_INV_SYNC at the CMD_SYNC")
            q.acknowledge()
            self.assertEqual((q.cons, q.stopped), (q.prod, False))
            self.assertEqual(self.read(d), b"new.")

    def test_a_dropped_invalidation_shows(self):
        with self.start() as d:
            q = self.guest(d)
            d.store(RAM + 0x100000, b"old.")
            self.read(d)
            self.map(d, RAM + 0x200000)
            d.ask("viq inject drop 0")
            q.ring(nh_va(self.ASID, self.IOVA), SYNC)
            self.assertEqual(self.read(d), b"old.")

    def test_faults_are_recorded_as_events(self):
        with self.start() as d:
            self.guest(d)
            self.map(d, 0)
            with self.assertRaisesRegex(Failed, "FAIL aborted"):
                self.read(d)
            self.assertEqual(d.readl(EVENTQ_PROD), 1)
            record = struct.unpack("<4Q", d.load(self.EVENTQ, 32))
            self.assertEqual((record[0] & 0xFF, record[0] >> 32, record[2]), (0x10, self.SID, self.IOVA))

    def test_a_faulty_stream_table_entry_is_recorded_per_access(self):
        with self.start() as d:
            q = self.guest(d)
            d.store(self.STRTAB + 64 * self.SID, bytes(64))
            q.ring((self.SID << 32 | 3, 1), SYNC)
            for count in (1, 2):
                with self.assertRaisesRegex(Failed, "FAIL aborted"):
                    self.read(d)
                self.assertEqual(d.readl(EVENTQ_PROD), count)
            self.assertEqual(d.load(self.EVENTQ, 1), b"\x04")  # C_BAD_STE

    def test_an_asid_that_the_guest_cannot_have_is_illegal(self):
        """IDR0.ASID16 = 0: CD.ASID[15:8] makes C_BAD_CD (5.4), on a host that has 16 bits."""
        idr0 = 2 | 2 << 2 | 2 << 21 | 1 << 24 | 1 << 26 | 1 << 27
        with self.start("--idr0", hex(idr0)) as d:
            q = self.guest(d)
            d.store(RAM + 0x100000, b"page")
            self.assertEqual(self.read(d), b"page")
            d.store(self.CD + 7, b"\x01")
            q.ring((self.SID << 32 | 5, 1), SYNC)
            with self.assertRaisesRegex(Failed, "FAIL aborted"):
                self.read(d)
            self.assertEqual(d.load(self.EVENTQ, 1), b"\x0a")

    def test_a_disabled_smmu_bypasses(self):
        with self.start() as d:
            self.guest(d)
            d.writel(CR0, CMDQEN | EVENTQEN)
            d.store(RAM + 0x5000, b"flat")
            for device in (f"{self.SID}", f"{self.SID}:3"):  # substreams too (6.3.9.6)
                self.assertEqual(bytes.fromhex(d.ask(f"viq dma_read {device} {RAM + 0x5000:#x} 4")[2:]), b"flat")
            with self.assertRaisesRegex(Failed, "FAIL aborted"):
                d.ask(f"viq dma_read {self.SID} {1 << 50:#x} 4")
            self.assertEqual(d.readl(EVENTQ_PROD), 0)

    def test_a_host_failure_is_the_guests_error_at_its_index(self):
        for contract in ("exact", "linux-7.3", "linux-next"):
            with self.subTest(contract), self.start("--contract", contract) as d:
                q = self.guest(d)
                d.ask("viq inject host-illegal 5 0")
                first = q.prod
                q.ring(*[nh_va(self.ASID, 0x1000 * i) for i in range(10)], SYNC)
                self.assertEqual((q.cons, q.error, q.stopped), (first + 5, 1, True))
                q.rewrite(first + 5, SYNC_SEV)
                q.acknowledge()
                self.assertEqual((q.cons, q.stopped), (first + 11, False))


if __name__ == "__main__":
    unittest.main()
