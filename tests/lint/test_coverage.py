#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/coverage: what a report of lines is judged as, and that each explanation is of lines that are there, once."""
import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/coverage"))

import coverage  # noqa: E402  pylint: disable=wrong-import-position

CODE = """int f(int a)
{
	if (a)
		return 1;
	ASSERT(a == 0);
	if (a)
		return 2;
	return 1;
}
"""
COUNTS = {3: (9, [4, 5]), 4: (4, []), 5: (5, [5, 0]), 6: (5, [5, 0]), 7: (0, []), 8: (5, [])}


class Explained(unittest.TestCase):
    def test_each_is_there_once_with_a_reason(self):
        text = (SOURCE / "tests/coverage/explained.txt").read_text()
        self.assertGreater(len(coverage.explained(text, SOURCE)), 0)
        for block in text.strip().split("\n\n"):
            self.assertRegex(block, r"\A# .")


class Tiny(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.root = pathlib.Path(self.temporary.name)
        (self.root / "src/call").mkdir(parents=True)
        (self.root / "src/call/f.c").write_text(CODE)
        self.old, coverage.ROOT = coverage.ROOT, self.root
        self.addCleanup(setattr, coverage, "ROOT", self.old)

    def judge(self, explained="", counts=None, branches=False, path="src/call/f.c"):
        """(exit status, what is printed)"""
        lines = [{"line_number": number, "count": runs, "branches": [{"count": n} for n in of_it]}
                 for number, (runs, of_it) in (counts or COUNTS).items()] + [{"line_number": 1, "count": 0, "branches": [],
                                                                              "gcovr/noncode": True}]
        (self.root / "report").write_text(json.dumps({"files": [{"file": path, "lines": lines}]}))
        with contextlib.redirect_stdout(io.StringIO()) as out:
            reasons = coverage.explained(explained, self.root)
            found = list(coverage.read_lines(self.root / "report"))
            coverage.table(found)
            return coverage.judge(found, reasons, branches), out.getvalue()

    def test_a_line_that_is_not_run(self):
        status, text = self.judge()
        self.assertEqual(status, 1)
        self.assertIn("src/call/f.c:7: not run: return 2;", text)
        self.assertRegex(text, r"src/call +5 of +6 +83\.3 % +3 of +4 +75\.0 %")
        self.assertIn("5 lines run (83.3 %), 0 explained, 1 neither", text)

    def test_a_line_that_is_explained(self):
        coverage.LEAST, least = 80, coverage.LEAST
        self.addCleanup(setattr, coverage, "LEAST", least)
        status, text = self.judge("# Why.\nsrc/call/f.c\nreturn 2;\n")
        self.assertEqual(status, 0)
        self.assertNotIn("not run", text)
        self.assertIn("1 explained, 0 neither", text)

    def test_too_much_is_explained(self):
        status, text = self.judge("# Why.\nsrc/call/f.c\nreturn 2;\n")
        self.assertEqual(status, 1)
        self.assertIn("less than 95 %", text)

    def test_explanations_that_do_not_fit(self):
        for lines, why in (("return 3;", "0 times"), ("return 1;", "2 times"), ("if (a)\nreturn 3;", "0 times")):
            with self.assertRaisesRegex(coverage.CoverageError, why):
                self.judge(f"# Why.\nsrc/call/f.c\n{lines}\n")
        self.judge("# Why.\nsrc/call/f.c\nif (a)\nreturn 2;\n")
        with self.assertRaisesRegex(coverage.CoverageError, "0 times in src/gone.c"):
            self.judge("# Why.\nsrc/gone.c\nreturn 2;\n")

    def test_branches(self):
        """That of an ASSERT() is none."""
        everything = {number: (max(runs, 1), of_it) for number, (runs, of_it) in COUNTS.items()}
        status, text = self.judge(counts=everything, branches=True)
        self.assertEqual(status, 0)
        self.assertIn("src/call/f.c:6: 1 of 2 branches: if (a)", text)
        self.assertNotIn("ASSERT", text)

    def test_a_report_of_nothing(self):
        (self.root / "src/other").mkdir()
        (self.root / "src/other/f.c").write_text(CODE)
        with self.assertRaisesRegex(coverage.CoverageError, "no line"):
            self.judge(path="src/other/f.c")


    def test_a_report_of_old_code(self):
        self.judge()
        os.utime(self.root / "src/call/f.c", (1 << 33, 1 << 33))
        with self.assertRaisesRegex(coverage.CoverageError, "f.c has changed since"):
            list(coverage.read_lines(self.root / "report"))


if __name__ == "__main__":
    unittest.main()
