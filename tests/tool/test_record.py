#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq record`: the capture holds what the sources hold, and gaps where they hold nothing. For live recording a script
plays QEMU here, so that the guest can do things at the worst moment."""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from capture_bytes import DOORBELL, ENTRIES, GAP, NO_BASE, READ, SMMUV3, VTD, Capture

VIQ = os.environ["VIQ_TOOL"]
SEED = int(os.environ.get("VIQ_SEED") or 1)

IEC, WAIT, IOTLB, PASID_IOTLB = 0x4, 0x200000025, 0x400F2, 0x40036


class Record(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def record(self, *args):
        out = os.path.join(self.folder, "out.pcap")
        done = subprocess.run([VIQ, "record", *args, "-o", out], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(os.listdir(self.folder))[0], "out.pcap")
        return Capture(out)

    # --- A ring dump

    def record_ring(self, ring, prods, *options):
        prod = "".join(f"{value}\n" for value in prods)
        return self.record("smmuv3-ring", self.write("ring", ring), self.write("prod", prod), *options)

    def test_random_rings(self):
        """Queues that are used up to any point, to their very end included, dumped up to there or whole."""
        print(f"VIQ_SEED={SEED}")
        rng = random.Random(SEED)
        for _ in range(30):
            log2size = rng.randrange(1, 13)
            total = rng.choice([1 << log2size, rng.randrange(1, (1 << log2size) + 1)])
            prods = sorted(rng.choices(range(total + 1), k=rng.randrange(20))) + [total]
            ring = rng.randbytes(16 * rng.choice([total, 1 << log2size]))
            capture = self.record_ring(ring, prods, "--log2size", str(log2size))
            self.assertEqual((capture.kind, capture.size, capture.base), (SMMUV3, 1 << log2size, NO_BASE))
            self.assertEqual([e.value for e in capture.doorbells()], prods)
            self.assertEqual([e.first + e.count for e in capture.doorbells()], prods)
            self.assertEqual(b"".join(entry for _, entry in capture.entries()), ring[:16 * total])
            self.assertEqual([slot for slot, _ in capture.entries()], list(range(total)))

    def test_size_is_the_least_that_holds_the_dump(self):
        self.assertEqual(self.record_ring(bytes(16 * 5), [0, 5]).size, 8)
        self.assertEqual(self.record_ring(bytes(16 * 8), [0, 8]).size, 8)

    def test_large_doorbells_are_split(self):
        ring = random.Random(1).randbytes(16 * 2500)
        capture = self.record_ring(ring, [2500])
        self.assertEqual([(e.type, e.first, e.count, e.value) for e in capture.events],
                         [(ENTRIES, 0, 1024, 0), (ENTRIES, 1024, 1024, 0), (DOORBELL, 2048, 452, 2500)])
        self.assertEqual(b"".join(entry for _, entry in capture.entries()), ring)

    def test_note_and_registers(self):
        capture = self.record_ring(bytes(16), [1], "--note", "Größe 1", "--register", "0x4=0x2730010", "--register",
                                   "0=7")
        self.assertEqual(capture.note, "Größe 1")
        self.assertEqual([(e.offset, e.size, e.value) for e in capture.events if e.type == READ],
                         [(4, 4, 0x2730010), (0, 4, 7)])

    # --- A VT-d trace

    def record_trace(self, *lines, options=()):
        text = "".join(f"{line}\n" for line in lines)
        return self.record("vtd-trace", self.write("trace", text), *options)

    SETUP = "vtd_inv_qi_setup addr 0x109e000 size 256"

    def tail(self, index):
        return f"vtd_inv_qi_tail write tail {index}"

    def desc(self, low, high=0):
        return f"vtd_inv_desc invalidate desc type any high {high:#x} low {low:#x}"

    def shape(self, capture):
        return [(e.type, e.first, [struct.unpack_from("<Q", entry)[0] for entry in e.entries]
                 if e.type != GAP else e.count) for e in capture.events]

    def test_trace(self):
        """Other lines are skipped; a doorbell before the setup counts; IQT is a byte offset."""
        capture = self.record_trace(self.tail(0), "vtd_inv_qi_enable enabled 1", self.SETUP, self.tail(2),
                                    self.desc(IEC), "vtd_ir_enable enable 1", self.desc(WAIT, 0x1063C04), self.tail(4),
                                    self.desc(IOTLB, 0xFFFFD040), self.desc(WAIT, 0x1063C0C))
        self.assertEqual((capture.kind, capture.size, capture.entry_size, capture.base, capture.clock),
                         (VTD, 256, 16, 0x109E000, 0))
        self.assertEqual(self.shape(capture), [(DOORBELL, 0, []), (DOORBELL, 0, [IEC, WAIT]),
                                               (DOORBELL, 2, [IOTLB, WAIT])])
        self.assertEqual([e.value for e in capture.events], [0, 32, 64])
        self.assertEqual(capture.entries()[2], (2, struct.pack("<QQ", IOTLB, 0xFFFFD040)))
        self.assertEqual([e.time for e in capture.events], [2000, 3000, 4000])

    def test_width(self):
        """PASID-based descriptors need 32 bytes; otherwise the trace does not tell."""
        lines = [self.SETUP, self.tail(2), self.desc(PASID_IOTLB, 0xFFFFD040), self.desc(WAIT)]
        capture = self.record_trace(*lines)
        self.assertEqual(capture.entry_size, 32)
        self.assertEqual(capture.doorbells()[0].value, 64)
        self.assertEqual(capture.entries()[0], (0, struct.pack("<QQQQ", PASID_IOTLB, 0xFFFFD040, 0, 0)))
        lines[2] = self.desc(IEC)
        self.assertEqual(self.record_trace(*lines).entry_size, 16)
        self.assertEqual(self.record_trace(*lines, options=["--entry-size", "32"]).entry_size, 32)

    def test_gaps(self):
        """What the tail covers and no line shows: before a last wait, else at the end."""
        capture = self.record_trace(self.SETUP, self.tail(2), self.desc(WAIT), self.tail(5), self.desc(IEC),
                                    self.desc(WAIT), self.tail(7), self.desc(IEC), self.tail(10))
        self.assertEqual(self.shape(capture), [
            (GAP, 0, 1), (DOORBELL, 1, [WAIT]),
            (ENTRIES, 2, [IEC]), (GAP, 3, 1), (DOORBELL, 4, [WAIT]),
            (ENTRIES, 5, [IEC]), (GAP, 6, 1), (DOORBELL, 7, []),
            (GAP, 7, 3), (DOORBELL, 10, [])])
        self.assertEqual(capture.missing(), 6)

    def test_round_the_queue(self):
        lines, expected = [self.SETUP], []
        for i in range(200):
            lines += [self.tail((3 * i + 3) % 256), self.desc(IEC), self.desc(IOTLB, i << 12), self.desc(WAIT, i * 4)]
            expected += [struct.pack("<QQ", *words) for words in ((IEC, 0), (IOTLB, i << 12), (WAIT, i * 4))]
        entries = self.record_trace(*lines).entries()
        self.assertEqual(entries, [(i % 256, entry) for i, entry in enumerate(expected)])

    def test_times(self):
        prefix = "1234@1700000000.%06d:"
        capture = self.record_trace(prefix % 1 + self.SETUP, prefix % 2 + self.tail(1), prefix % 3 + self.desc(WAIT))
        self.assertEqual(capture.clock, 1)
        self.assertEqual(capture.times, 3 * [1700000000000002000])

    def test_times_that_no_capture_holds(self):
        """pcap has 32 bits of seconds; the product of the others with 10^9 has no 64."""
        for time, good in (("4294967295.999999", True), ("4294967296.000000", False), (f"{2**64 // 10**9 + 1}.000000", False),
                           (f"{2**64 - 1}.000000", False), ("1.18446744073709552", False)):
            for at in (0, 1) if not good else (1,):
                prefix = [f"1234@{time if i == at else '1.000000'}:" for i in range(2)]
                trace = self.write("trace", "".join(f"{line}\n" for line in (
                    self.SETUP, prefix[0] + self.tail(1), self.desc(WAIT), prefix[1] + self.tail(2), self.desc(WAIT))))
                out = os.path.join(self.folder, "out")
                done = subprocess.run([VIQ, "record", "vtd-trace", trace, "-o", out], capture_output=True, text=True,
                                      timeout=60, check=False)
                self.assertEqual(done.returncode, 0 if good else 1, done.stderr)
                self.assertEqual("2106" in done.stderr, not good)
                self.assertEqual(os.path.exists(out), good)
                if good:
                    os.remove(out)


class FakeQemu:
    """Serves one QMP client: a guest with 16 commands in a queue of 16 at 0x1000. hooks: functions called before a
    command is answered, by its name."""

    def __init__(self, folder, running, hooks):
        self.path = os.path.join(folder, "qmp")
        self.commands = []
        self.running = running
        self.hooks = hooks
        self.memory = bytes(range(256))
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen()
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        client = self.server.accept()[0]
        with self.server, client, client.makefile("rw") as file:
            file.write('{"QMP": {"version": {}, "capabilities": []}}\r\n')
            file.flush()
            decoder, text = json.JSONDecoder(), ""
            while data := client.recv(4096):
                text += data.decode()
                message, end = decoder.raw_decode(text)
                text = text[end:].lstrip()
                file.write('{"event": "RTC_CHANGE", "data": {}}\r\n' + json.dumps({"return": self.answer(message)}))
                file.flush()

    def answer(self, message):
        name = message["execute"]
        self.commands.append(name)
        self.hooks.get(name, lambda: None)()
        if name == "query-status":
            return {"running": self.running}
        if name == "pmemsave":
            arguments = message["arguments"]
            assert (arguments["val"], arguments["size"]) == (0x1000, 256)
            with open(arguments["filename"], "wb") as file:
                file.write(self.memory)
        return {}


class RecordLive(unittest.TestCase):
    LOG = "".join(f"smmuv3_write_mmio addr: {offset:#x} val:{value:#x} size: {size:#x}(0)\n"
                  for offset, value, size in ((0x90, 0x1004, 8), (0x98, 0, 4), (0x9C, 0, 4), (0x20, 8, 4)))
    BELL = "smmuv3_write_mmio addr: 0x98 val:0x%x size: 0x4(0)\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = os.path.join(self.folder, "out.pcap")
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.tmp)
        self.log(self.LOG)

    def log(self, text):
        with open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as file:
            file.write(text)

    def record(self, running=True, **hooks):
        self.qemu = FakeQemu(self.folder, running, hooks)
        self.process = subprocess.Popen(
            [VIQ, "record", "live", "--qmp", self.qemu.path, "--trace", os.path.join(self.folder, "log"),
             "-o", self.out],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, TMPDIR=self.tmp))
        self.qemu.thread.start()  # not before: a hook may need the process
        self.stdout, self.stderr = self.process.communicate(timeout=60)
        self.qemu.thread.join()
        self.assertEqual(os.listdir(self.tmp), [])
        return self.process.returncode

    def bells(self):
        self.assertEqual((self.stderr, self.process.returncode), (b"", 0))
        return [(e.value, e.first, b"".join(e.entries)) for e in Capture(self.out).doorbells()]

    def test_doorbells_until_the_guest_has_stopped_count(self):
        """A line that is half written when the log is read first, and more lines before the guest stands still."""
        bell = self.BELL % 2
        self.log(bell[:30])
        self.record(stop=lambda: self.log(bell[30:] + self.BELL % 5))
        self.assertEqual(self.bells(), [(0, 0, b""), (2, 0, bytes(range(32))), (5, 2, bytes(range(32, 80)))])
        self.assertEqual(self.qemu.commands, ["qmp_capabilities", "query-status", "stop", "pmemsave", "cont"])

    def test_a_stopped_guest_stays_stopped(self):
        self.log(self.BELL % 2)
        self.record(running=False)
        self.assertEqual(self.bells()[1:], [(2, 0, bytes(range(32)))])
        self.assertEqual(self.qemu.commands, ["qmp_capabilities", "query-status", "pmemsave"])

    def test_ctrl_c_does_not_leave_the_guest_stopped(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.assertEqual(self.record(pmemsave=lambda: self.process.send_signal(number)), -number)
            self.assertEqual(self.qemu.commands[-1], "cont")
            self.assertFalse(os.path.exists(self.out))
            os.unlink(self.qemu.path)

    def test_errors_do_not_leave_the_guest_stopped(self):
        self.assertEqual(self.record(stop=lambda: self.log("smmuv3_write_mmio what\n")), 1)
        self.assertEqual(self.qemu.commands[-1], "cont")
        os.unlink(self.qemu.path)

    def test_a_new_queue_replaces_the_old(self):
        self.log(self.BELL % 7 + self.LOG + self.BELL % 1)
        self.record()
        self.assertEqual(self.bells()[-1], (1, 0, bytes(range(16))))
        self.assertEqual(len(self.bells()), 2)

    def test_a_doorbell_that_makes_no_sense_names_no_commands(self):
        """Farther ahead than the queue is long, or with bits that the queue has no use for."""
        self.log(self.BELL % 2 + self.BELL % 20 + self.BELL % 0x80 + self.BELL % 4)
        self.record()
        self.assertEqual(self.bells()[1:], [(2, 0, bytes(range(32))), (20, 2, b""), (0x80, 2, b""),
                                            (4, 2, bytes(range(32, 64)))])

    def test_the_queue_may_begin_anywhere(self):
        """PROD and CONS are set to 14 before the queue is enabled; commands go over its end."""
        os.unlink(os.path.join(self.folder, "log"))
        self.log(self.LOG.replace("0x98 val:0x0", "0x98 val:0xe").replace("0x9c val:0x0", "0x9c val:0xe"))
        self.log(self.BELL % 17)
        self.record()
        self.assertEqual(self.bells(), [(14, 0, b""), (17, 14, bytes(range(224, 256)) + bytes(range(16)))])

    def test_a_smaller_queue_after_a_larger(self):
        """CONS of the larger one is beyond the smaller one's end."""
        larger = self.LOG.replace("0x1004", "0x1008")
        os.unlink(os.path.join(self.folder, "log"))
        self.log((larger + self.LOG.split("\n")[0] + "\n").replace("0x9c val:0x0", "0x9c val:0x83") + self.BELL % 5)
        self.record()
        self.assertEqual(self.bells(), [(5, 3, bytes(range(48, 80)))])

    def test_base_in_two_halves(self):
        """4-byte writes of CMDQ_BASE."""
        halves = "".join(self.BELL.replace("0x98", offset) % value for offset, value in (("0x90", 0x1004), ("0x94", 0)))
        self.log(halves + self.LOG.split("\n", 1)[1] + self.BELL % 1)
        self.record()
        self.assertEqual(self.bells()[-1], (1, 0, bytes(range(16))))


if __name__ == "__main__":
    unittest.main()
