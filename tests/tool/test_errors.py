#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every error of the tool is one line that says what, where and what to do; status 1, or 2 for a bad command line; and
no output file is left behind, whole or half."""
import os
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]
STRICT = os.path.join(SOURCE, "captures", "linux-7.3-arm64-smmuv3-strict-nvme.pcap")


def pcap(*bodies, link=147):
    """A capture file of (type, body) packets."""
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)
    for number, (packet_type, body) in enumerate(bodies, 1):
        packet = struct.pack("<3sBBBH", b"VIQ", 1, 1, packet_type, 0) + body
        data += struct.pack("<IIII", 0, number * 1000, len(packet), len(packet)) + packet
    return data


SETUP = (1, struct.pack("<QIHHQ", 2**64 - 1, 8, 16, 0, 0) + b"small")
BELL = (4, struct.pack("<IIIIQQ", 1, 0, 1, 0, 0x46, 0))
SMALL = pcap(SETUP, BELL, (7, struct.pack("<QQQQ", 2, 1, 1, 0)))


class ToolErrors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = self.path("out.pcap")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def run_viq(self, *args, **options):
        return subprocess.run([VIQ, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                              **options)

    def fails(self, status, text, *args, **options):
        """Text is to be in the one line; nothing new is to be in the folder."""
        before = sorted(os.listdir(self.folder))
        done = self.run_viq(*args, **options)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, status, error)
        command = args[0] + ": " if args and args[0] in ("record", "decode", "replay", "bench", "device") else ""
        self.assertTrue(error.startswith(f"viq {command}" if command else "viq: "), error)
        self.assertTrue(error.endswith("\n") and error.count("\n") == 1, error)
        self.assertIn(text, error)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        return error

    def usage(self, text, *args):
        self.assertIn("--help'", self.fails(2, text, *args))

    # --- Command line

    def test_usage(self):
        self.usage("no command: record, decode, replay, device, doctor, bench or help;")
        self.usage("unknown command 'reply', not record, decode, replay, device, doctor, bench or help;", "reply")
        self.usage("unknown option --verbose", "--verbose")
        for command in ("record", "decode"):
            self.usage("unknown option --verbose", command, "--verbose")
            self.usage("unknown option -x", command, "-x")
            self.usage("--help=1 takes no value", command, "--help=1")
        self.usage("no file", "decode")
        self.usage("one file", "decode", "a", "b")
        self.usage("no source", "record")
        self.usage("unknown source 'tape', not smmuv3-ring, vtd-trace or live;", "record", "tape", "-o", self.out)
        self.usage("name one capture, - for standard input; two need --html;", "replay", "a", "b")
        self.usage("no subject 'disk', only bulk|", "bench", "--only", "disk")
        self.usage("unexpected 'bulk'; a subject is named with --only;", "bench", "bulk")
        self.usage("smmuv3-ring takes RING and PROD", "record", "smmuv3-ring", "a", "-o", self.out)
        self.usage("vtd-trace takes TRACE", "record", "vtd-trace", "-o", self.out)
        self.usage("live takes no operand", "record", "live", "x", "-o", self.out)
        self.usage("no output file", "record", "vtd-trace", "a")
        self.usage("-o needs a value", "record", "vtd-trace", "a", "-o")
        self.usage("--output needs a value", "record", "vtd-trace", "a", "--output")
        for option, *command in (("--inject", "replay", "a"), ("--host", "replay"), ("--socket", "device", "smmuv3"),
                                 ("--memory", "device", "vtd"), ("--only", "bench")):
            with self.subTest(option=option, command=command):
                done = self.run_viq(*command, option)
                self.assertEqual((done.returncode, done.stderr.decode()),
                                 (2, f"viq {command[0]}: {option} needs a value; try 'viq {command[0]} --help'\n"))
        # An option is no value of another; it may be one if that is said.
        self.usage("--note needs a value; if it is --log2size, write --note=--log2size; try", "record", "vtd-trace", "a",
                   "--note", "--log2size", "8", "-o", self.out)
        self.usage("-o needs a value; if it is --note, write -o--note; try", "record", "vtd-trace", "a", "-o", "--note")
        self.usage("no output file", "record", "vtd-trace", "a", "--note=--log2size")
        self.usage("live needs", "record", "live", "--qmp", "a", "-o", self.out)
        self.usage("--qmp and --trace are for live", "record", "vtd-trace", "a", "--qmp", "a", "-o", self.out)
        self.usage("--log2size is for smmuv3-ring", "record", "vtd-trace", "a", "--log2size", "8", "-o", self.out)
        self.usage("--entry-size is for vtd-trace", "record", "smmuv3-ring", "a", "b", "--entry-size", "32",
                   "-o", self.out)
        for number in ("0", "20", "x", "-1", "", "8k", "0x", " 8", "99999999999999999999999"):
            self.usage("--log2size: ", "record", "smmuv3-ring", "a", "b", "--log2size", number, "-o", self.out)
        self.usage("--entry-size: '24'", "record", "vtd-trace", "a", "--entry-size", "24", "-o", self.out)
        for register in ("0", "0=", "2=1", "x=1", "0=0x100000000", "=", "0x20000=1"):
            self.usage("--register: ", "record", "smmuv3-ring", "a", "b", "--register", register, "-o", self.out)

    def test_help_and_version(self):
        for args in (["--help"], ["--version"], ["record", "--help"], ["decode", "-h"]):
            done = self.run_viq(*args)
            self.assertEqual((done.returncode, done.stderr), (0, b""), args)
            self.assertTrue(done.stdout, args)
        self.assertIn(b"Examples:", self.run_viq("decode", "--help").stdout)
        self.assertIn(b"Examples:", self.run_viq("record", "--help").stdout)

    def test_names_stay_on_one_line(self):
        self.fails(1, "two?lines", "decode", self.path("two\nlines"))
        self.usage("unknown command 'a?b'", "a\nb")

    # --- Captures

    def test_a_small_capture_is_good(self):
        done = self.run_viq("decode", self.write("small", SMALL))
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_truncated_at_every_byte(self):
        for cut in range(len(SMALL)):
            path = self.write("small", SMALL[:cut])
            error = self.fails(1, "is empty" if not cut else "not a pcap file" if cut < 24 else "truncated", "decode",
                               path)
            where = error.split(path + ":")[1].split(":")[0]
            self.assertLessEqual(int(where), cut)

    def test_capture_that_changes_between_two_looks(self):
        """A replay reads it twice, and has made room for the queues that it saw first."""
        large = (1, struct.pack("<QIHHQ", 2**64 - 1, 4096, 16, 0, 0))
        bells = [(4, struct.pack("<IIII", at + 1024, at, 1024, 0) + struct.pack("<QQ", 0x46, 0) * 1024) for at in (0, 1024, 2048)]
        vtd = pcap((1, struct.pack("<QIHHQ", 2**64 - 1, 256, 16, 0, 0))).replace(b"VIQ\x01\x01", b"VIQ\x01\x02")
        for other in (pcap(large, *bells, (7, struct.pack("<QQQQ", 4, 3, 3072, 0))), vtd):
            first, pipe = self.write("first", SMALL), self.path("pipe")
            os.mkfifo(pipe)
            with subprocess.Popen([VIQ, "replay", "--html", self.path("page"), first, pipe], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE) as process:
                with open(pipe, "wb") as second:  # which is opened when the first has been read
                    self.write("first", other)
                    second.write(SMALL)
                self.assertIn("first: has changed while it was read", process.communicate(timeout=60)[1].decode())
            self.assertEqual(process.returncode, 1)
            os.remove(pipe)

    def test_times_that_no_clock_shows(self):
        """pcapng has 64 bits of any unit; JSON's times are nanoseconds, and not negative."""
        def block(kind, body):
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

        start = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        packet = SMALL[40:24 + 16 + struct.unpack_from("<I", SMALL, 32)[0]]
        for resolution, high, good in ((9, 0x7FFFFFFE, True), (9, 0xFFFFFFFF, False), (0, 3, False), (0, 0xFFFFFFFF, False),
                                       (None, 0xFFFFFFFF, False)):
            low = 0 if resolution is not None else 0xFFFFFFFF  # a second before 1970
            interface = block(1, struct.pack("<HHIHHII", 147, 0, 65535, 9, 1, resolution or 0, 0))
            body = struct.pack("<IIIII", 0, high, low, len(packet), len(packet)) + packet + bytes(-len(packet) % 4)
            path = self.write("ng", start + interface + block(6, body))
            self.fails(1, "no end packet" if good else "packet 1: a time that no clock shows", "decode", path)
        # A pcap file has 32 bits of seconds, to 2106.
        bell = SMALL.index(BELL[1]) - 24
        for seconds, fraction in ((2**31, 0), (2**32 - 1, 999999999), (0, 10**9), (0, 2**31)):
            path = self.write("late", SMALL[:bell] + struct.pack("<II", seconds, fraction) + SMALL[bell + 8:])
            if fraction < 10**9:
                done = self.run_viq("decode", "--json", path)
                self.assertIn(f'"time_ns":{seconds * 10**9 + fraction},', done.stdout.decode())
            else:
                self.fails(1, "packet 2: a time that no clock shows", "decode", path)

    def test_foreign_files(self):
        self.fails(1, ":0: a pcap file, but not a viq capture: link type 1,", "decode",
                   self.write("ethernet", pcap(SETUP, link=1)))
        self.fails(1, ":24: packet 1: does not begin with", "decode",
                   self.write("other", pcap(SETUP).replace(b"VIQ", b"QIV")))
        self.fails(1, ":24: packet 1: format version 2", "decode",
                   self.write("newer", SMALL.replace(b"VIQ\1", b"VIQ\2")))
        self.fails(1, ":0: not a pcap file", "decode", self.write("text", "hello, world; this is no capture\n"))
        self.fails(1, "is a directory", "decode", self.folder)
        self.fails(1, ":0: is empty; give a capture", "decode", self.write("empty", b""))
        self.fails(1, ":0: not a pcap file", "decode", self.write("short", b"abc"))
        self.fails(1, "'': cannot open: No such file", "decode", "")
        for name, magic in (("xz", b"\xfd7zXZ\0"), ("gzip", b"\x1f\x8b\x08\0")):
            for command in ("decode", "replay"):
                self.fails(1, f":0: is compressed ({name}); decompress it first, into a pipe", command,
                           self.write("packed", magic + bytes(58)))
        self.fails(1, "cannot open: No such file", "decode", self.path("missing"))
        self.fails(1, ":24: packet 1: the first packet is not", "decode", self.write("headless", pcap(BELL)))
        self.fails(1, ": data after the end", "decode", self.write("more", SMALL + pcap(SETUP)[24:]))
        self.fails(1, ": packets are missing", "decode",
                   self.write("filtered", pcap(SETUP, (7, struct.pack("<QQQQ", 2, 1, 1, 0)))))

    def test_unreadable_files(self):
        self.fails(1, "cannot read", "decode", "/proc/self/mem")
        self.fails(1, "cannot read", "record", "smmuv3-ring", "/proc/self/mem", "/proc/self/mem", "-o", self.out)
        self.fails(1, "cannot read", "record", "vtd-trace", "/proc/self/mem", "-o", self.out)
        if os.geteuid() != 0:
            path = self.write("secret", SMALL)
            os.chmod(path, 0)
            self.fails(1, "cannot open: Permission denied", "decode", path)

    def test_raw_ring(self):
        path = self.write("ring", bytes(40))
        self.fails(1, ":32: ends inside a command", "decode", "--ring", path)
        self.fails(1, "longer than", "decode", "--ring", "/dev/zero")
        self.fails(1, ":0: is a capture, not the memory of a queue; decode it without --ring", "decode", "--ring", STRICT)

    def test_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            for args in (["decode", STRICT], ["decode", "--json", STRICT], ["--help"]):
                done = subprocess.run([VIQ, *args], stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr.count(b"\n"), 1)
                self.assertIn(b"standard output: No space left", done.stderr)

    def test_socket_that_cannot_be_made(self):
        self.fails(1, "missing/socket: cannot make a socket here: No such file or directory; choose a writable", "device",
                   "smmuv3", "--socket", self.path("missing/socket"))

    # --- record smmuv3-ring

    def ring_fails(self, text, commands, prods, *options):
        ring = self.write("ring", commands if isinstance(commands, bytes) else bytes(16 * commands))
        prod = self.write("prod", prods)
        self.fails(1, text, "record", "smmuv3-ring", ring, prod, "-o", self.out, *options)

    def test_ring_and_prod_that_do_not_fit(self):
        self.ring_fails("prod:2: PROD 0x6 is beyond the 4 commands of", 4, "4\n6\n", "--log2size", "4")
        self.ring_fails("ring:64: holds 6 commands", 6, "0\n4\n", "--log2size", "4")
        self.ring_fails("prod:3: PROD goes back from 0x4 to 0x2", 4, "0\n4\n2\n", "--log2size", "4")
        self.ring_fails("prod:1: PROD 0x20 does not fit", 4, "32\n", "--log2size", "4")
        self.ring_fails("prod:3: the queue went round", 4, "2\n4\n6\n", "--log2size", "2")
        self.ring_fails("ring:64: holds 5 commands, more than a queue of 2^2", 5, "4\n", "--log2size", "2")
        self.ring_fails("ring:32: ends inside a command", bytes(40), "2\n")
        self.ring_fails("ring: is empty", 0, "0\n")
        self.ring_fails("ring:8388608: is longer", bytes((16 << 19) + 1), "0\n")
        self.ring_fails("prod: is empty", 4, "")
        self.ring_fails("prod:2: 'four' is not a PROD value", 4, "0\nfour\n")
        for bad in ("-4", "4 4", "0x100000000", ""):
            self.ring_fails("is not a PROD value", 4, f"0\n{bad}\n4\n")

    def test_rings_that_fit(self):
        for size, prods, options in ((4, "0\n4\n", []), (4, "4", []), (4, "0x2\r\n0x4\r\n", ["--log2size", "8"]),
                                     (8, "0\n4\n", ["--log2size", "3"]), (4, "2\n4\n4\n", ["--log2size", "2"])):
            ring, prod = self.write("ring", bytes(16 * size)), self.write("prod", prods)
            done = self.run_viq("record", "smmuv3-ring", ring, prod, "-o", self.out, *options)
            self.assertEqual((done.returncode, done.stderr), (0, b""), (size, prods))
            self.assertEqual(self.run_viq("decode", self.out).returncode, 0)

    def test_compressed_input(self):
        ring, prod = self.write("ring", bytes(64)), self.write("prod", "4\n")
        for name, magic in (("xz", b"\xfd7zXZ\0"), ("gzip", b"\x1f\x8b\x08\0"), ("zstd", b"\x28\xb5\x2f\xfd"),
                            ("bzip2", b"BZh9")):
            packed = self.write("packed", magic + bytes(58))
            text = f"packed:0: is compressed ({name}); decompress it first"
            self.fails(1, text, "record", "smmuv3-ring", packed, prod, "-o", self.out)
            self.fails(1, text, "record", "smmuv3-ring", ring, packed, "-o", self.out)
            self.fails(1, text, "record", "vtd-trace", packed, "-o", self.out)
            self.fails(1, text, "decode", "--ring", packed)

    # --- Output

    def record_ring(self, out):
        ring, prod = self.write("ring", bytes(64)), self.write("prod", "4\n")
        return ["record", "smmuv3-ring", ring, prod, "-o", out]

    def test_output_that_cannot_be_written(self):
        args = self.record_ring("/proc/viq/out.pcap")
        self.fails(1, "/proc/viq/out.pcap: cannot create a file here", *args)
        args = self.record_ring(self.path("missing/out.pcap"))
        self.fails(1, "cannot create a file here: No such file or directory; choose a writable", *args)
        args = self.record_ring(self.folder)
        self.fails(1, "is not a regular file", *args)
        args = self.record_ring("/dev/null")
        self.fails(1, "is not a regular file", *args)
        if os.geteuid() != 0:
            os.mkdir(self.path("closed"), 0o500)
            args = self.record_ring(self.path("closed/out.pcap"))
            self.fails(1, "cannot create a file here: Permission denied", *args)

    def test_output_that_is_an_input(self):
        for name in ("ring", "prod"):
            args = self.record_ring(self.path(name))
            self.fails(1, f"{name}: is an input of this recording", *args)

    def test_full_disk(self):
        """A file size limit stands in for it: the capture of before stays as it was."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        args = self.record_ring(self.write("out.pcap", "old"))
        self.fails(1, "out.pcap: cannot write: File too large", *args, preexec_fn=limit)
        with open(self.out, "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_bad_notes(self):
        args = self.record_ring(self.out)
        self.fails(2, "--note: not printable", *args, "--note", "two\nlines")
        self.fails(2, "--note: not printable", *args, "--note", b"\xff")
        self.fails(2, "--note: longer than 1024", *args, "--note", 1025 * "x")

    # --- record vtd-trace

    def trace_fails(self, text, *lines):
        path = self.write("trace", "".join(line + "\n" for line in lines))
        self.fails(1, text, "record", "vtd-trace", path, "-o", self.out)

    def test_bad_traces(self):
        setup, desc = "vtd_inv_qi_setup addr 0x1000 size 256", "vtd_inv_desc invalidate desc type iec high 0x0 low 0x4"
        tail = "vtd_inv_qi_tail write tail "
        self.trace_fails("has no vtd_inv_qi_setup", tail + "0", desc)
        self.trace_fails("trace:1: a vtd_inv_qi_setup that cannot be read", "vtd_inv_qi_setup addr 0x1000 size 255")
        self.trace_fails("trace: a queue of 128 descriptors of 16 bytes, which no VT-d has", setup.replace("256", "128"))
        self.trace_fails("trace: a queue of 32768 descriptors of 32 bytes", setup.replace("256", "32768"), tail + "1",
                         desc.replace("low 0x4", "low 0x6"))
        self.trace_fails("trace:2: the guest sets up another queue", setup, setup.replace("1000", "2000"))
        self.trace_fails("trace:2: a vtd_inv_qi_tail that", setup, tail + "x")
        self.trace_fails("trace:2: a tail outside", setup, tail + "256")
        self.trace_fails("trace:2: a descriptor before any tail", setup, desc)
        self.trace_fails("trace:3: a vtd_inv_desc that", setup, tail + "1", "vtd_inv_desc type iec")
        self.trace_fails("trace:2: the trace shows more descriptors", setup, tail + "1", desc, desc, tail + "2")
        self.fails(1, "cannot open", "record", "vtd-trace", self.path("missing"), "-o", self.out)

    # --- record live

    def live(self, qmp, trace):
        return ["record", "live", "--qmp", qmp, "--trace", trace, "-o", self.out]

    def test_missing_socket(self):
        log = self.write("log", "")
        self.fails(1, "qmp: cannot connect: No such file or directory; start QEMU with",
                   *self.live(self.path("qmp"), log))
        self.fails(1, "cannot connect: Connection refused", *self.live(self.write("plain", ""), log))
        self.fails(1, "too long", *self.live(self.path(200 * "x"), log))

    def serve(self, *answers):
        """A socket that gives these answers, one a message, and then hangs up."""
        path = self.path("qmp")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()

        def run():
            client = server.accept()[0]
            with server, client:
                for answer in answers[:-1]:
                    client.sendall(answer)
                    if not client.recv(4096):
                        return
                client.sendall(answers[-1])

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(os.unlink, path)
        self.addCleanup(thread.join)
        return path

    def test_socket_that_is_no_qmp(self):
        self.fails(1, "is this its -qmp socket", *self.live(self.serve(b"220 smtp.example\r\n"), self.write("log", "")))

    def test_socket_that_speaks_other_json(self):
        self.fails(1, "something other than QMP", *self.live(self.serve(b"{}"), self.write("log", "")))

    def test_qemu_that_goes_away(self):
        path = self.serve(b'{"QMP": {}}', b'{"return": {}}', b'{"event": "STOP"}')
        self.fails(1, "no QMP message", *self.live(path, self.write("log", "")))

    def test_qemu_that_goes_away_while_the_guest_is_stopped(self):
        path = self.serve(b'{"QMP": {}}', b'{"return": {}}', b'{"return": {"running": true}}', b'{"return": {}}', b"")
        log = self.write("log", "smmuv3_write_mmio addr: 0x90 val:0x8 size: 0x8(0)\n")
        self.fails(1, "the guest may be stopped: enter cont", *self.live(path, log))

    def test_qemu_that_refuses(self):
        """The guest runs on although its memory could not be saved."""
        path = self.serve(b'{"QMP": {}}', b'{"return": {}}', b'{"return": {"running": true}}', b'{"return": {}}',
                          b'{"error": {"class": "GenericError", "desc": "no such memory"}}', b'{"return": {}}')
        log = self.write("log", "smmuv3_write_mmio addr: 0x90 val:0x8 size: 0x8(0)\n")
        self.fails(1, "QEMU refuses pmemsave: no such memory", *self.live(path, log))

    def test_live_logs(self):
        path = self.serve(b'{"QMP": {}}', b'{"return": {}}')
        self.fails(1, "log: cannot open", *self.live(path, self.path("log")))

    def test_live_log_that_cannot_be_read(self):
        path = self.serve(b'{"QMP": {}}', b'{"return": {}}')
        log = self.write("log", "smmuv3_write_mmio address 0x90\n")
        self.fails(1, "log:1: a register access that cannot be read", *self.live(path, log))


if __name__ == "__main__":
    unittest.main()
