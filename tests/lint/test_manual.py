#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages: one for each command with every option, one for each public header and each group of calls in it, a link
for each function that the libraries export; and none that a formatter complains of."""
import json
import os
import re
import subprocess
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
MANUAL = os.path.join(os.environ["VIQ_BUILD"], "tools", "manual")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def pages(section):
    return {name[:-2]: read(MANUAL, f"man{section}", name) for name in os.listdir(os.path.join(MANUAL, f"man{section}"))}


def shown(text, width=1000):
    """As a reader sees it."""
    done = subprocess.run(["mandoc", "-Tutf8", f"-Owidth={width}"], input=text, capture_output=True, text=True, check=True)
    return re.sub(".\b", "", done.stdout)  # bold is a letter over itself


class Commands(unittest.TestCase):
    def test_every_option_is_in_its_page(self):
        commands = json.loads(read(MANUAL, "commands.json"))
        every = pages(1)
        self.assertEqual(set(every), {"viq"} | {f"viq-{command['name']}" for command in commands})
        for command in commands:
            text = shown(every[f"viq-{command['name']}"])
            self.assertIn(f"viq-{command['name']}(1)", shown(every["viq"]))
            for option in command["options"]:
                with self.subTest(command=command["name"], option=option["name"]):
                    letter = f"-{option['letter']}, " if option["letter"] else ""
                    value = f" {option['value']}" if option["value"] else ""
                    name = re.escape(f"{letter}--{option['name']}{value}")
                    self.assertRegex(text, rf"(?m)^ +{name}( |$)")
                    self.assertIn(option["help"], text)
            for line in (command["about"], *command["examples"].splitlines(), command["status"]):
                self.assertIn(line, text)


class Calls(unittest.TestCase):
    def setUp(self):
        self.pages = pages(3)

    def test_every_function_has_a_page(self):
        exported = set(sum((re.findall(r"^\t(viq_\w+);$", read(SOURCE, "src", name), re.M)
                            for name in ("viq.map", "viq-soft.map")), []))
        self.assertGreater(len(exported), 200)
        for name in exported:
            with self.subTest(name):
                text = self.pages[name]
                target = re.fullmatch(r"\.so man3/(\w+)\.3\n", text)
                text = self.pages[target.group(1)] if target else text
                self.assertRegex(text, rf"(?m)^\.SH NAME\n.*\b{name}[, ]")
                self.assertRegex(text, rf"(?m)^\w.*\b{name}\(")  # the prototype

    def test_every_header_is_pages_with_all_its_words(self):
        """One for the header; one for each of its titles with functions, named after the first, and listed in the first."""
        folder = os.path.join(SOURCE, "include", "viq")
        headers = [name for name in os.listdir(folder) if name.endswith(".h") and name != "export.h"]
        whole = {name for name, text in self.pages.items() if not text.startswith(".so ")}
        for name in headers:
            page = "viq_" + name[:-2]
            parts = re.split(r"(?m)^/\* --- ", read(folder, name))
            functions = [re.findall(r"(?m)^VIQ_EXPORT\s[^;(]*?\b(\w+)\(", part) for part in parts]
            whole.remove(page)
            for group in filter(None, functions[1:]):
                with self.subTest(group[0]):
                    whole.remove(group[0])
                    self.assertIn(f"\n.SH NAME\n{', '.join(group)} \\- ", self.pages[group[0]])
                    self.assertIn(f"{page}(3)", shown(self.pages[group[0]]))
                    self.assertIn(f"{group[0]}(3)", shown(self.pages[page]))
                    self.pages[page] += self.pages[group[0]]
            with self.subTest(name):
                text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", read(folder, name), flags=re.S)
                text = re.sub(r"(?m)^#(include|ifndef|endif).*$|^#define VIQ_\w+_H$|^/\* SPDX.*$|\bVIQ_EXPORT\b|"
                              r"\bVIQ_MUST_CHECK\b", "", text)
                page = shown(self.pages["viq_" + name[:-2]])
                words = [set(re.findall(r"\w{3,}", part)) for part in (text, page)]
                self.assertEqual(words[0] - words[1], set())
        self.assertEqual(whole, set())

    def test_a_page_of_calls_can_be_read(self):
        """On 80 columns; what has only constants or declarations may be longer."""
        for name in {text[len(".so man3/"):-len(".3\n")] for text in self.pages.values() if text.startswith(".so ")}:
            with self.subTest(name):
                self.assertLess(shown(self.pages[name], 80).count("\n"), 250)


class Format(unittest.TestCase):
    def test_no_complaint(self):
        for section in (1, 3):
            names = [f"man{section}/{name}.{section}" for name, text in pages(section).items()
                     if not text.startswith(".so ")]
            for command in (["mandoc", "-Tlint", "-Wwarning"], ["groff", "-man", "-ww", "-z", "-Tutf8"]):
                done = subprocess.run(command + names, cwd=MANUAL, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
