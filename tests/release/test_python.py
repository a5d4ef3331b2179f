#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Python module: decoding, a front end, a host in Python, and a replay that agrees with `viq replay`."""
import collections
import contextlib
import glob
import io
import json
import os
import pathlib
import subprocess
import sys
import unittest

SOURCE, BUILD = (pathlib.Path(os.environ[name]) for name in ("VIQ_SOURCE", "VIQ_BUILD"))
os.environ["VIQ_INCLUDE"], os.environ["VIQ_LIBRARY"] = str(SOURCE / "include"), str(BUILD / "src" / "libviq.so")
sys.path.append(str(SOURCE / "integrations" / "python"))
import viq  # pylint: disable=wrong-import-position,import-error

lib = viq.lib
SYNC = (lib.VIQ_SMMUV3_OP_SYNC, 0)


def asid(number):
    return (lib.VIQ_SMMUV3_OP_TLBI_NH_ASID | viq.put(lib.VIQ_SMMUV3_TLBI_ASID, number), 0)


class Python(unittest.TestCase):
    def front(self, host, commands):
        memory = viq.Memory(bytearray(4096), 0x40000000)
        smmu = viq.Smmuv3(memory, host)
        smmu.queue(0x40000000, 64)
        smmu.write(lib.VIQ_SMMUV3_IRQ_CTRL, lib.VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN)
        memory.write_words(0x40000000, [word for command in commands for word in command])
        smmu.write(lib.VIQ_SMMUV3_CMDQ_PROD, len(commands))
        return smmu

    def test_everything_is_there(self):
        """Constants of the headers, but for the version's string."""
        found = [name for name in dir(lib) if name.startswith("VIQ_")]
        self.assertGreater(len(found), 800)
        self.assertEqual(lib.viq_version(), lib.VIQ_VERSION)
        self.assertEqual(lib.VIQ_SMMUV3_TLBI_ASID, 0xffff << 48)

    def test_text(self):
        self.assertIn("ASID=0x5", viq.smmuv3_text(asid(5)))
        self.assertIn("wait", viq.vtd_text((lib.VIQ_VTD_TYPE_WAIT, 0)))

    def test_host(self):
        seen = []
        smmu = self.front(viq.Host(lambda entries: seen.extend(entries) or len(entries)), [asid(5), asid(6), SYNC])
        self.assertEqual(smmu.read(lib.VIQ_SMMUV3_CMDQ_CONS), 3)
        self.assertEqual((seen, smmu.irqs), ([asid(5), asid(6)], []))
        self.assertEqual(smmu.counters().entries, 2)

    def test_illegal(self):
        host = viq.Host(lambda entries: entries.index(asid(6)) if asid(6) in entries else len(entries))
        smmu = self.front(host, [asid(5), asid(6), SYNC])
        cons = smmu.read(lib.VIQ_SMMUV3_CMDQ_CONS)
        self.assertEqual((cons & 0xfffff, viq.get(lib.VIQ_SMMUV3_CMDQ_CONS_ERR, cons)), (1, lib.VIQ_SMMUV3_CERROR_ILL))
        self.assertEqual(smmu.irqs, [lib.VIQ_SMMUV3_IRQ_GERROR])
        result = host.invalidate([asid(7), asid(6), asid(5)])
        self.assertEqual((result.handled, result.suspect, result.error), (1, 1, lib.VIQ_CALL_ILLEGAL))

    def test_refused(self):
        memory = viq.Memory(bytearray(64))
        with self.assertRaisesRegex(viq.Error, "IDR0.S1P"):
            viq.Smmuv3(memory, idr0=0)
        with self.assertRaises(viq.Error):
            memory.write_words(64, [0])

    def test_replay(self):
        """The same commands, by opcode, as the tool finds."""
        replayed = 0
        for path in glob.glob(str(SOURCE / "captures" / "*smmuv3*.pcap")):
            command = [str(BUILD / "tools" / "viq" / "viq"), "replay", "--json", path]
            tool = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            trace = []
            idr3 = lib.VIQ_SMMUV3_IDR3_RIL | lib.VIQ_SMMUV3_IDR3_HAD
            memory = viq.Memory(bytearray(16 << 19))
            smmu = viq.Smmuv3(memory, viq.SoftHost(memory), trace, idr3=idr3)
            self.assertEqual(smmu.replay(path), tool["doorbells"])
            names = (viq.ffi.string(lib.viq_smmuv3_command_name(list(command))).decode() for command, _ in trace)
            self.assertEqual(collections.Counter(names), tool["consumed"])
            self.assertEqual(sum(smmu.counters().commands), tool["commands"])
            self.assertEqual(smmu.host.counters().calls, smmu.counters().calls)
            replayed += len(trace)
        self.assertGreater(replayed, 1000)

    def test_replay_stops(self):
        """Without what the guest was offered, or with a host that cannot: it says where and why."""
        path = str(SOURCE / "captures" / "linux-7.3-arm64-smmuv3-strict-nvme.pcap")
        memory = viq.Memory(bytearray(16 << 19))
        with self.assertRaisesRegex(viq.Error, r"doorbell \d+: the queue stops: CERROR_ILL: TLBI_NH_VA .*!TG=0x1"):
            viq.Smmuv3(memory).replay(path)

        def gone(_entries):
            raise OSError("gone")

        idr3 = lib.VIQ_SMMUV3_IDR3_RIL | lib.VIQ_SMMUV3_IDR3_HAD
        smmu = viq.Smmuv3(memory, viq.Host(gone), idr3=idr3)
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaisesRegex(viq.Error, "doorbell 3: .* CERROR_ABT: TLBI_NSNH"):
            smmu.replay(path)

    def test_not_found(self):
        """One line that says what to set, whichever program or package is missing."""
        lost = "viq is not found: set PKG_CONFIG_PATH"
        for env, text in (({"PATH": "/nowhere"}, lost),
                          ({"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": "/nowhere"}, lost),
                          (os.environ | {"CC": "/nowhere/cc"}, "viq's headers need a C preprocessor: set CC")):
            done = subprocess.run([sys.executable, "-c", "import viq"], cwd=SOURCE / "integrations" / "python", env=env,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"\nImportError: {text}", done.stderr)
            self.assertNotIn("During handling", done.stderr)


if __name__ == "__main__":
    unittest.main()
