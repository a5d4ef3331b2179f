#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-guest: watch a Linux guest whose SMMUv3 is viq, and below it what viq does meanwhile."""
import shutil
import sys

import guests
import machines
import tap

TIMEOUT = 300
STATUS = "viq: status: "
BEFORE = """
QEMU emulates an Arm machine with an SMMUv3 and a PCI device that does DMA. On it runs Linux ({about}) as a host, and on
that examples/vmm, a small virtual machine monitor: its guest, the same Linux, has an SMMUv3 of its own, which is viq, and
the device behind it. The guest maps memory for the device, lets it read and write, unmaps it, and looks whether the
device still reaches the old page: every unmapping is a command that viq must carry to the real SMMU in time.

"""
AFTER = """
That was the guest's console, and viq's work. The guest's own driver wrote all page tables and commands. The illegal
command was put into its queue by the VMM: the driver reported it at its place and went on. Each freeze took the guest's
SMMU out and put a restored one in its place, in the midst of the work.

How it is done: examples/vmm/smmu.c, and docs/embedding.md along with it. More: make check-guest
"""


class Screen:
    """The console scrolls; on a terminal the last status stays below it."""

    def __init__(self, out):
        self.out, self.status = out, ""
        self.terminal = out.isatty()

    def scroll(self, text):
        self.out.write(f"\r\x1b[K{text}\n{self._bar()}" if self.terminal else text + "\n")
        self.out.flush()

    def show_status(self, text):
        self.status = text
        if self.terminal:
            self.out.write("\r" + self._bar())
            self.out.flush()
        else:
            self.scroll(f"viq    | {text}")

    def end(self):
        """Leave the last status where it is."""
        if self.terminal and self.status:
            self.out.write("\n")

    def _bar(self):
        # One column less than there are: a full line would make the terminal begin a new one.
        width = shutil.get_terminal_size().columns - 1
        return f"\x1b[K\x1b[7m{('viq: ' + self.status)[:width].ljust(width)}\x1b[0m" if self.status else ""

    def line(self, text):
        """A line of the machine's."""
        if text.startswith(guests.GUEST):
            self.scroll(f"guest  | {text[len(guests.GUEST):]}")
        elif text.startswith(guests.VMM + STATUS):
            self.show_status(text[len(guests.VMM + STATUS):])
        elif text.startswith(guests.VMM):
            self.scroll(f"VMM    | {text[len(guests.VMM):]}")


def main():
    screen = Screen(sys.stdout)
    try:
        machine = guests.machine()
        print(BEFORE.format(about=machine.about()), end="", flush=True)
        lines = machine.run("viq.run=demo", machines.BUILD / "console-demo-guest.log", TIMEOUT, line=screen.line)
        screen.end()
    except machines.TROUBLE as error:
        print(f"demo-guest: {error}", file=sys.stderr)
        return 1
    failures = [f"{name}: {reason}" for kind, name, reason in tap.parse(guests.host_lines(lines))[0] if kind == "failed"]
    if failures:
        print(f"\nNot as told: {'; '.join(failures)}", file=sys.stderr)
        return 1
    print(AFTER, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
