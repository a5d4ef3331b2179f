#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's example is examples/embed.c, word for word; links in documents lead somewhere, and names in them exist, and make's targets."""
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

    def pages(self):
        pages = [os.path.join(folder, name) for folder, _, names in os.walk(SOURCE) for name in names]
        pages = [os.path.relpath(page, SOURCE) for page in pages if page.endswith(".md")]
        return [page for page in pages if not page.startswith(("build", "subprojects", "."))]

    def test_names(self):
        headers = os.path.join(SOURCE, "include", "viq")
        known = set(re.findall(r"\bviq_\w+", "".join(read(headers, name) for name in os.listdir(headers))))
        for page in [page for page in self.pages() if page != "CHANGELOG.md"]:
            for name in re.findall(r"`(?:struct |enum )?(viq_\w*[a-z0-9])[`(.]", read(page)):
                self.assertTrue(name in known, f"{page}: {name}")

    def test_targets(self):
        known = set(re.findall(r"^([\w-]+):", read("Makefile"), re.M))
        for page in self.pages():
            for target in re.findall(r"\bmake ((?:check|demo|bench)(?:-\w+)*|prove|mutate|coverage|abi|fuzz)\b", read(page)):
                self.assertTrue(target in known, f"{page}: make {target}")

    def test_links(self):
        for page in self.pages():
            for link in re.findall(r"\]\(([^)#]+)\)", read(page)):
                if not link.startswith("http"):
                    target = os.path.join(SOURCE, os.path.dirname(page), link)
                    self.assertTrue(os.path.exists(target), f"{page}: {link}")


if __name__ == "__main__":
    unittest.main()
