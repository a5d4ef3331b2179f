#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The part of make bench-peers that needs no virtual machine: the table."""
import unittest

import bench

COUNTS = {f"unmap-{pages}-{name}": value for pages in bench.PAGES
          for name, value in (("runs", 130), ("calls", 190), ("invalidates", 20), ("times", 20))}
VALUES = {
    ("viq", "time"): {"unmap-1": 21000, "unmap-16": 32000, "unmap-511": 1400000},
    ("viq", "instructions"): {"unmap-1": 2000, "unmap-16": 3002, "unmap-511": 40000},
    ("viq", "calls"): COUNTS | {"question-runs": 110, "question-calls": 130, "question-invalidates": 0},
}
COUNTED = "1,000 / 1,501 / 20,000 | 1.0 / 1.0 / 1.0 | 3.0 / 3.0 / 3.0 | 1.0 / 1.0 / 1.0"


class Table(unittest.TestCase):
    def rows(self, values):
        lines = list(bench.table(values))
        self.assertEqual({line.count("|") for line in lines}, {7})
        return lines[2:]

    def test_a_question_is_taken_off_and_times_are_per_unmap(self):
        self.assertEqual(self.rows(VALUES), [f"| viq | 21 / 32 / 1,400 | {COUNTED} |"])

    def test_not_timed(self):
        counted = {key: value for key, value in VALUES.items() if key[1] != "time"}
        self.assertEqual(self.rows(counted), [f"| viq |  | {COUNTED} |"])

    def test_each_vmm_once(self):
        other = {("QEMU", kind): figures for (_, kind), figures in VALUES.items()}
        self.assertEqual([row.split(" | ")[0] for row in self.rows(VALUES | other)], ["| viq", "| QEMU"])


if __name__ == "__main__":
    unittest.main()
