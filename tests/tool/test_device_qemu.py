#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq device` as QEMU's own test programs (libqtest) drive it: they listen, it connects; QMP beside the lines."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from qtest_client import CMDQ_BASE, CMDQEN, CR0, RAM, SMMU, TIMEOUT, Device, Failed, Function

TOOL = os.environ["VIQ_TOOL"]
SCRIPTS = os.path.join(os.environ["VIQ_SOURCE"], "tests/system/qemu")
VTD = 0xFED90000

sys.path.insert(0, SCRIPTS)
import as_qemu  # pylint: disable=wrong-import-position


class Called(Device):
    """A device that has connected to us, for lines and for QMP."""

    def __init__(self, kind, *options, qmp=True, command=None):
        self.folder = tempfile.TemporaryDirectory()
        listeners = {"--connect": self.listen("sock")}
        if qmp:
            listeners["--qmp"] = self.listen("qmp")
        paths = {option: listener.getsockname() for option, listener in listeners.items()}
        for option, path in paths.items():
            options += (option, path)
        super().__init__(TOOL, *options, kind=kind, registers=SMMU if kind == "smmuv3" else VTD,
                         command=command and command(paths))
        self.peers = {}
        for option, listener in listeners.items():
            self.peers[option], _ = listener.accept()
            self.peers[option].settimeout(TIMEOUT)
            listener.close()
        self.said = b""

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.settimeout(TIMEOUT)
        listener.bind(f"{self.folder.name}/{name}")
        listener.listen(1)
        return listener

    def __exit__(self, *_):
        for peer in self.peers.values():
            peer.close()
        super().__exit__()
        self.folder.cleanup()

    def send(self, data):
        self.peers["--connect"].sendall(data)

    def line(self):
        while b"\n" not in self.pending:
            more = self.peers["--connect"].recv(1 << 20)
            if not more:
                raise Failed("no answer")
            self.pending += more
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    def hear(self):
        """The next message of QMP; None at its end."""
        while b"\n" not in self.said:
            more = self.peers["--qmp"].recv(1 << 16)
            if not more:
                return None
            self.said += more
        message, _, self.said = self.said.partition(b"\n")
        return json.loads(message)

    def say(self, text):
        self.peers["--qmp"].sendall(text.encode())
        return self.hear()

    def execute(self, command, **members):
        return self.say(json.dumps({"execute": command, **members}))

    def negotiated(self):
        assert "QMP" in self.hear()
        assert self.execute("qmp_capabilities") == {"return": {}}
        return self


class Connection(unittest.TestCase):
    def test_the_client_listens(self):
        for kind, ram in (("smmuv3", RAM), ("vtd", 0)):
            with self.subTest(kind), Called(kind, qmp=False) as d:
                d.store(ram + 0x1000, b"here")
                self.assertEqual(d.load(ram + 0x1000, 4), b"here")
                self.assertEqual(d.ask("endianness"), "little")
                d.peers["--connect"].close()
                self.assertEqual(d.process.wait(TIMEOUT), 0, "the client hung up")

    def test_sigterm_is_a_good_end(self):
        """So libqtest ends a QEMU; another status than 0 aborts the test there."""
        with Called("vtd") as d:
            d.ask("endianness")
            d.process.send_signal(signal.SIGTERM)
            self.assertEqual(d.process.wait(TIMEOUT), 0)

    def test_nobody_listens(self):
        with tempfile.TemporaryDirectory() as folder:
            for option in ("--connect", "--qmp"):
                for path, text in ((folder + "/none", "cannot connect"), ("", "1 to 107"), ("x" * 108, "1 to 107")):
                    done = subprocess.run([TOOL, "device", "vtd", option, path], stdin=subprocess.DEVNULL,
                                          capture_output=True, text=True, timeout=TIMEOUT)
                    self.assertEqual((done.returncode, done.stdout), (1, ""), (option, path))
                    self.assertIn(text, done.stderr)

    def test_one_way_to_the_client(self):
        done = subprocess.run([TOOL, "device", "vtd", "--connect", "a", "--socket", "b"], capture_output=True, text=True,
                              timeout=TIMEOUT)
        self.assertEqual(done.returncode, 2)
        self.assertIn("choose one", done.stderr)


class Qmp(unittest.TestCase):
    def refused(self, answer, kind, text):
        self.assertEqual(answer["error"]["class"], kind)
        self.assertIn(text, answer["error"]["desc"])

    def test_greeting_and_negotiation(self):
        with Called("vtd") as d:
            greeting = d.hear()["QMP"]
            self.assertEqual(greeting["capabilities"], [])
            self.assertIn("major", greeting["version"]["qemu"])
            self.refused(d.execute("system_reset"), "CommandNotFound", "qmp_capabilities")
            self.assertEqual(d.execute("qmp_capabilities", id=7), {"return": {}, "id": 7})
            self.refused(d.execute("qmp_capabilities"), "CommandNotFound", "already")

    def test_reset_is_the_machines(self):
        """Registers are as after the start, memory is as it was; both as QEMU's system_reset."""
        for kind, ram, offset, value in (("smmuv3", RAM, CR0, CMDQEN), ("vtd", 0, 0x38, 0)):
            with self.subTest(kind), Called(kind) as d:
                d.negotiated()
                fresh = d.load(d.registers, 0x230)
                d.store(ram + 0x1000, b"kept")
                if kind == "smmuv3":
                    d.writeq(CMDQ_BASE, RAM | 8)
                d.writel(offset, value)
                self.assertNotEqual(d.load(d.registers, 0x230), fresh)
                self.assertEqual(d.execute("system_reset", id="r"), {"return": {}, "id": "r"})
                event = d.hear()
                self.assertEqual((event["event"], event["data"]["reason"]), ("RESET", "host-qmp-system-reset"))
                self.assertIn("seconds", event["timestamp"])
                self.assertEqual(d.load(d.registers, 0x230), fresh)
                self.assertEqual(d.load(ram + 0x1000, 4), b"kept")

    def test_quit_ends_it(self):
        with Called("vtd") as d:
            d.negotiated()
            self.assertEqual(d.execute("quit"), {"return": {}})
            self.assertEqual(d.hear()["event"], "SHUTDOWN")
            self.assertIsNone(d.hear())
            self.assertEqual(d.process.wait(TIMEOUT), 0)

    def test_the_machine_has_qemus_name(self):
        for kind, name in (("smmuv3", "virt"), ("vtd", "q35")):
            with self.subTest(kind), Called(kind) as d:
                machines = d.negotiated().execute("query-machines")["return"]
                self.assertEqual([machine["name"] for machine in machines], [name])

    def test_what_is_not_known_is_named(self):
        with Called("vtd") as d:
            d.negotiated()
            self.refused(d.execute("device_add", arguments={"driver": "e1000e"}), "CommandNotFound", "device_add")
            self.refused(d.say('{"exec": 1}'), "GenericError", "execute")
            self.refused(d.say("[1]"), "GenericError", "object")
            self.refused(d.say('{"execute": query}\n'), "GenericError", "JSON parse error")
            # As long as a command can be, and not at its end: it is forgotten.
            self.refused(d.say('{"'.ljust(65536, "x")), "GenericError", "JSON parse error")
            self.assertIn("return", d.execute("query-machines"))
            self.assertEqual(d.ask("endianness"), "little")

    def test_commands_may_come_in_any_pieces(self):
        with Called("vtd") as d:
            d.negotiated()
            commands = '\r\n {"execute": "query-machines", "id": "}"}{"execute":"query-machines","id":{"a":[1]}}\n'
            for cut in range(1, len(commands)):
                d.peers["--qmp"].sendall(commands[:cut].encode())
                self.assertEqual(d.ask("endianness"), "little")  # it has had its turn
                d.peers["--qmp"].sendall(commands[cut:].encode())
                self.assertEqual([d.hear()["id"], d.hear()["id"]], ["}", {"a": [1]}])

    def test_a_monitor_may_hang_up(self):
        with Called("vtd") as d:
            d.negotiated()
            d.peers["--qmp"].sendall(b'{"execute": "query-machines"}')
            d.peers["--qmp"].close()
            for _ in range(3):
                self.assertEqual(d.ask("endianness"), "little")

    def test_beside_standard_input(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.settimeout(TIMEOUT)
            listener.bind(folder + "/qmp")
            listener.listen(1)
            with Device(TOOL, "--qmp", folder + "/qmp") as d:
                with listener.accept()[0] as peer:
                    peer.settimeout(TIMEOUT)
                    self.assertIn(b'"QMP"', peer.recv(1 << 16))
                    self.assertEqual(d.ask("endianness"), "little")


class Pci(unittest.TestCase):
    """Each device of the software host is a function, which does what QEMU's iommu-testdev does."""
    BAR = 0x10000000
    BAD_LEN, WRITE_FAILED, READ_FAILED, MISMATCH, NOT_ARMED, BAD_ATTRS = range(0xDEAD0001, 0xDEAD0007)

    def on_both(self, check, *options):
        for kind, registers, ram in (("smmuv3", SMMU, RAM), ("vtd", VTD, 0)):
            with self.subTest(kind), Device(TOOL, *options, kind=kind, registers=registers) as d:
                check(d, ram + 0x100000)

    def test_functions_have_the_devices_numbers(self):
        def check(d, _):
            found = [number for number in range(0x110) if Function(d, number).config(0, size="w") != 0xFFFF]
            self.assertEqual(found, [0x10, 0x2B, 0x108])
            self.assertEqual(Function(d, 0x11).config(0x10), 0xFFFFFFFF)

        self.on_both(check, "--host", "soft", "--stream", "0x10", "--stream", "0x2b", "--stream", "0x108")

    def test_only_the_software_host_has_devices(self):
        def check(d, _):
            self.assertNotIn(0x1B36, [Function(d, number).config(0, size="w") for number in range(0x100)])

        self.on_both(check)
        with Device(TOOL, "--host", "soft", "--stream", "0x10010") as d:  # a StreamID that is no PCI number
            self.assertEqual(Function(d, 0x10).config(0), 0xFFFFFFFF)

    def test_configuration_space(self):
        def check(d, _):
            f = Function(d, 0x10)
            self.assertEqual([f.config(at) for at in (0, 8, 0x2C)], [0x00051B36, 0x00FF0000, 0x11001AF4])
            # Each byte of it, by each size.
            header = b"".join(f.config(at).to_bytes(4, "little") for at in range(0, 64, 4))
            self.assertEqual(bytes(f.config(at, size="b") for at in range(64)), header)
            self.assertEqual(b"".join(f.config(at, size="w").to_bytes(2, "little") for at in range(0, 64, 2)), header)
            f.config(0, 0)
            f.config(8, 0xFFFFFFFF)
            self.assertEqual([f.config(at) for at in (0, 8)], [0x00051B36, 0x00FF0000], "read only")
            f.config(Function.COMMAND, 0xFFFFFFFF)
            self.assertEqual(f.config(Function.COMMAND), 7)
            f.config(Function.BAR0, 0xFFFFFFFF)
            self.assertEqual(f.config(Function.BAR0), 0xFFFFF000, "4 KiB of memory")
            f.config(Function.BAR0 + 2, 0x1234, "w")
            f.config(Function.BAR0 + 1, 0x5F, "b")
            self.assertEqual(f.config(Function.BAR0), 0x12345000)

        self.on_both(check, "--host", "soft", "--stream", "0x10")

    def test_ports_that_are_nobodys(self):
        def check(d, _):
            for verb, ones in (("inb 0x70", 0xFF), ("inw 0xcfa", 0xFFFF), ("inl 0xfffc", 0xFFFFFFFF), ("inb 0xcf8", 0xFF),
                               ("inl 0xcfc", 0xFFFFFFFF)):
                self.assertEqual(int(d.ask(verb), 16), ones, verb)
                d.ask(verb.replace("in", "out") + " 0")
            for line in ("inb 0x10000", "inl", "outl 0x10000 1", "outl 0xcf8", "inb x"):
                with self.assertRaisesRegex(Failed, "^FAIL ", msg=line):
                    d.ask(line)

        self.on_both(check, "--host", "soft")
        with Device(TOOL, kind="vtd", registers=VTD) as d:
            d.ask("outl 0xcf8 0x80001044")
            self.assertEqual(d.ask("inl 0xcf8"), "0x80001044")

    def test_the_bar_is_there_when_it_is_enabled(self):
        def check(d, _):
            f = Function(d, 8).enable(self.BAR)
            self.assertEqual(f[f.RESULT], 0xFFFFFFFF)
            f[f.IOVA] = 0x11223344
            self.assertEqual(f[f.IOVA], 0x11223344)
            self.assertEqual(int(d.ask(f"readq {self.BAR + 8:#x}"), 16), 0, "IOVA's high half, and the length")
            d.ask(f"writeq {self.BAR:#x} {0x55667788 << 32:#x}")
            self.assertEqual(f[f.IOVA], 0x55667788)
            self.assertEqual(int(d.ask(f"readw {self.BAR + f.IOVA:#x}"), 16), 0, "registers of 32 bits")
            d.ask(f"writeb {self.BAR + f.IOVA:#x} 1")
            self.assertEqual((f[f.IOVA], f[0xFFC], f[0x1000]), (0x55667788, 0, 0))
            f.config(f.COMMAND, 5, "w")
            self.assertEqual(f[f.IOVA], 0)

        self.on_both(check, "--host", "soft", "--stream", "8")

    def test_dma_says_what_became_of_it(self):
        def check(d, ram):
            f = Function(d, 8).enable(self.BAR)
            self.assertEqual(f.dma(ram, ram, 6), 0)  # the IOMMU is off: addresses are those of memory
            self.assertEqual(d.load(ram, 8), bytes.fromhex("7856341278560000"))
            self.assertEqual(f[f.TRIGGER] or f[f.RESULT], self.NOT_ARMED)
            self.assertEqual(f.dma(ram, ram + 0x1000), self.MISMATCH)
            self.assertEqual(f.dma(ram, ram + (64 << 20)), self.READ_FAILED)
            self.assertEqual(f.dma(ram, self.BAR), self.READ_FAILED, "not its own registers")
            self.assertEqual(f.dma(1 << 60, ram), self.WRITE_FAILED)
            for size in (0, (16 << 20) + 1, 0xFFFFFFFF):
                self.assertEqual(f.dma(ram, ram, size), self.BAD_LEN)
            self.assertEqual(f.dma(ram, ram, 16 << 20), 0)
            self.assertEqual(f.dma(ram, ram, attrs=1 << 3), self.BAD_ATTRS, "the Secure space, but not secure")
            self.assertEqual(f.dma(ram, ram, attrs=1 << 3 | 1), self.WRITE_FAILED, "Secure")
            self.assertEqual(f.dma(ram, ram, attrs=0), 0)
            f[f.DOORBELL] = 1
            f[f.DOORBELL] = 0
            self.assertEqual((f[f.RESULT], f[f.TRIGGER], f[f.RESULT]), (0xFFFFFFFF, 0, self.NOT_ARMED))
            f.config(f.COMMAND, 3, "w")
            self.assertEqual(f.dma(ram, ram), self.WRITE_FAILED, "no bus master")

        self.on_both(check, "--host", "soft", "--stream", "8", "--memory", "64M")

    def test_a_reset_takes_it_back(self):
        for kind in ("smmuv3", "vtd"):
            with self.subTest(kind), Called(kind, "--host", "soft", "--stream", "8") as d:
                d.negotiated()
                f = Function(d, 8).enable(self.BAR)
                f[f.LEN] = f[f.DOORBELL] = 1
                d.execute("system_reset")
                self.assertEqual([f.config(at) for at in (f.COMMAND, f.BAR0)], [0, 0])
                f.enable(self.BAR)
                self.assertEqual((f[f.LEN], f[f.RESULT]), (0, 0xFFFFFFFF))


class AsQemu(unittest.TestCase):
    """What stands in for QEMU when its own tests run (tests/system/qemu/as_qemu.py)."""

    def start(self, arch, *asked, **environment):
        """As libqtest starts a QEMU."""
        link = f"{self.enterContext(tempfile.TemporaryDirectory())}/viq-system-{arch}"
        os.symlink(f"{SCRIPTS}/as_qemu.py", link)
        for name, value in environment.items():
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name)

        def command(paths):
            return [link, "-qtest", "unix:" + paths["--connect"], "-qtest-log", "/dev/null", "-chardev",
                    f"socket,path={paths['--qmp']},id=char0", "-mon", "chardev=char0,mode=control", "-display", "none",
                    "-audio", "none", *asked, "-accel", "qtest"]

        return self.enterContext(Called("vtd" if arch == "x86_64" else "smmuv3", command=command)).negotiated()

    def capabilities(self, d):
        return [int(d.ask(f"readq {VTD + at:#x}"), 16) for at in (8, 16)]

    def test_a_vtd_of_qemus(self):
        # CAP and ECAP as QEMU 10.0 has them with these options, but CAP.CM (bit 7) and without ECAP.SC, SRS.
        cases = (("x-scalable-mode=on,x-flts=on", 0x01D2008C222F0686, 0x0000880000F00F5A),
                 ("scalable-mode=on", 0x00D2008C222F0686, 0x0000480000F00F5A),
                 ("intremap=off,device-iotlb=on,dma-drain=off", 0x0012008C222F0686, 0x0000000000000F46))
        for options, cap, ecap in cases:
            d = self.start("x86_64", "-M", "q35", "-m", "512", "-device", "intel-iommu," + options)
            self.assertEqual([f"{value:#x}" for value in self.capabilities(d)], [f"{value:#x}" for value in (cap, ecap)])
            d.store((512 << 20) - 8, b"the last")
            self.assertEqual(d.load((512 << 20) - 8, 8), b"the last")

    def test_a_device_in_a_slot(self):
        for arch, machine, ram in (("x86_64", "q35", 0x100000), ("aarch64", "virt,acpi=off,iommu=smmuv3", RAM)):
            d = self.start(arch, "-machine", machine, "-smp", "1", "-device", "iommu-testdev")
            self.assertEqual(Function(d, 8).enable(0x10000000).dma(ram, ram), 0)

    def test_more_options(self):
        d = self.start("x86_64", "-machine", "none", VIQ_SYSTEM_OPTIONS="--ver 0x10")
        self.assertEqual(d.readl(0), 0x10)

    def test_what_is_not_there_ends_it(self):
        for arch, asked in (("x86_64", "-machine pc"), ("x86_64", "-device virtio-net"), ("x86_64", "-hda x"),
                            ("x86_64", "-device intel-iommu,aw-bits=57"), ("x86_64", "-device intel-iommu,snoop-control=on"),
                            ("aarch64", "-device intel-iommu"), ("aarch64", "-M virt,iommu=none"), ("x86_64", "-m"),
                            ("x86_64", "-device iommu-testdev,addr=4")):
            with self.assertRaises(as_qemu.Refused, msg=asked):
                as_qemu.translate(arch, asked.split())


if __name__ == "__main__":
    unittest.main()
