#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/json.md names the members that --json prints, all of them and no others."""
import json
import os
import re
import struct
import subprocess
import tempfile
import unittest

SOURCE = os.environ["VIQ_SOURCE"]
VIQ = os.environ["VIQ_TOOL"]
CAPTURES = os.path.join(SOURCE, "captures", "linux-7.3-")
SMMUV3, VTD = CAPTURES + "arm64-smmuv3-strict-nvme.pcap", CAPTURES + "x86-vtd-firststage-nvme.pcap"
ANY_NAME = ("recorded", "consumed", "host.errors", "error_kinds")  # objects whose members are named by what is counted


def documented(section):
    with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as file:
        text = file.read().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def members(value, path=""):
    """The paths of all members."""
    if isinstance(value, list):
        return set().union({f"{path}[]"} if value else set(), *(members(item, f"{path}[]") for item in value))
    if not isinstance(value, dict):
        return {path}
    inner = (members(item, f"{path}.{'NAME' if path in ANY_NAME else key}".lstrip(".")) for key, item in value.items())
    return set().union({path} if path and path not in ANY_NAME else set(), *inner)


def run(*args, cwd=None):
    done = subprocess.run([VIQ, *args, "--json"], capture_output=True, text=True, cwd=cwd, timeout=100, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Json(unittest.TestCase):
    def compare(self, section, objects):
        printed = set().union(*(members(item) for item in objects))
        # An array or an object is named where there is something to say of it beside its members.
        inner = {path for path in printed if any(other.startswith((path + ".", path + "[]")) for other in printed - {path})}
        written = documented(section)
        self.assertEqual(printed - inner, {path for path in written if path not in inner})
        self.assertEqual(written - printed, set())

    def test_replay(self):
        self.compare("replay", [item for args in (
            [SMMUV3], ["--host", "null", SMMUV3], ["--inject", "100:illegal", SMMUV3], ["--inject", "100:illegal", VTD],
            ["--inject", "100:hardware", VTD]) for item in run("replay", *args)])

    def test_decode(self):
        def packet(kind, body, number):
            data = struct.pack("<3sBBBH", b"VIQ", 1, 1, kind, 0) + body
            return struct.pack("<IIII", 0, number * 1000, len(data), len(data)) + data

        access = struct.pack("<IIQ", 0x20, 4, 1)
        bodies = ((1, struct.pack("<QIHHQ", 0x1000, 8, 16, 0, 0) + b"made"), (5, access), (6, access),
                  (3, struct.pack("<IIII", 0, 0, 1, 0)), (4, struct.pack("<IIIIQQ", 2, 1, 1, 0, 0x46, 0)),
                  (7, struct.pack("<QQQQ", 5, 1, 1, 1)))
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 147) +
                       b"".join(packet(kind, body, number) for number, (kind, body) in enumerate(bodies, 1)))
            file.flush()
            lines = run("decode", file.name) + run("decode", VTD)
        objects = []
        for line in lines:
            self.assertEqual(line.pop("schema"), 1)
            objects.append({line.pop("type"): line})
        self.compare("decode", objects)

    def test_doctor(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "sys/class/vfio-dev/vfio0"))
            reports = run("doctor", "--root", root)
        # And of devices that were tried, on the kernel of another test.
        tried = subprocess.run([os.environ["VIQ_DOCTOR_TRY"]], capture_output=True, text=True, check=True).stdout
        reports += [json.loads(line) for line in tried.splitlines() if line.startswith("{")]
        self.compare("doctor", reports)

    def test_bench(self):
        self.compare("bench", run("bench", "--quick", "--only", "memory", "--only", "soft", "--only", "linux", cwd="/"))


if __name__ == "__main__":
    unittest.main()
