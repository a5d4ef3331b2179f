#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every constant of the public headers is an enumerator or a plain literal: bindgen, cffi and their like keep no other.

A mask has its bits beside it in brackets, as the specification gives them: "0xc0UL /* [7:6] */".
"""
import glob
import os
import re
import unittest

INCLUDE = os.path.join(os.environ["VIQ_SOURCE"], "include", "viq")
# What is no constant: the guard of a header, and what stands before a function.
NO_CONSTANT = re.compile(r"VIQ_\w+_H|VIQ_EXPORT|VIQ_MUST_CHECK")
LITERAL = re.compile(r'(0x[0-9a-f]+|[0-9]+)(|u|UL)|"[^"]*"')
# 64-bit values that are no fields.
NO_MASK = {"VIQ_VTD_MSI_FIRST", "VIQ_VTD_MSI_LAST", "VIQ_VTD_S1_ALL"}


def constants():
    """Name, value and comment of every macro without arguments, continuation lines joined."""
    for path in sorted(glob.glob(os.path.join(INCLUDE, "*.h"))):
        with open(path, encoding="utf-8") as header:
            text = header.read().replace("\\\n", " ")
        for name, rest in re.findall(r"^#\s*define (VIQ_\w+)(?!\()\b(.*)$", text, re.M):
            value, _, comment = rest.partition("/*")
            if not NO_CONSTANT.fullmatch(name):
                yield name, value.strip(), comment


def mask_of(bits):
    mask = 0
    for field in bits.split(", "):
        high, _, low = field.partition(":")
        mask |= (2 << int(high)) - (1 << int(low or high))
    return mask


class Constants(unittest.TestCase):
    def test_literals(self):
        found = list(constants())
        self.assertGreater(len(found), 700, "the headers have more constants than this test finds")
        self.assertEqual([name for name, value, _ in found if not LITERAL.fullmatch(value)], [])

    def test_masks(self):
        masks = 0
        for name, value, comment in constants():
            bits = re.match(r" \[([0-9:, ]+)\]", comment)
            if bits:
                self.assertEqual(value, f"{mask_of(bits[1]):#x}UL", name)
                masks += 1
            else:
                self.assertFalse(value.endswith("UL") and name not in NO_MASK, f"{name}: which bits are these?")
        self.assertGreater(masks, 400)

    def test_version(self):
        """The five constants of the version agree."""
        value = {name: value for name, value, _ in constants() if name.startswith("VIQ_VERSION")}
        parts = [value[f"VIQ_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(value["VIQ_VERSION_STRING"], f'"{".".join(parts)}"')
        self.assertEqual(value["VIQ_VERSION"], "0x" + "".join(f"{int(part):02x}" for part in parts))


if __name__ == "__main__":
    unittest.main()
