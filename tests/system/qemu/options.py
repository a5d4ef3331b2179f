# SPDX-License-Identifier: MIT
"""The command line of the comparisons."""
import argparse
import os
import time


LEAST = 500  # steps, however short the time is


class Options(argparse.Namespace):
    def more(self, start, done):
        """Go on? start: time.monotonic() then; done: steps so far."""
        return done < (self.steps or LEAST) or not self.steps and time.monotonic() - start < self.seconds


def seed():
    """Of the random numbers: the same in each run, or what VIQ_SEED says; printed."""
    number = int(os.environ.get("VIQ_SEED") or 1)
    print(f"VIQ_SEED={number}", flush=True)
    return number


def enough(**counts):
    """Whether each of these (count, minimum) is as much as a comparison must have met to prove something."""
    short = {name: pair for name, pair in counts.items() if pair[0] < pair[1]}
    for name, (count, minimum) in short.items():
        print(f"Too little was compared: {name} {count}, at least {minimum} expected")
    return not short


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
