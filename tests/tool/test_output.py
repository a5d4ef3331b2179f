#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the tool prints: colour where a terminal wants it, plurals, a schema number, and a reader that has seen enough."""
import json
import os
import pty
import re
import signal
import struct
import subprocess
import tempfile
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]
STRICT = os.path.join(SOURCE, "captures", "linux-7.3-arm64-smmuv3-strict-nvme.pcap")
RED = "\x1b[31m"
ESCAPE = re.compile("\x1b\\[[0-9]*m")
SYNC, ILLEGAL, FLUSH = (0x46, 0), (0xFF, 0), (5 << 48 | 0x11, 0)  # CMD_TLBI_NH_ASID


def viq(*args):
    return subprocess.run([VIQ, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False)


def on_terminal(*args, **environment):
    """What the tool prints to a terminal, and its exit status."""
    ours, its = pty.openpty()
    with subprocess.Popen([VIQ, *args], stdin=subprocess.DEVNULL, stdout=its, env={**os.environ, **environment}) as tool:
        os.close(its)
        text = b""
        try:
            while chunk := os.read(ours, 65536):
                text += chunk
        except OSError:  # it has ended
            pass
        os.close(ours)
    return text.decode().replace("\r\n", "\n"), tool.returncode


class Output(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.environ.pop("NO_COLOR", None)

    def capture(self, *commands, prods=None, name="out.pcap"):
        """A recording of a queue with these commands, and what viq record said."""
        ring, prod, out = (os.path.join(self.folder, name) for name in ("ring", "prod", name))
        with open(ring, "wb") as file:
            file.write(b"".join(struct.pack("<QQ", *command) for command in commands))
        with open(prod, "w", encoding="ascii") as file:
            file.write("".join(f"{value}\n" for value in prods or [len(commands)]))
        done = viq("record", "smmuv3-ring", ring, prod, "-o", out)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return out, done.stdout

    # --- Colour

    def wrong(self):
        """Command lines that have something wrong to say, and what is red of it."""
        capture, _ = self.capture(SYNC, ILLEGAL)
        empty = os.path.join(self.folder, "empty")
        os.makedirs(empty, exist_ok=True)
        flush, _ = self.capture(FLUSH, SYNC, name="flush.pcap")
        drop = ["replay", "--inject", "0:drop", flush]
        return ((["decode", capture], "0xff"), (drop, "  stale"), (drop, "STALE"),
                ([*drop, "--brief"], "STALE"), (["doctor", "--root", empty], "missing"))

    def test_red_is_what_is_wrong(self):
        for args, word in self.wrong():
            with self.subTest(args=args, word=word):
                plain = viq(*args)
                self.assertNotIn("\x1b", plain.stdout)
                for text, status in (on_terminal(*args), on_terminal(*args, "--color", "auto", NO_COLOR=""),
                                     on_terminal(*args, "--color=always", NO_COLOR="1")):
                    self.assertRegex(text, re.escape(RED) + "[^\x1b]*" + word)
                    self.assertEqual(status, plain.returncode)
                    self.assertEqual(len(ESCAPE.sub("", text).splitlines()), len(plain.stdout.splitlines()))
                self.assertIn(RED, viq(*args, "--color=always").stdout)
                for text, _ in (on_terminal(*args, NO_COLOR="1"), on_terminal(*args, "--color=never")):
                    self.assertNotIn("\x1b", text)

    def test_nothing_is_red_where_nothing_is_wrong(self):
        capture, _ = self.capture(SYNC)
        for args in (["decode", capture], ["replay", capture], ["replay", "--brief", capture]):
            self.assertNotIn(RED, on_terminal(*args)[0])

    def test_json_has_no_colour(self):
        for args, _ in self.wrong():
            if "--brief" not in args:
                self.assertNotIn("\x1b", on_terminal(*args, "--json", "--color=always")[0])

    def test_other_words(self):
        done = viq("decode", "--color=red", STRICT)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--color: 'red' is not auto, always or never", done.stderr)

    # --- Numbers

    def test_one_and_many(self):
        capture, said = self.capture(SYNC)
        self.assertTrue(said.endswith(": 1 doorbell, 1 entry\n"), said)
        self.assertIn(": 1 command, 1 doorbell, SMMUv3 queue", viq("replay", capture).stdout)
        self.assertIn("1 of 1 command consumed, in 1 doorbell; 1 CMD_SYNC completed",
                      viq("replay", "--brief", capture).stdout)
        capture, said = self.capture(SYNC, SYNC, prods=[1, 2])
        self.assertTrue(said.endswith(": 2 doorbells, 2 entries\n"), said)
        self.assertIn(": 2 commands, 2 doorbells, SMMUv3 queue", viq("replay", capture).stdout)

    def test_every_object_has_the_schema(self):
        capture, _ = self.capture(SYNC)
        for args in (["decode", capture], ["replay", capture], ["doctor", "--root", self.folder],
                     ["bench", "--quick", "--only", "memory"]):
            for line in viq(*args, "--json").stdout.splitlines():
                self.assertEqual(json.loads(line)["schema"], 1, args)

    # --- A reader that has seen enough

    def test_reader_that_goes_away(self):
        """No message, whatever the parent does with SIGPIPE: Python ignores it, and so would the tool."""
        with subprocess.Popen([VIQ, "decode", STRICT], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              restore_signals=False) as tool:
            tool.stdout.readline()
            tool.stdout.close()
            self.assertEqual(tool.stderr.read(), b"")
        self.assertEqual(tool.returncode, -signal.SIGPIPE)


if __name__ == "__main__":
    unittest.main()
