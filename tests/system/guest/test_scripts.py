#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The parts of make check-guest that need no virtual machine: whose line is whose, the demo's screen, the bench's table."""
import contextlib
import io
import re
import unittest

import bench
import check
import demo
import guests
import tap
import vm


class Lines(unittest.TestCase):
    RUN = ["1..1", "G| [    1.0] Kernel panic - not syncing: x", "G| 1..1", "G| ok 1 of-the-guest",
           "V| arm-smmu-v3 CMDQ timeout", "# a note", "ok 1 guest-a", tap.THE_END]

    def test_what_the_guest_says_is_not_taken_for_the_host(self):
        results, notes = tap.parse(guests.host_lines(self.RUN))
        self.assertEqual(results, [("passed", "guest-a", None), ("passed", "machine", None)])
        self.assertEqual(notes, ["a note"])

    def test_an_unwell_host_fails(self):
        for line in ("WARNING: drivers/iommu/x.c:1", "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x1)"):
            results, _ = tap.parse(guests.host_lines(self.RUN + [line]))
            self.assertEqual(results[-1][0], "failed", line)

    def test_progress(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            line = check.progress(console=False)
            for text in self.RUN + ["not ok 2 guest-b: it broke"]:
                line(text)
        said = [re.sub(r"^ +\d+ s", "T", text).strip() for text in out.getvalue().splitlines()]
        self.assertEqual(said, ["a note", "T  ok guest-a", "T  not ok guest-b"])


class Machine(unittest.TestCase):
    def test_the_firmware_tables_of_two_machines_are_not_mixed_up(self):
        self.assertNotEqual(vm.machine(), vm.machine(virtualization=True))
        self.assertIn("1024", vm.machine(1024))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def visible(text):
    """The lines that are left on a terminal."""
    lines, column = [""], 0
    for part in re.findall(r"\x1b\[K|\x1b\[\d+m|\r|\n|[^\x1b\r\n]+", text):
        if part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif part == "\r":
            column = 0
        elif part == "\n":
            lines.append("")
            column = 0
        elif not part.startswith("\x1b"):
            lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part):]
            column += len(part)
    return [line.rstrip() for line in lines]


class Screen(unittest.TestCase):
    RUN = ["noise of the host", "G| booting", "V| viq: status: 1 doorbell", "V| viq: status: 2 doorbells",
           "G| W| ask freeze", "V| viq: freeze: done", "V| viq: status: 3 doorbells", "V| viq: status: 3 doorbells",
           "G| W| ok load: fine", "G| W| end", "G| off"]

    def show(self, out):
        """Half a second passes from line to line."""
        now = iter(range(len(self.RUN) * 2))
        screen = demo.Screen(out, lambda: next(now) / 2)
        for text in self.RUN:
            screen.line(text)
        screen.end()
        return out.getvalue()

    def test_not_a_terminal(self):
        self.assertEqual(self.show(io.StringIO()).splitlines(), [
            "guest   | booting", "viq     | 1 doorbell", "program | freeze?", "VMM     | viq: freeze: done",
            "viq     | 3 doorbells", "program | load: fine", "guest   | off"])

    def test_the_status_stays_below_on_a_terminal(self):
        self.assertEqual(visible(self.show(Terminal())), [
            "guest   | booting", "program | freeze?", "VMM     | viq: freeze: done", "program | load: fine",
            "guest   | off", "viq: 3 doorbells", ""])


class Table(unittest.TestCase):
    def test_a_row_a_mode(self):
        figures = {"unmap-1": 1500.0, "unmap-16": 2000.0, "unmap-511": 1234567.0, "unmap-511-times": 10.0,
                   "unmap-511-total": 2e9, "unmap-511-ioctls": 50.0, "unmap-511-entries": 5120.0}
        *_, row = bench.table({"bulk --no-range": figures})
        self.assertEqual(row, "| bulk --no-range | 2 | 2 | 1,235 | 5.0 | 102.4 | 25 |")


if __name__ == "__main__":
    unittest.main()
