#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scripts of this folder, on invented consoles."""
import pathlib
import re
import sys
import types
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import chain  # noqa: E402
import tap  # noqa: E402

import arm  # noqa: E402

HARDWARE = types.SimpleNamespace(TOLD={"ILL": "refused"}, FAILING=re.compile("smmu: .*refused"))


class Chain(unittest.TestCase):
    """chain.py."""

    def judge(self, *lines):
        """The rows, and what has failed."""
        rows, results, _ = chain.judge(HARDWARE, ["1..1", *lines, "ok 1 a", tap.THE_END])
        return rows, [name for kind, name, _ in results if kind == "failed"]

    def test_each_row_has_its_message(self):
        row, said = "chain: ILL | 0 of 9 | EIO | ILL at 0 | yes | nothing stale", "<3>smmu: refused"
        cells = row.removeprefix("chain: ").split(" | ")
        self.assertEqual(self.judge(row, said), ([cells], []))
        self.assertEqual(self.judge(row), ([cells], ["told-ILL"]))
        self.assertEqual(self.judge(said), ([], ["told-ILL"]))
        self.assertEqual(self.judge(row, said, "BUG: bad")[1], ["machine"])

    def test_a_failure_of_several_times_has_several(self):
        row = "chain: ILL, 3 times | 0 | EIO | ILL | yes | nothing stale"
        self.assertEqual(self.judge(row, *["<3>smmu: refused"] * 3)[1], [])
        self.assertEqual(self.judge(row, *["<3>smmu: refused"] * 2)[1], ["told-ILL"])

    def test_table(self):
        self.assertEqual(chain.table([["x"] * len(chain.COLUMNS)]).split("\n")[2], "| x | x | x | x | x | x | x |")

    def test_distance(self):
        """Of 16 slots: from the head when it was armed, also round the end; the wrap flag is no part of it."""
        machine = chain.Machine(chain.Queue(head=8, shift=32, struck=0, base=0, log2=lambda base: base & 31))
        registers = {8: 0x1E << 32 | 5, 0: 4}
        commands = []
        machine.monitor = types.SimpleNamespace(
            monitor=lambda line: f"{line.split()[2]}: {registers[int(line.split()[2], 16)]:#x}",
            command=lambda name, **words: commands.append((name, words)) or [{"strikes": 2, "struck": 3}])
        machine.do_fail("1:drop")
        self.assertEqual(commands, [("x-viq-inject", {"failure": "1:drop"})])
        self.assertEqual(machine.do_strikes(), "2 5")


class Arm(unittest.TestCase):
    """What arm.py takes for a loss that was noticed."""

    def outcome(self, *lines, struck=True):
        """Of the test bare-valid."""
        results = arm.noticed(["bare-valid"], tap.parse(["1..1", *lines, tap.THE_END])[0], {"bare-valid"} if struck else set())
        self.assertEqual([name for _, name, _ in results], ["lost-bare-valid"])
        return results[0][0]

    def test_noticed(self):
        failed = "not ok 1 bare-valid: test_bare.c:1: guest_look(&guest, &bare.edu, 0) is 1, not 2"
        self.assertEqual(self.outcome(failed), "passed")
        self.assertEqual(self.outcome(failed, struck=False), "failed")
        self.assertEqual(self.outcome("ok 1 bare-valid"), "failed")
        self.assertEqual(self.outcome("not ok 1 bare-valid: vfio-pci did not take it"), "failed")
        self.assertEqual(self.outcome(), "failed")

    def test_each_that_looks_is_lost(self):
        self.assertEqual([name for name in arm.LOST if not name.startswith(tuple(arm.LOOKING.split(",")))], [])


if __name__ == "__main__":
    unittest.main()
