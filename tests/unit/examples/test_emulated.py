#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""emulated_smmuv3 and emulated_vtd do what docs/emulated-devices.md shows: its blocks begin with "$ NAME"."""
import re
import subprocess
import sys
import unittest

PAGE, *PROGRAMS = sys.argv[1:]


class Emulated(unittest.TestCase):
    def test_output(self):
        with open(PAGE, encoding="utf-8") as page:
            shown = dict(re.findall(r"^```\n\$ (\w+)\n(.*?)^```$", page.read(), re.M | re.S))
        self.assertEqual(sorted(shown), sorted(program.rpartition("/")[2] for program in PROGRAMS))
        for program in PROGRAMS:
            done = subprocess.run([program], stdout=subprocess.PIPE, encoding="utf-8", timeout=30, check=True)
            self.assertEqual(done.stdout, shown[program.rpartition("/")[2]])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
