# SPDX-License-Identifier: MIT
"""The command line of the comparisons."""
import argparse
import time


class Options(argparse.Namespace):
    def more(self, start, done):
        """Go on? start: time.monotonic() then; done: steps so far."""
        return done < self.steps if self.steps else time.monotonic() - start < self.seconds


def parse(description, qemu="qemu-system-aarch64"):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("viq", help="the viq command; 'self' compares QEMU with itself")
    parser.add_argument("--host", default="null", help="null or soft")
    parser.add_argument("--qemu", default=qemu)
    parser.add_argument("--scalable", action="store_true", help="VT-d: QEMU with x-scalable-mode=on")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--steps", type=int, default=0, help="end after so many steps instead")
    parser.add_argument("--drop", action="store_true",
                        help="viq's software host drops invalidations: succeed if that is noticed")
    return parser.parse_args(namespace=Options())
