#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-qemu: watch a stock Linux in QEMU whose VT-d is viq, and in between what it has asked of viq."""
import collections
import re
import sys

import check
import live
import machines
import tap

RELEASE, MODE = "6.12", "first-lazy"
TIMEOUT = 400
# QEMU's trace has a line for each descriptor.
DESCRIPTOR = re.compile(r"viq_vtd_descriptor iqh (\w+) fate \d+ iqei \d+: ((\S+).*)")
SAMPLES = 2
BEFORE = """
{about}.

This is QEMU with the device viq-vtd in the place of its own intel-iommu, and Debian's kernel as it is. The guest's drivers
for NVMe, virtio and a network card map memory for each transfer and unmap it; each unmapping ends as descriptors in the
guest's invalidation queue. The guest looks whether each byte came to the right place.

"""
AFTER = """
In all viq was asked for {total}.

The guest's work is tests/system/live; the devices are in integrations/qemu, and docs/qemu.md says how to use them.
More: make check-qemu
"""


def counted(kinds):
    """How many there were of each kind, most first."""
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "nothing"


class Show:
    """The console, and after each thing that the guest did, the descriptors that it took."""

    def __init__(self, trace, out):
        self.trace, self.out = trace, out
        self.total = collections.Counter()

    def line(self, text):
        """A line of the console."""
        if result := tap.RESULT.match(text):
            self._say("guest", f"{result[3]}: {'NOT ' if result[1] else ''}ok {result[4] or ''}".rstrip())
            self._descriptors()
        elif text.startswith("# "):
            self._say("guest", text[2:])
        elif text.startswith(("[", "ask: ")):
            self._say("guest", text)

    def _descriptors(self):
        kinds, samples = collections.Counter(), {}
        while text := self.trace.readline():
            if match := DESCRIPTOR.match(text):
                kinds[match[3]] += 1
                samples[match[3]] = f"at 0x{int(match[1], 16):05x}: {match[2]}"
        self.total += kinds
        self._say("viq", counted(kinds))
        for kind, _ in kinds.most_common(SAMPLES):
            self._say("viq", f"  {samples[kind]}")

    def _say(self, who, text):
        print(f"{who:5} | {text}", file=self.out, flush=True)


def main():
    guest = live.Guest(live.qemu(), check.MODES[MODE], RELEASE)
    log = live.BUILD / "trace-demo"
    log.write_text("")
    print(BEFORE.format(about=guest.about()), end="", flush=True)
    with open(log, encoding="utf-8") as trace:
        show = Show(trace, sys.stdout)
        guest.options = ["-trace", f"enable=viq_vtd_descriptor,file={log}"]
        lines = guest.run("viq.run=work", live.BUILD / "console-demo.log", TIMEOUT, line=show.line)
    failures = [f"{name}: {reason}" for kind, name, reason in check.judge("demo", lines)[0] if kind == "failed"]
    if failures:
        print(f"\nNot as told: {'; '.join(failures)}", file=sys.stderr)
        return 1
    print(AFTER.format(total=counted(show.total)), end="")
    return 0


if __name__ == "__main__":
    machines.script(main, "demo-qemu")
