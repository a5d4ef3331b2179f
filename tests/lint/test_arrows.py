#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which folder may use which: includes of src/ and include/viq/ and undefined symbols of its objects, against one table.

An arrow leads from a file to the folder whose header it includes or whose function it calls."""
import collections
import functools
import os
import re
import subprocess
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
BUILD = os.environ["VIQ_BUILD"]

# What each folder of src/ may use. A name with "/" at its end stands for all folders below it too. A new folder gets a
# row; what stands lower knows nothing of what stands above it, guests know no hosts, hosts no guests, siblings no siblings.
LOW = ["base", "spec/", "mem", "call", "words"]
ALLOWED = {
    "base": [],
    "spec": ["base"],
    "spec/smmuv3": ["base", "spec"],
    "spec/vtd": ["base", "spec"],
    "mem": ["base"],
    "call": ["base"],
    "words": ["base", "spec/", "call"],  # headers alone: what guests, hosts and nest say to each other
    "guest": LOW,
    "guest/smmuv3": LOW + ["guest"],
    "guest/vtd": LOW + ["guest"],
    "host": LOW,
    "host/fault": LOW + ["host"],
    "host/linux": LOW + ["host"],
    "host/linux/iommufd": LOW + ["host", "host/linux"],
    "host/linux/smmuv3": LOW + ["host", "host/linux", "host/linux/iommufd"],
    "host/linux/vtd": LOW + ["host", "host/linux", "host/linux/iommufd"],
    "host/soft/cache": LOW + ["host"],
    "host/soft": LOW + ["host", "host/soft/cache"],
    "host/soft/smmuv3": LOW + ["host", "host/soft", "host/soft/cache"],
    "host/soft/vtd": LOW + ["host", "host/soft", "host/soft/cache"],
    "nest": LOW + ["guest", "host/"],
    "nest/smmuv3": LOW + ["nest", "guest", "guest/smmuv3", "host/"],
    "nest/vtd": LOW + ["nest", "guest", "guest/vtd", "host/"],
    "capture": ["base", "spec/"],
    "synth": ["base", "spec/", "mem"],
}

# The folder that each public header belongs to.
DOORS = {
    "bits.h": "base",
    "call.h": "call",
    "export.h": "base",
    "fault.h": "host/fault",
    "linux.h": "host/linux/iommufd",
    "linux_host.h": "host/linux/iommufd",
    "linux_smmuv3.h": "host/linux/smmuv3",
    "linux_vtd.h": "host/linux/vtd",
    "mem.h": "mem",
    "nest_smmuv3.h": "nest/smmuv3",
    "nest_vtd.h": "nest/vtd",
    "smmuv3.h": "guest/smmuv3",
    "smmuv3_host.h": "words",
    "smmuv3_spec.h": "spec/smmuv3",
    "soft.h": "host/soft",
    "soft_smmuv3.h": "host/soft/smmuv3",
    "soft_vtd.h": "host/soft/vtd",
    "version.h": "base",
    "vtd.h": "guest/vtd",
    "vtd_host.h": "words",
    "vtd_spec.h": "spec/vtd",
    "why.h": "base",
    "work.h": "base",
}


def path_of(*parts):
    return os.path.join(SOURCE, *parts)


def files(*roots):
    """C files below these folders, relative to the project."""
    for root in roots:
        for folder, _, names in os.walk(path_of(root)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), SOURCE)


def folder_of(path):
    """The row of the table that a file of src/ or include/viq/ belongs to."""
    if path.startswith("include/viq/"):
        return DOORS[os.path.basename(path)]
    return os.path.dirname(path)[len("src/"):]


@functools.lru_cache(None)
def includes(path):
    """Files of the project that this one includes: public, of the same folder, else relative to a root."""
    found = set()
    with open(path_of(path), encoding="utf-8") as text:
        names = re.findall(r'^\s*#\s*include\s*[<"]([^">]+)[">]', text.read(), re.M)
    for name in names:
        for root in (os.path.dirname(path), "include", "src", "tests"):
            target = os.path.normpath(os.path.join(root, name))
            if os.path.isfile(path_of(target)):
                found.add(target)
                break
    return found


@functools.lru_cache(None)
def symbols(build_folder):
    """Per source: the symbols that its objects below this folder of the build define, and those that they need."""
    sources = {os.path.relpath(path, build_folder).replace("/", "_") + ".o": path for path in files("src", "tests/oracle")}
    objects = {os.path.join(folder, name): sources[name] for folder, _, names in os.walk(os.path.join(BUILD, build_folder))
               for name in names if name in sources}
    listing = subprocess.run(["nm", "-A", *objects], check=True, capture_output=True, text=True).stdout if objects else ""
    defines, needs = collections.defaultdict(set), collections.defaultdict(set)
    for line in listing.splitlines():
        path, _, rest = line.partition(":")
        kind, name = rest.split()[-2:]
        if kind == "U":
            needs[objects[path]].add(name)
        elif kind.isupper():
            defines[objects[path]].add(name)
    return defines, needs


def permits(allowed, folder):
    return any(folder == name or (name.endswith("/") and folder.startswith(name)) for name in allowed)


def arrows():
    """{(file, folder): what leads there}."""
    found = collections.defaultdict(set)
    for path in files("src", "include"):
        for target in includes(path):
            found[path, folder_of(target)].add(f"includes {target}")
    defines, needs = symbols("src")
    home = {name: source for source, names in defines.items() for name in names}
    for source, names in needs.items():
        for name in names & set(home):
            found[source, folder_of(home[name])].add(f"calls {name} of {home[name]}")
    return {key: what for key, what in found.items() if folder_of(key[0]) != key[1]}


class Arrows(unittest.TestCase):
    def test_every_folder_has_a_row(self):
        self.assertEqual({folder_of(path) for path in files("src")} - set(ALLOWED), set())
        self.assertEqual({os.path.basename(path) for path in files("include")}, set(DOORS))

    def test_table_has_no_circle(self):
        free = set(ALLOWED)
        while free:
            lowest = {folder for folder in free if not any(permits(ALLOWED[folder], other) for other in free)}
            self.assertTrue(lowest, f"a circle among {sorted(free)}")
            free -= lowest

    def test_objects_were_read(self):
        defines, needs = symbols("src")
        sources = {path for path in files("src") if path.endswith(".c")}
        self.assertLess(len(sources - set(defines) - set(needs)), len(sources) / 4)
        self.assertIn("viq_mem_read", set().union(*needs.values()))

    def test_arrows(self):
        forbidden = {key: what for key, what in arrows().items() if not permits(ALLOWED[folder_of(key[0])], key[1])}
        self.assertEqual([f"{path} -> {folder}: {', '.join(sorted(what))}"
                          for (path, folder), what in sorted(forbidden.items())], [])

    def test_oracle_reads_for_itself(self):
        """A mistake that guest and host share would be shared by an oracle that decodes as they do."""
        todo, seen = list(files("tests/oracle")), set()
        while todo:
            path = todo.pop()
            self.assertFalse(path.startswith("src/spec/"), f"tests/oracle reaches {path}")
            if path not in seen:
                seen.add(path)
                todo += includes(path)
        spec = {name for source, names in symbols("src")[0].items() if source.startswith("src/spec/") for name in names}
        for source, names in symbols("tests/oracle")[1].items():
            self.assertEqual(names & spec, set(), source)

    def test_examples_are_embedders(self):
        inside = [f"{path}: {target}" for path in files("examples") for target in includes(path)
                  if not target.startswith(("include/viq/", "examples/"))]
        self.assertEqual(inside, [])


if __name__ == "__main__":
    unittest.main()
