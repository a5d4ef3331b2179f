#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables in integrations/wireshark/viq.lua are those of the decoder. --update: make them so.

Usage: test_wireshark.py [--update] PROGRAM    PROGRAM prints them: build/tools/wireshark/wireshark-tables"""
import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).parents[2] / "integrations" / "wireshark" / "viq.lua"
BEGIN, END = "-- BEGIN tables", "-- END tables\n"

tables = subprocess.run([sys.argv[-1]], check=True, capture_output=True, text=True).stdout
text = SCRIPT.read_text(encoding="utf-8")
head, rest = text.split(BEGIN)
mark, rest = rest.split("\n", 1)
old, tail = rest.split(END)
if sys.argv[1] == "--update":
    SCRIPT.write_text(f"{head}{BEGIN}{mark}\n{tables}{END}{tail}", encoding="utf-8")
elif old != tables:
    sys.exit(f"{SCRIPT.name} is not up to date: {sys.argv[0]} --update {sys.argv[-1]}")
