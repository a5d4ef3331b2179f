#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""integrations/wireshark/viq.lua in tshark: every field of every entry is that of `viq decode`, and nothing makes it fail."""
import collections
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
VIQ = pathlib.Path(os.environ["VIQ_BUILD"]) / "tools" / "viq" / "viq"
SCRIPT = SOURCE / "integrations" / "wireshark" / "viq.lua"
CAPTURES = sorted((SOURCE / "captures").glob("*.pcap"))
STRICT = SOURCE / "captures" / "linux-7.3-arm64-smmuv3-strict-nvme.pcap"
sys.path.append(str(SOURCE / "tests" / "tool"))
from capture_bytes import DOORBELL, GAP, READ, SMMUV3, VTD, WRITE, Writer, packets  # pylint: disable=wrong-import-position

# " ASID=0x5", " VMID=0x1(ignored)", " !SSec=0x1(RES0 here)"
FIELD = re.compile(r" !?([A-Za-z][\w:\[\]]*)=0x([0-9a-f]+)")
OWN = {"viq.index", "viq.wrap", "viq.name", "viq.legal", "viq.smmuv3.opcode", "viq.vtd.type"}


class Wireshark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.path = cls.folder / "made.pcap"
        # As a user has it: in a folder of plugins, without any setting.
        plugins = cls.folder / ".local" / "lib" / "wireshark" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "viq.lua").symlink_to(SCRIPT)
        cls.env = os.environ | {"HOME": str(cls.folder), "XDG_CONFIG_HOME": str(cls.folder / ".config")}

    def tshark(self, path, *words):
        done = subprocess.run(["tshark", "-r", path, *words], env=self.env, capture_output=True, text=True, timeout=300,
                              check=False)
        errors = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
        self.assertEqual((done.returncode, errors), (0, []))
        self.assertNotIn("Lua Error", done.stdout)
        return done.stdout

    def packets(self, path, *words):
        """Of each packet the protocol's element."""
        root = xml.etree.ElementTree.fromstring(self.tshark(path, "-T", "pdml", *words))
        return [packet.find("proto[@name='viq']") for packet in root.iter("packet")]

    def entries(self, path):
        return [entry for packet in self.packets(path) for entry in packet.findall("field[@name='viq.entry']")]

    @staticmethod
    def decode(path):
        return [json.loads(line) for line in subprocess.run([VIQ, "decode", "--json", path], capture_output=True, text=True,
                                                            timeout=60, check=True).stdout.splitlines()]

    @staticmethod
    def number(field):
        return int(field.get("show"), 0)

    def compare(self, path):
        """Every entry; returns how many were legal, and how many not."""
        mine = self.entries(path)
        theirs = [o for o in self.decode(path) if o["type"] in ("command", "descriptor")]
        self.assertEqual(len(mine), len(theirs))
        count = collections.Counter()
        for entry, want in zip(mine, theirs):
            fields = {f.get("name"): f for f in entry if f.get("name").startswith("viq.")}
            code = fields.get("viq.smmuv3.opcode", fields.get("viq.vtd.type"))
            got = [self.number(fields["viq.index"]), self.number(fields["viq.wrap"]), self.number(code),
                   bool(self.number(fields["viq.legal"]))]
            self.assertEqual(got, [want["index"], want["wrap"], want.get("opcode", want.get("code")), want["legal"]], want)
            name = fields["viq.name"].get("show")
            self.assertEqual(name, want["name"] or want["text"][1:].split(" qw")[0].split(" dw")[0])
            values = {f.get("showname").split(":" if "[" not in f.get("showname") else ": ")[0]: self.number(f)
                      for key, f in fields.items() if key not in OWN}
            texts = {key: int(value, 16) for key, value in FIELD.findall(want["text"])} if want["name"] else {}
            self.assertEqual({k: v for k, v in values.items() if v or k in texts}, texts, want)
            errors = [e for e in entry.iter("field") if e.get("name") == "_ws.expert.severity" and
                      int(e.get("show")) == 0x00800000]
            self.assertEqual(bool(errors), not want["legal"], want)
            count[want["legal"]] += 1
        return count[True], count[False]

    # --- What guests wrote

    def test_bundled_captures(self):
        for path in CAPTURES:
            with self.subTest(path.name):
                legal, illegal = self.compare(path)
                self.assertGreater(legal, 6000)
                self.assertEqual(illegal, 0)

    def test_counts_agree(self):
        for path in CAPTURES:
            objects = self.decode(path)
            want = collections.Counter(o["name"] for o in objects if o["type"] in ("command", "descriptor"))
            names = self.tshark(path, "-T", "fields", "-e", "viq.name", "-Y", "viq.type == 4").splitlines()
            self.assertEqual(collections.Counter(name for line in names for name in line.split(",") if name), want)
            self.assertEqual(len(names), sum(o["type"] == "doorbell" for o in objects))

    def test_filters(self):
        want, fresh = 0, ""
        for o in self.decode(STRICT):
            fresh += o.get("text", "") + " "
            if o["type"] == "doorbell":
                want, fresh = want + (" ASID=0x2 " in fresh), ""
        self.assertGreater(want, 3000)
        self.assertEqual(len(self.tshark(STRICT, "-Y", "viq.smmuv3.tlbi.asid == 2").splitlines()), want)
        self.assertEqual(self.tshark(STRICT, "-Y", "viq.smmuv3.tlbi.asid == 5 || _ws.expert || viq.reserved || "
                                                   "viq.illegal || viq.conflict || viq.vtd.iotlb.did == 4"), "")

    def test_second_pass_knows_what_the_first_knew(self):
        """Wireshark dissects a packet again when it is looked at: with the setup and registers before it."""
        words = ("-Y", "viq.index == 6", "-T", "fields", "-e", "frame.number", "-e", "viq.index")
        self.assertEqual(self.tshark(STRICT, "-2", *words), self.tshark(STRICT, *words))

    # --- What none would write

    def save(self, kind, entry_size, entries, *events):
        """Entries in doorbells of 500."""
        writer, size = Writer(kind, 4096, entry_size, "made").events(*events), 8192 if kind == SMMUV3 else 4096
        for at in range(0, len(entries), 500):
            some = entries[at:at + 500]
            end = (at + len(some)) % size
            writer.events((DOORBELL, at % size, some, end if kind == SMMUV3 else end * entry_size))
        writer.save(self.path)
        return self.path

    @staticmethod
    def words(rng, count):
        """Few bits, or many, or all."""
        kind = rng.randrange(4)
        if kind == 0:
            return [1 << rng.randrange(64) if rng.random() < 0.6 else 0 for _ in range(count)]
        if kind == 1:
            return [rng.getrandbits(64) & rng.getrandbits(64) & rng.getrandbits(64) for _ in range(count)]
        return [rng.getrandbits(64) if kind == 3 else 0 for _ in range(count)]

    def test_smmuv3_any_command(self):
        """Every opcode, with anything in it, for guests of different ID registers."""
        registers = ((0x0D40101A, 0x02730010, 0x404, 0x74), (0xFFFFFFFF,) * 4, (2, 0, 0, 0), (0x01000002, 0x40, 0x400, 0x80))
        for number, ids in enumerate((None, *registers)):
            rng = random.Random(number)
            known = [(READ, offset, value) for offset, value in zip((0x00, 0x04, 0x0C, 0x14), ids or ())]
            ops = [op for op in range(256)] + [
                op for op in (1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x20, 0x22, 0x28, 0x2A, 0x30, 0x40, 0x41, 0x44, 0x46)
                for _ in range(12)]
            entries = [struct.pack("<QQ", w[0] & ~0xFF | op, w[1]) for op in ops for w in (self.words(rng, 2),)]
            # Ranges, of all forms.
            entries += [struct.pack("<QQ", 0x12 | num << 12 | scale << 20 | 7 << 48, tg << 10 | ttl << 8 | 0x4000)
                        for num in (0, 3) for scale in (0, 5, 33) for tg in range(4) for ttl in range(4)]
            with self.subTest(ids):
                legal, illegal = self.compare(self.save(SMMUV3, 16, entries, *known, (READ, 0x18, 7), (WRITE, 0x20, 1)))
                self.assertGreater(legal, 20)
                self.assertGreater(illegal, 350)

    def test_vtd_any_descriptor(self):
        capabilities = (None, (0x12008C40660480, 0xF02), (2**64 - 1, 2**64 - 1), (0, 0), (3 << 48 | 1 << 39, 1 << 43 | 4))
        for number, caps in enumerate(capabilities):
            for size in (16, 32):
                rng = random.Random(number)
                known = [(READ, offset, value, 8) for offset, value in zip((0x08, 0x10), caps or ())]
                entries = []
                for code in [code for code in range(128)] + [code for code in range(1, 10) for _ in range(25)]:
                    w = self.words(rng, 4) if rng.random() < 0.8 else [1 << 4 | rng.getrandbits(2) << 4, rng.getrandbits(6), 0, 0]
                    w[0] = w[0] & ~0xE0F | code & 15 | code >> 4 << 9
                    entries.append(struct.pack("<QQQQ", *w)[:size])
                with self.subTest(caps=caps, size=size):
                    legal, illegal = self.compare(self.save(VTD, size, entries, *known))
                    self.assertGreater(legal, 5)
                    self.assertGreater(illegal, 150)

    def test_other_packets(self):
        sync = struct.pack("<QQ", 0x46, 0)
        Writer(SMMUV3, 4, 16, "a n\u00f6te").events((READ, 0, 0x1A), (WRITE, 0x20, 8), (GAP, 2, 3),
                                                    (DOORBELL, 5, [sync], 6)).save(self.path)
        setup, read, write, gap, doorbell, end = self.packets(self.path)

        def show(packet, name):
            return packet.find(f"field[@name='viq.{name}']").get("show")
        self.assertEqual([show(setup, f"setup.{n}") for n in ("base", "entries", "entry_size", "clock", "note")],
                         ["0xffffffffffffffff", "4", "16", "0", "a n\u00f6te"])
        self.assertEqual([show(read, f"register.{n}") for n in ("offset", "size", "value")],
                         ["0x00000000", "4", "0x000000000000001a"])
        self.assertEqual(show(write, "register.offset"), "0x00000020")
        self.assertEqual([show(gap, n) for n in ("first", "count")], ["2", "3"])
        self.assertEqual([show(doorbell, n) for n in ("doorbell", "first", "count")], ["0x00000006", "5", "1"])
        self.assertEqual([show(end, f"end.{n}") for n in ("packets", "doorbells", "entries", "missing")], ["5", "1", "1", "3"])
        lines = [line.split("SMMUv3", 1)[1].split(None, 1)[1] for line in self.tshark(self.path).splitlines()]
        self.assertEqual(lines, ["setup: 4 entries of 16 bytes: a n\u00f6te", "read: IDR0 is 0x1a", "write: 0x20 = 0x8",
                                 "gap: 3 not recorded", "doorbell: CMDQ_PROD=0x6, 1 command: SYNC",
                                 "end: 5 packets, 1 entries"])

    # --- Where it is

    def test_installed_where_wireshark_looks(self):
        """With the prefix that Wireshark has."""
        installed = json.loads(subprocess.run(["meson", "introspect", "--installed", VIQ.parents[2]], capture_output=True,
                                              text=True, check=True).stdout)
        path = pathlib.Path(installed[str(SCRIPT)])
        prefix = path.parents[len(path.parts) - 1 - path.parts.index("lib")]
        folders = subprocess.run(["tshark", "-G", "folders"], env=self.env, capture_output=True, text=True, check=True).stdout
        (wanted,) = re.findall(r"^Global Lua Plugins:\s*(.*)$", folders, re.M)
        self.assertEqual(pathlib.Path("/usr") / path.relative_to(prefix), pathlib.Path(wanted) / "viq.lua")

    # --- What is broken

    def raw(self, frames):
        with open(self.path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 147))
            for frame in frames:
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        return self.path

    def test_malformed_packets(self):
        rng = random.Random(1)
        frames = []
        for path in CAPTURES:
            whole = [data for _, data in packets(path)]
            frames += [data[:rng.randrange(len(data))] for data in whole[:3] + rng.sample(whole, 120)]
            for data in whole[:3] + rng.sample(whole, 200) + whole[-1:] * 20:
                broken = bytearray(data)
                for _ in range(rng.choice((1, 1, 3, 20))):
                    broken[rng.randrange(3, min(len(broken), rng.choice((8, 24, 4096))))] = rng.randrange(256)
                frames.append(bytes(broken))
        rng.shuffle(frames)
        text = self.tshark(self.raw(frames), "-V")
        self.assertGreater(text.count("IOMMU invalidation queue"), 700)
        self.assertGreater(text.count("[Expert Info (Error/Malformed)"), 200)
        self.assertGreater(text.count("[Expert Info (Error/Protocol)"), 20)

    def test_other_protocols_keep_user0(self):
        """What is no capture goes where the user's own settings for USER0 send it."""
        path = self.raw([bytes(12) + b"\x12\x34" + bytes(50), b"VI", b""])
        self.assertEqual(self.tshark(path, "-Y", "viq"), "")
        setting = 'uat:user_dlts:"User 0 (DLT=147)","eth_withoutfcs","0","","0",""'
        self.assertIn(":eth:", self.tshark(path, "-o", setting, "-T", "fields", "-e", "frame.protocols"))
        ours = setting.replace("eth_withoutfcs", "viq")
        self.assertEqual(self.tshark(path, "-o", ours, "-Y", "viq"), "")
        self.assertEqual(self.tshark(STRICT, "-o", ours, "-c", "9"), self.tshark(STRICT, "-c", "9"))


if __name__ == "__main__":
    unittest.main()
