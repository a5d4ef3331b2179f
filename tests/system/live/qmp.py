# SPDX-License-Identifier: MIT
"""QEMU's monitor for programs (docs/interop/qmp-spec.rst), on a unix socket."""
import json
import socket

import vm


class Qmp:
    """One connection. QEMU must already listen."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.events = []
        self._read()
        self.command("qmp_capabilities")

    def close(self):
        """QEMU goes on without it."""
        self.file.close()
        self.socket.close()

    def _read(self):
        line = self.file.readline()
        if not line:
            raise vm.VmError("QEMU has closed its monitor")
        return json.loads(line)

    def command(self, name, **arguments):
        """Its answer; events that come before it are kept."""
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = self._read()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise vm.VmError(f"{name}: {answer['error']['desc']}")
            self.events.append(answer)

    def await_event(self, name):
        """Wait until it has come, and take it with all before it."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("event") == name:
                    return event
            self.events.append(self._read())

    def monitor(self, line):
        """What the monitor for people says."""
        return self.command("human-monitor-command", **{"command-line": line})
