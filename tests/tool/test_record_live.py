#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq record live` against a real QEMU: what was queued over qtest comes back from `viq decode`."""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

VIQ = os.environ["VIQ_TOOL"]
QEMU = shutil.which("qemu-system-aarch64")

SMMU = 0x09050000
IDR0, IDR1, IDR3, IDR5 = 0x00, 0x04, 0x0C, 0x14
CR0, BASE, PROD, CONS = 0x20, 0x90, 0x98, 0x9C
RING = 0x44000000
TLBI_NH_ASID, TLBI_NH_VA, TLBI_NSNH_ALL, SYNC = 0x11, 0x12, 0x30, 0x46


class Qemu:
    """A QEMU with an SMMUv3 and no guest: qtest plays the guest."""

    def __init__(self, folder, *options):
        self.qmp_path = os.path.join(folder, "qmp")
        self.log = os.path.join(folder, "log")
        qtest_path = os.path.join(folder, "qtest")
        self.process = subprocess.Popen(
            [QEMU, "-M", "virt,iommu=smmuv3", "-nodefaults", "-display", "none",
             "-qtest", f"unix:{qtest_path},server=on,wait=off", "-qtest-log", "/dev/null",
             "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
             "-trace", "smmuv3_write_mmio", "-trace", "smmuv3_read_mmio", "-D", self.log, *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.qtest = self.connect(qtest_path)

    def connect(self, path):
        for _ in range(600):
            try:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                with sock:
                    return sock.makefile("rw")
            except OSError:
                sock.close()
                assert self.process.poll() is None, "QEMU did not start"
                time.sleep(0.05)
        raise TimeoutError(path)

    def close(self):
        self.qtest.close()
        self.process.kill()
        self.process.wait()

    def command(self, line):
        self.qtest.write(line + "\n")
        self.qtest.flush()
        answer = self.qtest.readline().split()
        while answer[0] == "IRQ":
            answer = self.qtest.readline().split()
        assert answer[0] == "OK", (line, answer)
        return answer

    def readl(self, offset):
        return int(self.command(f"readl {SMMU + offset:#x}")[1], 16)

    def writel(self, offset, value):
        self.command(f"writel {SMMU + offset:#x} {value:#x}")

    def writeq(self, offset, value):
        self.command(f"writeq {SMMU + offset:#x} {value:#x}")

    def put(self, slot, command):
        self.command(f"write {RING + 16 * slot:#x} 16 0x{command.hex()}")

    def qmp(self, command):
        with self.connect(self.qmp_path) as file:
            file.readline()
            for name in ("qmp_capabilities", command):
                file.write(json.dumps({"execute": name}))
                file.flush()
                answer = json.loads(file.readline())
                while "event" in answer:
                    answer = json.loads(file.readline())
            return answer["return"]


class Guest:
    """Queues commands and remembers what it did."""

    def __init__(self, qemu, log2size):
        self.qemu = qemu
        self.log2size = log2size
        self.prod = 0
        self.commands = []  # bytes of each
        self.doorbells = []  # (value, commands until then)
        for offset in (IDR0, IDR1, IDR3, IDR5):
            qemu.readl(offset)
        qemu.writeq(BASE, 1 << 62 | RING | log2size)
        self.ring()
        qemu.writel(CONS, 0)
        qemu.writel(CR0, 8)

    def queue(self, *commands):
        for command in commands:
            self.qemu.put(self.prod % (1 << self.log2size), command)
            self.prod = (self.prod + 1) % (2 << self.log2size)
            self.commands.append(command)

    def ring(self):
        self.qemu.writel(PROD, self.prod)
        self.doorbells.append((self.prod, len(self.commands)))


def tlbi(asid, address):
    return struct.pack("<QQ", TLBI_NH_VA | asid << 48, address | 1)


def sync():
    return struct.pack("<QQ", SYNC, 0)


class RecordLive(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = os.path.join(self.folder, "out.pcap")

    def start(self, *options):
        qemu = Qemu(self.folder, *options)
        self.addCleanup(qemu.close)
        return qemu

    def record(self, qemu):
        done = subprocess.run([VIQ, "record", "live", "--qmp", qemu.qmp_path, "--trace", qemu.log, "-o", self.out],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        out = subprocess.run([VIQ, "decode", "--json", self.out], capture_output=True, text=True, check=True).stdout
        return done.stdout, [json.loads(line) for line in out.splitlines()]

    def commands(self, objects):
        return [(o["index"] + (o["wrap"] << self.log2size), struct.pack("<QQ", *(int(w, 16) for w in o["words"])))
                for o in objects if o["type"] == "command"]

    def expected(self, guest, start=0):
        return [(i % (2 << guest.log2size), command) for i, command in enumerate(guest.commands)][start:]

    def test_what_was_queued_is_recorded(self):
        """A stopped machine stays stopped. Times are real, ID registers are there."""
        qemu = self.start("-S", "-msg", "timestamp=on")
        self.log2size = 8
        guest = Guest(qemu, 8)
        before = time.time_ns()
        guest.queue(struct.pack("<QQ", TLBI_NSNH_ALL, 0), sync())
        guest.ring()
        guest.ring()
        for i in range(20):
            guest.queue(tlbi(i, i << 12), struct.pack("<QQ", TLBI_NH_ASID | i << 48, 0), sync())
            guest.ring()
        text, objects = self.record(qemu)
        self.assertEqual(text, f"{self.out}: 23 doorbells, 62 entries\n")
        self.assertEqual(objects[0]["iommu"], "smmuv3")
        self.assertEqual((objects[0]["entries"], int(objects[0]["base"], 16)), (256, RING))
        self.assertEqual({int(o["offset"], 16): int(o["value"], 16) for o in objects if o["type"] == "read"},
                         {offset: qemu.readl(offset) for offset in (IDR0, IDR1, IDR3, IDR5)})
        self.assertEqual([(int(o["offset"], 16), int(o["value"], 16)) for o in objects if o["type"] == "write"],
                         [(BASE, 1 << 62 | RING | 8), (CONS, 0), (CR0, 8)])
        self.assertEqual(self.commands(objects), self.expected(guest))
        self.assertTrue(all(o["legal"] for o in objects if o["type"] == "command"))
        doorbells = [o for o in objects if o["type"] == "doorbell"]
        self.assertEqual([int(o["value"], 16) for o in doorbells], [value for value, _ in guest.doorbells])
        self.assertEqual([o["entries"] for o in doorbells], [0, 2, 0] + [3] * 20)
        times = [o["time_ns"] for o in doorbells]
        self.assertEqual(times, sorted(times))
        self.assertTrue(before - 10**9 < times[-1] < time.time_ns() + 10**9)
        self.assertFalse(qemu.qmp("query-status")["running"])

    def test_of_a_queue_that_went_round_the_newest_is_recorded(self):
        """A running machine runs on. 16 entries, of which 8 may be in the guest's hands: the last 8 are left."""
        qemu = self.start()
        self.log2size = 4
        guest = Guest(qemu, 4)
        for i in range(13):
            guest.queue(tlbi(i, 0), tlbi(i, 4096), sync())
            guest.ring()
        text, objects = self.record(qemu)
        self.assertEqual(self.commands(objects), self.expected(guest, 33))
        self.assertIn("begins after command 33 of 39", text)
        self.assertEqual([int(o["value"], 16) for o in objects if o["type"] == "doorbell"], [36 % 32, 39 % 32])
        self.assertTrue(qemu.qmp("query-status")["running"])

    def test_what_was_queued_before_the_queue_was_enabled_is_recorded(self):
        qemu = self.start("-S")
        self.log2size = 8
        guest = Guest(qemu, 8)
        qemu.writel(CR0, 0)
        guest.queue(tlbi(1, 0), sync())
        guest.ring()
        qemu.writel(CR0, 8)
        guest.queue(tlbi(2, 0), sync())
        guest.ring()
        _, objects = self.record(qemu)
        self.assertEqual(self.commands(objects), self.expected(guest))
        self.assertEqual([o["type"] for o in objects][-7:],
                         ["doorbell", "command", "command", "write", "command", "command", "doorbell"])

    def test_a_log_without_the_queue(self):
        qemu = self.start("-S")
        qemu.readl(IDR0)
        done = subprocess.run([VIQ, "record", "live", "--qmp", qemu.qmp_path, "--trace", qemu.log, "-o", self.out],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no write of SMMU_CMDQ_BASE", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertFalse(os.path.exists(self.out))


if __name__ == "__main__":
    if not QEMU:
        print("no qemu-system-aarch64 here: not tested")
        sys.exit(77)
    unittest.main()
