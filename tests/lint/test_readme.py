#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's example is examples/embed.c, word for word; its links lead somewhere."""
import os
import re
import unittest

SOURCE = os.environ["VIQ_SOURCE"]


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as text:
        return text.read()


class Readme(unittest.TestCase):
    def test_example(self):
        blocks = re.findall(r"^```c\n(.*?)^```$", read("README.md"), re.M | re.S)
        self.assertEqual(len(blocks), 1)
        self.assertEqual(blocks[0], read("examples", "embed.c").partition("\n")[2])

    def test_links(self):
        pages = [os.path.join(folder, name) for folder, _, names in os.walk(SOURCE) for name in names]
        pages = [os.path.relpath(page, SOURCE) for page in pages if page.endswith(".md")]
        for page in [page for page in pages if not page.startswith(("build", "subprojects", "."))]:
            for link in re.findall(r"\]\(([^)#]+)\)", read(page)):
                if not link.startswith("http"):
                    target = os.path.join(SOURCE, os.path.dirname(page), link)
                    self.assertTrue(os.path.exists(target), f"{page}: {link}")


if __name__ == "__main__":
    unittest.main()
