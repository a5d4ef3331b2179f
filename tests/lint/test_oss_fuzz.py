#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What packaging/oss-fuzz builds is what there is: every fuzz target has a source, seeds and a place in the build, and the
container has what the build asks for. tests/release/test_oss_fuzz.sh builds and runs it."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
FUZZ = SOURCE / "tests" / "fuzz"
OSS_FUZZ = SOURCE / "packaging" / "oss-fuzz"
TARGETS = sorted(path.stem for path in FUZZ.glob("fuzz_*.c"))


class OssFuzz(unittest.TestCase):
    def test_each_target_is_built(self):
        build = (FUZZ / "meson.build").read_text(encoding="utf-8")
        tables = "".join(re.findall(r"fuzz_targets \+?= \{(.*?)\}", build, re.S))
        self.assertEqual(sorted(f"fuzz_{name}" for name in re.findall(r"^ *'(\w+)' :", tables, re.M)), TARGETS)
        self.assertIn("alias_target('fuzz-targets', fuzz_programs)", build)
        self.assertIn("fuzz-targets", (OSS_FUZZ / "build.sh").read_text(encoding="utf-8"))

    def test_each_target_has_seeds(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in TARGETS:
                subprocess.run([sys.executable, FUZZ / "run_fuzz.py", "--write", folder, name], check=True)
                with zipfile.ZipFile(pathlib.Path(folder, f"{name}_seed_corpus.zip")) as corpus:
                    self.assertGreater(len(corpus.namelist()), 3, name)
                    self.assertGreater(max(file.file_size for file in corpus.infolist()), 16, name)
                    longest = max(file.file_size for file in corpus.infolist())
                options = pathlib.Path(folder, f"{name}.options").read_text(encoding="ascii")
                self.assertLessEqual(longest, int(re.fullmatch(r"\[libfuzzer\]\nmax_len = (\d+)\n", options)[1]), name)

    def test_what_is_kept_is_a_targets(self):
        self.assertLessEqual({path.stem for path in (FUZZ / "corpus").iterdir()}, set(TARGETS))

    def test_container_has_what_the_build_needs(self):
        wanted = {"libcmocka-dev"}
        script = (SOURCE / "tools" / "install-deps.sh").read_text(encoding="utf-8")
        for package, kind in re.findall(r"^\t(\S+) +(command|module) ", script.split("END\n")[1], re.M):
            if kind == "module" or package in ("meson", "ninja-build", "pkg-config", "python3"):
                wanted.add(package)
        installed = set((OSS_FUZZ / "Dockerfile").read_text(encoding="utf-8").split())
        self.assertGreater(len(wanted), 6)
        self.assertEqual(wanted - installed, set())

    def test_it_runs_the_engine_and_sanitizers_that_the_targets_know(self):
        project = (OSS_FUZZ / "project.yaml").read_text(encoding="utf-8")
        lists = {key: re.findall(r"- (\w+)", items) for key, items in re.findall(r"^(\w+):\n((?:  - \w+\n)+)", project, re.M)}
        self.assertEqual(lists, {"fuzzing_engines": ["libfuzzer"], "sanitizers": ["address", "undefined"]})


if __name__ == "__main__":
    unittest.main()
