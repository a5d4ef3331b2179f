#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq device` as QEMU's own test programs (libqtest) drive it: they listen, it connects; QMP beside the lines."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest

from qtest_client import CMDQ_BASE, CR0, CMDQEN, RAM, SMMU, TIMEOUT, Device, Failed

TOOL = os.environ["VIQ_TOOL"]
VTD = 0xFED90000


class Called(Device):
    """A device that has connected to us, for lines and for QMP."""

    def __init__(self, kind, *options, qmp=True):
        self.folder = tempfile.TemporaryDirectory()
        listeners = {"--connect": self.listen("sock")}
        if qmp:
            listeners["--qmp"] = self.listen("qmp")
        for option, listener in listeners.items():
            options += (option, listener.getsockname())
        super().__init__(TOOL, *options, kind=kind, registers=SMMU if kind == "smmuv3" else VTD)
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


if __name__ == "__main__":
    unittest.main()
