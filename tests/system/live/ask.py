# SPDX-License-Identifier: MIT
"""What the program in a machine cannot do itself: it says "ask: WHAT" on its console, and is answered there.

The machine has a monitor for programs (qmp.py), of which this must have the path, and its console reads from a pipe.
"""
import os
import pathlib
import re
import tempfile
import threading

import qmp
import vm

# Registers that tell nothing of where a processor is.
VECTORS = re.compile(r"(XMM|FP|DR|[QZP])\w*\d=|$")


class Asked:
    """Does what is asked for through QMP. do_NAME() returns what to answer, None: "done"."""

    def __init__(self):
        self.monitor = self.answers = self.socket = None

    def attend(self, run):
        """What run(options, **how) returns: it runs QEMU, with these more of its options, as vm.watch()."""
        with tempfile.TemporaryDirectory(prefix="viq-ask-") as name:
            self.socket = pathlib.Path(name) / "qmp"
            answers, self.answers = os.pipe()
            try:
                return run(["-qmp", f"unix:{self.socket},server=on,wait=off"], stdin=answers, line=self.line, look=self.look)
            finally:
                self.hang_up()
                os.close(answers)
                os.close(self.answers)

    def qmp(self):
        """QEMU's monitor."""
        if not self.monitor:
            self.monitor = qmp.Qmp(self.socket)
        return self.monitor

    def hang_up(self):
        """QEMU has ended."""
        if self.monitor:
            self.monitor.close()
        self.monitor = None

    def look(self, pid):
        """Where a machine hangs: QEMU's threads, and if its monitor answers, the processors and the IOMMU."""
        lines = []
        try:
            for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
                stat = (task / "stat").read_text().split()
                lines.append(f"viq: thread {stat[1]} {stat[2]}, {stat[13]} ticks, in {(task / 'wchan').read_text()}")
            self.qmp().socket.settimeout(10)
            for command in ("info status", "info registers -a", "info viq"):
                lines += [f"viq: {command}", *self.qmp().monitor(command).splitlines()]
        except (OSError, ValueError, vm.VmError) as error:
            lines.append(f"viq: that is all: {error}")
        lines = [text for text in lines if not VECTORS.match(text)]
        print("\n".join(lines), flush=True)  # where only the output is kept
        return lines

    def line(self, text):
        """One of the console's lines, as it comes."""
        if text.startswith("ask: "):
            self.answer(text[5:])

    def answer(self, what):
        """Do what the guest asks for, and say so on its console."""
        name, *words = what.split()
        try:
            said = "again" if "[" in what else getattr(self, f"do_{name}")(*words) or "done"
        except vm.VmError as error:
            said = str(error)
        self.say(said)

    def say(self, text):
        """On its console."""
        os.write(self.answers, text.encode() + b"\n")

    def do_fail(self, failure, seconds=None):
        """The IOMMU or its host is to fail, for so long; docs/fail-on-demand.md says how.

        A guest whose invalidations stand still cannot ask for the end of it, and must not ask for anything before it.
        """
        self.qmp().command("x-viq-inject", failure=failure)
        if seconds:
            threading.Timer(int(seconds), self.do_fail, ["none"]).start()

    def query(self):
        """What the machine's only IOMMU of viq's says of itself."""
        unit, = self.qmp().command("query-viq")
        return unit

    def do_struck(self):
        """Has the failure that is armed?"""
        unit = self.query()
        return None if unit["strikes"] else f"{unit['failure']} has not struck"
