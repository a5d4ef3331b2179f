#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The binary interface is that of abi/*.abi (libabigail): nothing is gone, moved or changed; more may have been added.

`test_abi.py --record` (`make abi`) writes the interface down anew: for a release that may change it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
BUILD = os.environ["VIQ_BUILD"]
RECORDS = os.path.join(SOURCE, "tests", "lint", "abi")
LIBRARIES = ["libviq", "libviq-soft"]
SHOW = ["--drop-private-types", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-parameter-names"]
# A struct that has its size in front may grow at its end.
GROWTH = """
[suppress_type]
  type_kind = struct
  has_data_member_inserted_at = end
"""


def write(library, path):
    subprocess.run(["abidw", *SHOW, "--headers-dir", os.path.join(SOURCE, "include"), "--out-file", path,
                    os.path.join(BUILD, "src", library + ".so")], check=True)


def compare(old, new):
    """0 and nothing, or what libabigail says of the difference."""
    with tempfile.NamedTemporaryFile("w", suffix=".suppr") as rules:
        rules.write(GROWTH)
        rules.flush()
        run = subprocess.run(["abidiff", "--no-added-syms", "--suppressions", rules.name, old, new],
                             capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


@unittest.skipUnless(shutil.which("abidiff"), "abidiff is missing")
class Abi(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)

    def now(self, library):
        path = os.path.join(self.scratch.name, library + ".abi")
        write(library, path)
        return path

    def test_nothing_recorded_has_changed(self):
        for library in LIBRARIES:
            with self.subTest(library):
                status, text = compare(os.path.join(RECORDS, library + ".abi"), self.now(library))
                self.assertEqual(status, 0, text + "\nFor a release that may change it: make abi")

    def altered(self, pattern, replacement):
        """Was the interface recorded otherwise, is the difference seen?"""
        path = self.now("libviq")
        with open(path, encoding="utf-8") as text:
            old, count = re.subn(pattern, replacement, text.read(), count=1, flags=re.S)
        self.assertEqual(count, 1, pattern)
        with open(path + ".old", "w", encoding="utf-8") as text:
            text.write(old)
        return compare(path + ".old", path)[0] != 0

    def test_breaks_are_seen(self):
        struct = r"(<class-decl name='viq_smmuv3_config' size-in-bits=')(\d+)('.*?)"
        member = r"<data-member access='public' layout-offset-in-bits='\d+'>\s*<var-decl name='NAME'.*?</data-member>"
        # A member that was there is gone; one was inserted in the middle; the struct has shrunk; a function is gone.
        self.assertTrue(self.altered(struct + "(<data-member)", r"\g<1>\g<2>\g<3><data-member access='public' "
                                     r"layout-offset-in-bits='4096'><var-decl name='gone' type-id='type-id-1' "
                                     r"visibility='default'/></data-member>\g<4>"))
        self.assertTrue(self.altered(struct + member.replace("NAME", "budget"), r"\g<1>\g<2>\g<3>"))
        self.assertTrue(self.altered(struct, r"\g<1>8192\g<3>"))
        self.assertTrue(self.altered(r"name='viq_smmuv3_run'(.*?)(?=/>)", r"name='viq_smmuv3_ran'\g<1>"))

    def test_growth_is_none(self):
        """The last member was not there before: a caller of then has a smaller size."""
        member = r"\s*<data-member access='public' layout-offset-in-bits='\d+'>\s*<var-decl name='page'[^>]*/>\s*</data-member>"
        self.assertFalse(self.altered(r"(<class-decl name='viq_smmuv3_config' size-in-bits=')\d+('(?:(?!</class-decl>).)*?)" + member,
                                      lambda m: m.group(1) + "704" + m.group(2)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        os.makedirs(RECORDS, exist_ok=True)
        for each in LIBRARIES:
            write(each, os.path.join(RECORDS, each + ".abi"))
    else:
        unittest.main()
