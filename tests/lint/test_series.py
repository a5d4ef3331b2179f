#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
integrations/linux/series can be mailed as it is: a whole series, of patches that git can read, with messages as Linux
wants them. What needs a tree of Linux is done by integrations/linux/check.sh.
"""
import glob
import os
import re
import subprocess
import unittest

LINUX = os.path.join(os.environ["VIQ_SOURCE"], "integrations", "linux")
PATCHES = sorted(glob.glob(os.path.join(LINUX, "series", "*.patch")))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def subject(text):
    return re.sub(r"\n ", " ", re.search(r"^Subject: ((?:.|\n )*)$", text, re.M)[1])


class Series(unittest.TestCase):
    def test_is_whole(self):
        self.assertTrue(PATCHES)
        for number, path in enumerate(PATCHES, 1):
            self.assertRegex(os.path.basename(path), rf"^{number:04}-")
            self.assertRegex(subject(read(path)), rf"^\[PATCH {number}/{len(PATCHES)}\] iommu[\w/-]*: [A-Z]")

    def test_git_reads_them(self):
        for path in PATCHES: # the numbers of lines in their hunks are right, among others
            with self.subTest(path):
                subprocess.run(["git", "apply", "--numstat", path], check=True, stdout=subprocess.DEVNULL)

    def test_messages(self):
        for path in PATCHES:
            message = read(path).split("\n---\n")[0]
            with self.subTest(path):
                self.assertNotIn("Signed-off-by:", message) # that is for who sends it
                body = message.partition("\n\n")[2]
                self.assertEqual([line for line in body.splitlines() if len(line) > 75 and "Fixes:" not in line], [])
                self.assertEqual("Cc: stable@" in body, "Fixes: " in body)

    def test_readme_names_each(self):
        rows = re.findall(r"^\| (\d+) \|", read(os.path.join(LINUX, "README.md")), re.M)
        self.assertEqual(rows, [str(number) for number in range(1, len(PATCHES) + 1)])

    def test_cover_letter(self):
        letter = read(os.path.join(LINUX, "cover-letter.txt"))
        self.assertEqual([line for line in letter.splitlines() if len(line) > 82], [])
        for number in range(1, len(PATCHES)): # the tests speak for themselves
            self.assertRegex(letter, rf"[Pp]atch(es)? ([\d, and]*\b)?{number}\b")


if __name__ == "__main__":
    unittest.main()
