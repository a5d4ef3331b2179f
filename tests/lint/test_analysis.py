#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What can be found without running anything: clang-tidy (.clang-tidy says what), clang's thread-safety analysis, and
gcc's analyzer find nothing. Each is tried on code that it must complain about, so that a broken tool is noticed."""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
# What is made at build time is there, too.
GENERATED = os.path.join(os.environ["VIQ_BUILD"], "tools", "viq")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Iinclude", "-Isrc", "-I.", "-Itools/viq", f"-I{GENERATED}"]
TIDY = "clang-tidy-14"  # other versions find other things
# Leaks: of objects that are linked by their first member, or by a pointer to it, this analyzer sees none that points to
# them. clang's sees it; so do ASan and p8_no_memory.
GCC = ["gcc", "-fanalyzer", "-Wno-analyzer-malloc-leak", "-O2", "-Werror", "-c", "-o", "/dev/null"]


def sources(*folders):
    """C files, without the example VMM: it is built on arm64 alone."""
    for top in folders:
        for folder, _, names in os.walk(os.path.join(SOURCE, top)):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), SOURCE)
                if name.endswith(".c") and not path.startswith("examples/vmm/"):
                    yield path


def tidy(path, *options):
    return [TIDY, "--quiet", *options, path, "--", *FLAGS, "-Wthread-safety",
            "-Wno-thread-safety-attributes"]  # pthread_mutex_t is no capability by itself


def run(command):
    """What a tool says if it fails; the empty string if it is content."""
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def run_all(commands):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [said for said in pool.map(run, commands) if said]


class Analysis(unittest.TestCase):
    maxDiff = None

    def test_tidy(self):
        # The analyzer takes ten times as long as all other checks: the library alone gets it.
        rest = "--checks=-clang-analyzer-*"
        commands = [tidy(path) for path in sources("src")]
        commands += [tidy(path, rest) for path in sources("tools", "bench", "examples")]
        self.assertGreater(len(commands), 150)
        self.assertEqual("".join(run_all(commands)), "")

    def test_gcc_analyzer(self):
        self.assertEqual("".join(run_all([GCC + FLAGS + [path] for path in sources("src")])), "")

    def test_one_assert(self):
        found = []
        for path in sources("src"):
            with open(os.path.join(SOURCE, path), encoding="utf-8") as text:
                found += [path for line in text if line.lstrip().startswith("assert(")]
        self.assertEqual(found, [], "base/assert.h has two that say what they cost")


class Tools(unittest.TestCase):
    """The tools bite."""

    def said(self, command, code):
        with tempfile.TemporaryDirectory(dir=os.environ["VIQ_BUILD"]) as folder:
            path = os.path.join(folder, "bad.c")
            with open(path, "w", encoding="utf-8") as out:
                out.write(code)
            return run(command(path))

    def test_tidy_check(self):
        code = "#include <string.h>\nint f(const char *a) { return strcmp(a, \"b\") == -1; }\n"
        self.assertIn("bugprone-suspicious-string-compare", self.said(self.tidy, code))

    def test_tidy_analyzer(self):
        code = "#include <stdlib.h>\nint f(int n) { int *p = malloc(4); if (n) return 0; free(p); return 1; }\n"
        self.assertIn("clang-analyzer-unix.Malloc", self.said(self.tidy, code))

    def test_thread_safety(self):
        code = """#include "base/guard.h"
struct s { pthread_mutex_t lock; };
void locked(struct s *s) MUST_HOLD(s->lock);
void f(struct s *s) { locked(s); }
"""
        self.assertIn("clang-diagnostic-thread-safety", self.said(self.tidy, code))

    def test_gcc(self):
        code = "#include <stdlib.h>\nint *f(void) { int *p = malloc(4); *p = 1; return p; }\n"
        self.assertIn("analyzer-possible-null-dereference", self.said(lambda path: GCC + FLAGS + [path], code))

    @staticmethod
    def tidy(path):
        # Next to no .clang-tidy of its own: the project's is named.
        return tidy(path, f"--config-file={SOURCE}/.clang-tidy")


if __name__ == "__main__":
    if not shutil.which(TIDY):
        print(f"no {TIDY} here: not checked")
        sys.exit(77)
    unittest.main()
