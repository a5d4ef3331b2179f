#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Standard input and output, and pipes, in place of files: the same result as with files."""
import json
import os
import pty
import subprocess
import tempfile
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]
SMMUV3 = os.path.join(SOURCE, "captures", "linux-7.3-arm64-smmuv3-strict-nvme.pcap")
VTD = os.path.join(SOURCE, "captures", "linux-7.3-x86-vtd-firststage-nvme.pcap")
TRACE = """vtd_inv_qi_setup addr 0x1000 size 256
vtd_inv_qi_tail write tail 1
vtd_inv_desc invalidate desc type iec high 0x0 low 0x4
"""


def viq(*args, stdin=b""):
    """stdin comes through a pipe."""
    return subprocess.run([VIQ, *args], input=stdin, capture_output=True, timeout=60, check=False)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Pipes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def good(self, *args, stdin=b""):
        done = viq(*args, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""), args)
        return done.stdout

    def fails(self, text, *args, status=1, stdin=b""):
        done = viq(*args, stdin=stdin)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count(b"\n")), (status, b"", 1))
        self.assertIn(text, done.stderr.decode())

    def test_decode(self):
        for capture in (SMMUV3, VTD):
            self.assertEqual(self.good("decode", "-", stdin=read(capture)), self.good("decode", capture))
            with open(capture, "rb") as file:
                done = subprocess.run([VIQ, "decode", "-"], stdin=file, capture_output=True, check=True)
            self.assertEqual(done.stdout, self.good("decode", capture))
        ring = os.urandom(64)
        self.assertEqual(self.good("decode", "--ring", "-", stdin=ring),
                         self.good("decode", "--ring", self.path("ring", ring)))

    def replay(self, *args, stdin=b""):
        result = json.loads(self.good("replay", "--json", *args, stdin=stdin))
        return {key: value for key, value in result.items() if key not in ("capture", "time")}

    def test_replay_reads_twice(self):
        for capture in (SMMUV3, VTD):
            self.assertEqual(self.replay("-", stdin=read(capture)), self.replay(capture))
        with open(SMMUV3, "rb") as file:
            done = subprocess.run([VIQ, "replay", "--brief", "-"], stdin=file, capture_output=True, check=True)
        self.assertIn(b" 6402 of 6402 commands", done.stdout)

    def test_replay_from_a_named_pipe(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        with subprocess.Popen(["cp", SMMUV3, fifo]) as writer:
            self.assertEqual(self.replay(fifo), self.replay(SMMUV3))
        self.assertEqual(writer.returncode, 0)

    def test_record_through_pipes(self):
        ring, prod = self.path("ring", bytes(64)), self.path("prod", b"4\n")
        trace, out = self.path("trace", TRACE.encode()), self.path("out.pcap")
        for files, pipes in (([ring, prod], (["-", prod], bytes(64))), ([ring, prod], ([ring, "-"], b"4\n")),
                             ([trace], (["-"], TRACE.encode()))):
            source = "vtd-trace" if files == [trace] else "smmuv3-ring"
            self.good("record", source, *files, "-o", out)
            operands, stdin = pipes
            done = viq("record", source, *operands, "-o", "-", stdin=stdin)
            self.assertEqual((done.returncode, done.stdout), (0, read(out)))
            # What is told of it goes elsewhere.
            self.assertRegex(done.stderr, rb"^standard output: 1 doorbell, \d (entry|entries)\n$")
            self.assertIn(b"doorbell ", self.good("decode", "-", stdin=done.stdout))

    def test_record_writes_all_or_nothing(self):
        ring = self.path("ring", bytes(40))
        self.fails("ends inside a command", "record", "smmuv3-ring", ring, "-", "-o", "-", stdin=b"2\n")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([VIQ, "record", "vtd-trace", self.path("trace", TRACE.encode()), "-o", "-"],
                                  stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"viq record: standard output: cannot write: No space left on device\n")

    def test_errors_name_standard_input(self):
        whole = read(SMMUV3)
        for command in ("decode", "replay"):
            self.fails("standard input:0: not a pcap file", command, "-", stdin=b"hello, world; this is no capture\n")
            done = viq(command, "-", stdin=whole[:5000])
            self.assertIn(b"standard input:", done.stderr)
            self.assertIn(b"truncated", done.stderr)
            folder = os.open(self.folder, os.O_RDONLY)
            done = subprocess.run([VIQ, command, "-"], stdin=folder, capture_output=True, check=False)
            os.close(folder)
            self.assertIn(b"standard input: is a directory", done.stderr)
        self.fails("standard input: is empty", "record", "smmuv3-ring", self.path("ring", bytes(16)), "-", "-o",
                   self.path("out"))

    def test_what_cannot_be(self):
        self.fails("only one of RING and PROD can be standard input", "record", "smmuv3-ring", "-", "-", "-o", "-",
                   status=2)
        ours, its = pty.openpty()
        for args in (["decode", "-"], ["replay", "-"], ["record", "vtd-trace", "-", "-o", self.path("out")]):
            done = subprocess.run([VIQ, *args], stdin=its, capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"standard input: is a terminal; give it a file or a pipe", done.stderr)
        done = subprocess.run([VIQ, "record", "vtd-trace", os.devnull, "-o", "-"], stdout=its, stderr=subprocess.PIPE,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output is a terminal; redirect it", done.stderr)
        os.close(ours)
        os.close(its)


if __name__ == "__main__":
    unittest.main()
