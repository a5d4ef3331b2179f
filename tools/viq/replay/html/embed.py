#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: embed.py page.html page.css page.js OUT: the page as a C header, in two parts, with its data left out.

The page allows only its own style and script, by their hashes: what a capture says cannot run, whatever it says."""
import base64
import hashlib
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def array(name, text):
    data = text.encode()
    lines = [", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24)]
    return f"static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines) + "};\n"


html, css, js = map(read, sys.argv[1:4])
for name, text in (("STYLE", css), ("SCRIPT", js)):
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    html = html.replace(f"@{name}_HASH@", f"'sha256-{digest}'").replace(f"@{name}@", text)
before, behind = html.split("@DATA@")
start = html.split("\n")[0]
with open(sys.argv[4], "w", encoding="utf-8") as file:
    file.write("/* Made by tools/viq/replay/html/embed.py: do not edit. */\n#define PAGE_START "
               f"\"{start}\"\n{array('page_before', before)}{array('page_behind', behind)}")
