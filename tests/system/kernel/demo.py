#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-kernel: what a device reads when a kernel's invalidation goes wrong, without viq and with it."""
import sys

import machines
import tap

TIMEOUT = 120


def show(text):
    """Only the story; the kernel has other things to say."""
    if text.startswith("STORY|"):
        print(text[len("STORY|"):], flush=True)


def main():
    machine = machines.machine(machines.kernels()[0])
    print("A virtual machine with an IOMMU and a device that does DMA:\n"
          f"{machine.about()}.\n", flush=True)
    results, _ = tap.parse(machine.run("viq.run=story", machines.BUILD / "console-story.log", TIMEOUT, line=show))
    failures = [f"{name}: {reason}" for kind, name, reason in results if kind == "failed"]
    if failures:
        print(f"\nNot as told: {'; '.join(failures)}", file=sys.stderr)
        return 1
    print("\nMore: make check-kernel    the same for a bad command at every place, and everything else, on two kernels")
    return 0


if __name__ == "__main__":
    machines.script(main, "demo-kernel")
