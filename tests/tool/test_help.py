#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq help`: the table of commands and options, which manual pages and completion are made of, is that of the tool."""
import json
import os
import subprocess
import unittest

VIQ = os.environ["VIQ_TOOL"]
NAMES = ["record", "decode", "replay", "device", "doctor", "bench", "help"]


def viq(*args):
    return subprocess.run([VIQ, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False)


def tables():
    return json.loads(viq("help", "--json").stdout)


class Help(unittest.TestCase):
    def good(self, *args):
        done = viq(*args)
        self.assertEqual((done.returncode, done.stderr), (0, ""), args)
        return done.stdout

    def test_every_command_is_listed(self):
        text = self.good("help")
        self.assertEqual(text, self.good("--help"))
        self.assertEqual([command["name"] for command in tables()], NAMES)
        for command in tables():
            self.assertIn(f"  {command['name']:8} {command['summary']}\n", text)

    def test_options_of_the_tool(self):
        """As those of a command are: also shortened, and what is none is named."""
        version = self.good("--version")
        self.assertRegex(version, r"^viq \d+\.\d+\.\d+\n$")
        self.assertEqual([self.good("--versio"), self.good("--he"), self.good("-h")], [version] + 2 * [self.good("--help")])
        for word in ("--versiom", "--versions", "--", "-v"):
            done = viq(word)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, "", f"viq: unknown option {word}; try 'viq --help'\n"))

    def test_one_command(self):
        for name in NAMES:
            with self.subTest(name):
                text = self.good("help", name)
                self.assertEqual(text, self.good(name, "--help"))
                self.assertEqual(text, self.good(name, "-h"))
                self.assertTrue(text.startswith(f"usage: viq {name} "))
                self.assertIn("\nExamples:\n  ", text)
                self.assertIn("Exit status: ", text)

    def test_each_option_is_shown_and_known(self):
        for command in tables():
            text = self.good("help", command["name"])
            self.assertIn("help", [option["name"] for option in command["options"]])
            for option in command["options"]:
                with self.subTest(command=command["name"], option=option["name"]):
                    value = f" {option['value']}" if option["value"] else ""
                    letter = f"-{option['letter']}, " if option["letter"] else "    "
                    self.assertIn(f"\n  {letter}--{option['name']}{value}", text)
                    wrong = f"--{option['name']}" + ("" if value else "=1")
                    what = "needs a value" if value else "takes no value"
                    self.assertIn(f"{wrong} {what}; try", viq(command["name"], wrong).stderr)

    def test_each_word_is_accepted(self):
        """--help ends the line before anything is done, and after the word was looked at."""
        for command in tables():
            for option in command["options"]:
                for word in (option["value"] or "").split("|") if "|" in (option["value"] or "") else []:
                    with self.subTest(command=command["name"], option=option["name"], word=word):
                        self.good(command["name"], f"--{option['name']}={word}", "--help")
                        bad = viq(command["name"], f"--{option['name']}=x{word}", "--help")
                        self.assertEqual(bad.returncode, 2)
            for operand in command["operands"]:
                word = operand["name"].split()[0]
                self.assertNotIn("unknown", viq(command["name"], word, "--nothing").stderr.replace("unknown option", ""))

    def test_lines_fit_a_terminal(self):
        for name in NAMES:
            for line in self.good("help", name).splitlines():
                if not line.startswith("      --only "):  # one word, all subjects
                    self.assertLessEqual(len(line), 80, line)

    def test_what_it_does_not_know(self):
        for args, text in ((["reply"], "there is no command 'reply', only record, decode,"),
                           (["replay", "decode"], "one command at a time"), (["--json", "x"], "of all commands")):
            done = viq("help", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
