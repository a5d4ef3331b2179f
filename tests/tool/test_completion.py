#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion in the shells themselves: what they offer is what the table of commands says."""
import json
import os
import subprocess
import tempfile
import unittest

VIQ = os.environ["VIQ_TOOL"]
FOLDER = os.environ["VIQ_COMPLETION"]
COMMANDS = {command["name"]: command for command in
            json.loads(subprocess.run([VIQ, "help", "--json"], capture_output=True, text=True, check=True).stdout)}


def words(value):
    return value.split("|") if "|" in (value or "") else None


class Completion:
    """line is completed at its end; what is offered, as a set."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ("one file.pcap", "other.pcap"):
            with open(os.path.join(self.folder, name), "w", encoding="ascii"):
                pass

    def shell(self, *command, **environment):
        done = subprocess.run(command, cwd=self.folder, env={**os.environ, "HOME": self.folder, **environment},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.splitlines())

    def test_commands(self):
        self.assertLessEqual(set(COMMANDS), self.complete("viq "))
        self.assertEqual(self.complete("viq re"), {"record", "replay"})

    def test_options(self):
        for name, command in COMMANDS.items():
            with self.subTest(name):
                self.assertEqual(self.complete(f"viq {name} --"), {f"--{option['name']}" for option in command["options"]})

    def test_values(self):
        for name, command in COMMANDS.items():
            for option in command["options"]:
                if words(option["value"]):
                    with self.subTest(command=name, option=option["name"]):
                        self.assertEqual(self.complete(f"viq {name} --{option['name']} "), set(words(option["value"])))

    def test_operands(self):
        self.assertEqual(self.complete("viq device s"), {"smmuv3"})
        self.assertEqual(self.complete("viq record v"), {"vtd-trace"})
        self.assertEqual(self.complete("viq help be"), {"bench"})
        self.assertEqual(self.complete("viq decode o"), {"one file.pcap", "other.pcap"})
        self.assertEqual(self.complete("viq record -o ot"), {"other.pcap"})
        self.assertEqual(self.complete("viq bench o"), set())


class Bash(Completion, unittest.TestCase):
    def complete(self, line):
        text = ". \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _viq; printf '%s\\n' \"${COMPREPLY[@]}\""
        cut = line.replace("=", " = ").split(" ")  # as bash does
        return self.shell("bash", "-c", text, os.path.join(FOLDER, "viq"), *cut) - {""}

    def test_value_after_an_equals_sign(self):
        self.assertEqual(self.complete("viq replay --host="), {"soft", "null"})
        self.assertEqual(self.complete("viq replay --host=n"), {"null"})

    def test_it_is_registered(self):
        self.assertEqual(self.shell("bash", "-c", ". \"$0\"; complete -p viq", os.path.join(FOLDER, "viq")),
                         {"complete -F _viq viq"})


class Fish(Completion, unittest.TestCase):
    def complete(self, line):
        lines = self.shell("fish", "--private", "--no-config", "-c", f"source {FOLDER}/viq.fish; complete -C \"{line}\"")
        return {line.split("\t")[0].replace("\\ ", " ") for line in lines}


class Zsh(unittest.TestCase):
    """Its completion works in its line editor alone: here it is loaded, and its functions called in place of zsh's."""

    def complete(self, line):
        text = """
            _arguments() { print -rl -- "$@" }
            _describe() { print -rl -- $commands }
            words=(${(s: :)1} '')
            CURRENT=$#words
            . "$0"
        """
        done = subprocess.run(["zsh", "-f", "-c", text, os.path.join(FOLDER, "_viq"), line], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_commands(self):
        self.assertEqual([line.split(":")[0] for line in self.complete("viq").splitlines()], list(COMMANDS))

    def test_options(self):
        for name, command in COMMANDS.items():
            text = self.complete(f"viq {name}")
            for option in command["options"]:
                with self.subTest(command=name, option=option["name"]):
                    value = words(option["value"])
                    self.assertIn(f"*--{option['name']}{'=' if option['value'] else ''}[", text)
                    self.assertIn(f":value:({' '.join(value)})" if value else "", text)
        self.assertIn(":operand:(smmuv3 vtd)", self.complete("viq device"))
        self.assertIn("*:file:_files", self.complete("viq decode"))


if __name__ == "__main__":
    unittest.main()
