#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-nested: Linux's real Intel and Arm drivers nest on viq, judged by a device's DMA.

The last line is "N passed, N failed[, N skipped]". Each half can be run by itself, with options. See README.md here.
"""
import arm
import x86
import machines
import tap


def main():
    return tap.total(x86.results_of(x86.arguments([])) + arm.results_of(arm.arguments([])))


if __name__ == "__main__":
    machines.script(main, "check-nested")
