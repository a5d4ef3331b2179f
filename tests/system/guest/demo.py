#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-guest: watch a Linux guest whose SMMUv3 is viq, and below it what viq does meanwhile."""
import re
import shutil
import sys
import time

import guests
import machines
import tap

TIMEOUT = 300
STATUS = "viq: status: "
BEFORE = """
{about}.

QEMU emulates an Arm machine with an SMMUv3 and a PCI device that does DMA. That Linux runs on it as a host, and on that
examples/vmm, a small virtual machine monitor. Its guest, the same Linux, has the device behind an SMMUv3 of its own, which
is viq. The guest maps memory for the device, lets it read and write, unmaps it, maps other memory there, and looks whether
the device still reaches the old: each unmapping is commands that viq must have carried to the real SMMU in time.

"""
AFTER = """
That was the guest's console, and viq's work. All page tables and commands are the guest's own driver's. The VMM made some
of these commands illegal while they waited: the driver found each where it was, and went on. At each freeze a new object
of viq took the place of the old one, in the midst of the work, as in a migration.

How it is done: examples/vmm/smmu.c, and docs/embedding.md along with it. More: make check-guest
"""


class Screen:
    """The console scrolls; on a terminal the last status stays below it, else it is told once a second."""

    def __init__(self, out, clock=time.monotonic):
        self.out, self.clock = out, clock
        self.terminal = out.isatty()
        self.status, self.told = "", -1.0

    def line(self, text):
        """A line of the machine's."""
        if text.startswith(guests.GUEST):
            self._guest(text[len(guests.GUEST):])
        elif text.startswith(guests.VMM + STATUS):
            self._show_status(text[len(guests.VMM + STATUS):])
        elif text.startswith(guests.VMM):
            self._scroll("VMM", text[len(guests.VMM):])

    def end(self):
        """Leave the last status where it is."""
        if self.terminal and self.status:
            self.out.write("\n")

    def _guest(self, text):
        said = re.match(r"W\| (ok|fail|note|ask) (.*)", text)
        if said:
            self._scroll("program", f"{said[2]}?" if said[1] == "ask" else said[2])
        elif not text.startswith("W| "):
            self._scroll("guest", text)

    def _scroll(self, who, text):
        text = f"{who:7} | {text}"
        self.out.write(f"\r\x1b[K{text}\n{self._bar()}" if self.terminal else text + "\n")
        self.out.flush()

    def _show_status(self, text):
        if self.terminal:
            self.status = text
            self.out.write("\r" + self._bar())
            self.out.flush()
        elif self.clock() - self.told >= 1 and text != self.status:
            self.status, self.told = text, self.clock()
            self._scroll("viq", text)

    def _bar(self):
        # One column less than there are: a full line would make the terminal begin a new one.
        width = shutil.get_terminal_size().columns - 1
        return f"\x1b[K\x1b[7m{('viq: ' + self.status)[:width].ljust(width)}\x1b[0m" if self.status else ""


def main():
    screen = Screen(sys.stdout)
    machine = guests.machine()
    print(BEFORE.format(about=machine.about()), end="", flush=True)
    lines = machine.run("viq.run=demo", machines.BUILD / "console-demo-guest.log", TIMEOUT, line=screen.line)
    screen.end()
    failures = [f"{name}: {reason}" for kind, name, reason in tap.parse(guests.host_lines(lines))[0] if kind == "failed"]
    if failures:
        print(f"\nNot as told: {'; '.join(failures)}", file=sys.stderr)
        return 1
    print(AFTER, end="")
    return 0


if __name__ == "__main__":
    machines.script(main, "demo-guest")
