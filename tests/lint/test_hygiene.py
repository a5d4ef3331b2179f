#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sources carry their licence, nothing is left marked as to be done, and text files are tidy."""
import os
import re
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
MARKS = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X)\b")  # as words: mkstemp() templates are fine
CODE = (".c", ".h", ".py", ".sh", ".map", ".lua")
TEXT = CODE + (".md", ".build", ".txt")


def files(endings):
    """Path and text of each file of the project that ends so, or is named so."""
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = [f for f in folders if f != ".git" and not (folder == SOURCE and f.startswith("build"))]
        for name in names:
            if folder == SOURCE and name.startswith("build"):
                continue  # logs
            if name.endswith(endings) or name in ("Makefile", "run"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as text:
                    yield os.path.relpath(path, SOURCE), text.read()


class Hygiene(unittest.TestCase):
    def test_no_marks(self):
        found = [f"{path}: {mark}" for path, text in files(TEXT) for mark in MARKS.findall(text)]
        self.assertEqual(found, [])

    def test_one_placeholder(self):
        """docs/contributing.md says how those for viq's home are replaced, so there is one spelling of each."""
        found = {match for _, text in files(TEXT + (".spec", "control", "changelog", "copyright"))
                 for match in re.findall(r"(?:\w+://|[\w.]+@)[\w.]+\.invalid\b[/\w]*", text)}
        self.assertEqual(found, {"https://home.invalid/viq", "viq@home.invalid"})

    def test_licence_line(self):
        found = [path for path, text in files(CODE)
                 if not any("SPDX-License-Identifier: MIT" in line for line in text.splitlines()[:3])]
        self.assertEqual(found, [])

    def test_tidy(self):
        found = []
        for path, text in files(TEXT):
            if not text.endswith("\n") or "\r" in text:
                found.append(f"{path}: line ends")
            for number, line in enumerate(text.splitlines(), 1):
                if line != line.rstrip():
                    found.append(f"{path}:{number}: space at the end")
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
