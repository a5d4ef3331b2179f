#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Becomes the `viq device` that a command line of QEMU asks for, so that QEMU's own test programs run against it:

    ln -s .../as_qemu.py viq-system-x86_64
    QTEST_QEMU_BINARY=./viq-system-x86_64 tests/qtest/intel-iommu-test

The name says which machine it is: the tests take theirs from it. VIQ_TOOL is the tool, VIQ_SYSTEM_OPTIONS are further
options for it. What is asked for and is not there ends it, as it ends QEMU.
"""
import os
import shlex
import sys

MACHINES = {"x86_64": ("vtd", {"q35", "pc-q35"}), "aarch64": ("smmuv3", {"virt"})}
# What has no meaning without processors, displays and firmware, by the number of its arguments.
IGNORED = {"-S": 0, "-nodefaults": 0, "-accel": 1, "-audio": 1, "-cpu": 1, "-display": 1, "-net": 1, "-nic": 1,
           "-qtest-log": 1, "-smp": 1, "-vga": 1}
ON = {"on", "yes", "true"}

# CAP of QEMU 10.0 with 48 bits, and CM: without it there are no tables of a guest's to follow.
CAP = 18 << 48 | 1 << 39 | 3 << 34 | 0x22 << 24 | 47 << 16 | 6 << 8 | 1 << 7 | 6  # MAMV PSI SSLPS FRO MGAW SAGAW CM ND
CAP_DRAIN, CAP_FS1GP = 3 << 54, 1 << 56
ECAP = 0xF << 8 | 1 << 1  # IRO QI
ECAP_IR, ECAP_PT, ECAP_DT = 0xF << 20 | 1 << 4 | 1 << 3, 1 << 6, 1 << 2  # with MHMV and EIM
ECAP_SMTS, ECAP_FSTS, ECAP_SSTS = 1 << 43, 1 << 47, 1 << 46


class Refused(Exception):
    pass


def properties(text):
    """"NAME,key=value,..." and what is short for it."""
    name, *rest = text.split(",")
    pairs = [part.partition("=") for part in rest]
    return name, {key: value if is_pair else "on" for key, is_pair, value in pairs}


def intel_iommu(asked):
    """CAP and ECAP of QEMU's device with these properties, by their names in 10.0 and since."""
    known = {"intremap": "on", "dma-drain": "on", "caching-mode": "off", "device-iotlb": "off", "scalable-mode": "off",
             "flts": "off", "aw-bits": "48"}
    given = {key.removeprefix("x-"): value for key, value in asked.items()}
    for key, value in given.items():
        if key not in known or (key == "aw-bits" and value != "48"):
            raise Refused(f"intel-iommu: {key}={value} is not there")
    has = {key: given.get(key, value) in ON for key, value in known.items()}
    cap, ecap = CAP, ECAP | ECAP_PT
    if has["dma-drain"]:
        cap |= CAP_DRAIN
    if has["intremap"]:
        ecap |= ECAP_IR
    if has["device-iotlb"]:
        ecap |= ECAP_DT
    if has["scalable-mode"]:
        ecap |= ECAP_SMTS | (ECAP_FSTS if has["flts"] else ECAP_SSTS)
        cap |= CAP_FS1GP if has["flts"] else 0
    return ["--cap", hex(cap), "--ecap", hex(ecap)]


class CommandLine:
    def __init__(self, arch):
        self.kind, self.names = MACHINES[arch]
        self.options, self.sockets, self.slots = [], {}, 0

    def machine(self, text):
        name, asked = properties(text)
        if name not in self.names | {"none"}:
            raise Refused(f"no machine {name}: {self.kind} is on {', '.join(sorted(self.names))}")
        if asked.get("iommu", "smmuv3") != "smmuv3":
            raise Refused(f"no iommu={asked['iommu']}")

    def device(self, text):
        name, asked = properties(text)
        if name == "intel-iommu" and self.kind == "vtd":
            self.options += intel_iommu(asked)
        elif name == "iommu-testdev" and not asked:
            self.slots += 1
            self.options += ["--host", "soft", "--stream", hex(self.slots << 3)]
        else:
            raise Refused(f"no -device {text}")

    def take(self, option, value):
        if option in ("-M", "-machine"):
            self.machine(value)
        elif option == "-device":
            self.device(value)
        elif option == "-m":
            self.options += ["--memory", value if value[-1:].isalpha() else value + "M"]
        elif option == "-qtest":
            self.options += ["--connect", value.removeprefix("unix:")]
        elif option == "-chardev":
            _, asked = properties(value)
            self.sockets[asked.get("id")] = asked.get("path", "")
        elif option == "-mon":
            self.options += ["--qmp", self.sockets[properties("," + value)[1]["chardev"]]]
        else:
            raise Refused(f"no option {option}")


def translate(arch, arguments):
    """The arguments of viq."""
    line, rest = CommandLine(arch), iter(arguments)
    for option in rest:
        option = option.replace("--", "-", 1) if option.startswith("--") else option
        if option in IGNORED:
            for _ in range(IGNORED[option]):
                next(rest, None)
            continue
        value = next(rest, None)
        if value is None:
            raise Refused(f"{option} needs a value")
        line.take(option, value)
    return ["device", line.kind, *line.options, *shlex.split(os.environ.get("VIQ_SYSTEM_OPTIONS", ""))]


def main():
    name = os.path.basename(sys.argv[0])
    arch = name.rpartition("-")[2]
    tool = os.environ.get("VIQ_TOOL", "viq")
    if arch not in MACHINES:
        sys.exit(f"{name}: call it by a link whose name ends in -system-x86_64 or -system-aarch64")
    try:
        arguments = translate(arch, sys.argv[1:])
        os.execvp(tool, [tool, *arguments])
    except (Refused, KeyError, OSError) as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
