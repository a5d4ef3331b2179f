#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared libraries export exactly what the public headers declare, and need only what the README promises."""
import os
import re
import subprocess
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
BUILD = os.environ["VIQ_BUILD"]

HEADERS = {
    "libviq-soft.so": ["soft.h", "soft_smmuv3.h", "soft_vtd.h"],
    "libviq.so": [
        "call.h",
        "fault.h",
        "linux.h",
        "linux_host.h",
        "linux_smmuv3.h",
        "linux_vtd.h",
        "mem.h",
        "nest_smmuv3.h",
        "nest_vtd.h",
        "smmuv3.h",
        "version.h",
        "vtd.h",
    ],
}
with open(os.path.join(SOURCE, "include", "viq", "version.h"), encoding="utf-8") as header:
    major, minor, patch = re.findall(r"^#define VIQ_VERSION_[MP][A-Z]+ (\d+)$", header.read(), re.M)
# Another one for each 0.x, which may break the interface.
SONAME = {library: f"{library}.0.{minor}" for library in HEADERS}
NEEDED = {
    "libviq.so": {"libc.so.6"},
    "libviq-soft.so": {"libc.so.6", SONAME["libviq.so"], "liburcu-memb.so.8", "liburcu-common.so.8"},
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declared(headers):
    names = set()
    for header in headers:
        with open(os.path.join(SOURCE, "include", "viq", header), encoding="utf-8") as text:
            names |= set(re.findall(r"^VIQ_EXPORT\s[^;(]*?\b(\w+)\(", text.read(), re.M))
    return names


def exported(library):
    names = set()
    for line in run("nm", "-D", "--defined-only", os.path.join(BUILD, "src", library)).splitlines():
        _, kind, name = line.split()
        if kind != "A":  # the version's own name
            names.add(name.split("@")[0])
    return names


def mapped(library):
    with open(os.path.join(SOURCE, "src", library[3:-3] + ".map"), encoding="utf-8") as text:
        return set(re.findall(r"^\t(viq_\w+);$", text.read(), re.M))


class Exports(unittest.TestCase):
    def test_every_header_is_covered(self):
        here = set(os.listdir(os.path.join(SOURCE, "include", "viq"))) - {"meson.build"}
        self.assertEqual(here, set(sum(HEADERS.values(), [])) | {
            "bits.h", "export.h", "smmuv3_host.h", "smmuv3_spec.h", "vtd_host.h", "vtd_spec.h", "why.h",
            "work.h"})

    def test_exported_is_declared_and_listed(self):
        for library, headers in HEADERS.items():
            with self.subTest(library):
                self.assertEqual(exported(library), declared(headers))
                self.assertEqual(mapped(library), declared(headers))

    def test_archive_has_the_same_symbols(self):
        for library, headers in HEADERS.items():
            with self.subTest(library):
                listing = run("nm", "-g", "--defined-only", os.path.join(BUILD, "src", library[:-3] + ".a"))
                names = {line.split()[-1] for line in listing.splitlines() if len(line.split()) == 3}
                self.assertEqual(names, declared(headers))

    def test_soname(self):
        for library, name in SONAME.items():
            with self.subTest(library):
                self.assertIn(f"Library soname: [{name}]", run("readelf", "-d", os.path.join(BUILD, "src", library)))
                self.assertTrue(os.path.exists(os.path.join(BUILD, "src", f"{library}.{major}.{minor}.{patch}")))

    def test_needed_libraries(self):
        for library, allowed in NEEDED.items():
            with self.subTest(library):
                dynamic = run("readelf", "-d", os.path.join(BUILD, "src", library))
                needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
                libc = {name for name in needed if name.startswith("ld-linux")}  # its part for thread-local storage
                self.assertLessEqual(needed - libc, allowed)
                # A place in the static block, which dlopen() may not have.
                self.assertNotIn("STATIC_TLS", dynamic)


if __name__ == "__main__":
    unittest.main()
