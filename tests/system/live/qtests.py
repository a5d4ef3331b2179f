#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""QEMU's own tests of IOMMUs, on `viq device`, on viq's devices in a QEMU, and on the model that they were written for.

    qtests.py FOLDER...

FOLDER has test programs of QEMU's tree (tests/qtest/intel-iommu-test, viq-vtd-test) and bin/qemu-system-*, as what
integrations/qemu/build.sh prints. 10.0 has no program for an SMMUv3: what that of a VT-d looks at is looked at here, too.
VIQ_TOOL is the tool, if it is not in build/.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "kernel"))

import qmp  # noqa: E402, pylint: disable=wrong-import-position

AS_QEMU = HERE.parent / "qemu" / "as_qemu.py"
TOOL = HERE.parents[2] / "build/tools/viq/viq"
TIMEOUT = 120
# A QEMU without a display of its own, and without firmware for the network card that q35 has by itself.
IN_QEMU = '#!/bin/sh\nexec "{qemu}" -vga none -nic none "$@"\n'
NO_FIRST_STAGE = "--cap 0xd2008c222f0686 --ecap 0x480000f00f5a"


class Case(typing.NamedTuple):
    name: str
    program: str
    in_qemu: bool
    options: str = ""  # for `viq device`
    fails: str = ""  # what it says then; it must


CASES = [
    Case("intel-iommu-on-viq-device", "intel-iommu-test", False),
    Case("intel-iommu-notices-what-is-missing", "intel-iommu-test", False, NO_FIRST_STAGE,
         "assertion failed: ((ecap & ECAP_STAGE_1_FIXED1)"),
    Case("intel-iommu-on-viq-vtd", "viq-vtd-test", True),
    Case("intel-iommu-on-intel-iommu", "intel-iommu-test", True),
]


def stand_in(folder, case, binary):
    """What libqtest starts: its name says which machine it is."""
    path = pathlib.Path(folder, "viq-system-x86_64")
    if case.in_qemu:
        path.write_text(IN_QEMU.format(qemu=binary), encoding="utf-8")
        path.chmod(0o755)
    else:
        path.symlink_to(AS_QEMU)
    return path


def complaint(case, done):
    """What is wrong with this run, or None."""
    passed = len(re.findall(r"^ok \d+ ", done.stdout, re.MULTILINE))
    said = (done.stdout + done.stderr).strip()
    if case.fails:
        return None if done.returncode and case.fails in said else f"did not fail as it must: {said[-500:]}"
    if done.returncode or not passed or re.search(r"^not ok|# SKIP", done.stdout, re.MULTILINE):
        return f"status {done.returncode}, {passed} passed: {said[-500:]}"
    return None


def run_case(case, program, qemu, tool):
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"QTEST_QEMU_BINARY": str(stand_in(folder, case, qemu)), "TMPDIR": folder,
                                    "VIQ_TOOL": str(tool), "VIQ_SYSTEM_OPTIONS": case.options}
        try:
            done = subprocess.run([program], env=environment, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT,
                                  check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return complaint(case, done)


class Machine(typing.NamedTuple):
    """A machine, where its IOMMU's registers are, and a write that changes one of them."""
    architecture: str
    options: str
    registers: int
    write: str


MACHINES = {
    "reset-of-viq-vtd": Machine("x86_64", "-machine q35 -device viq-vtd", 0xFED90000, "writel 0xfed90038 0"),
    "reset-of-viq-smmuv3": Machine("aarch64", "-machine virt,iommu=viq-smmuv3", 0x09050000, "writeq 0x09050090 0x40000008"),
}
SIZE = 0x230  # of the registers that intel-iommu-test compares


def run_reset(machine, qemu):
    """Registers after a reset of the machine are those of its start: what is wrong, or None."""
    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()

    with tempfile.TemporaryDirectory() as folder:
        command = [qemu, *machine.options.split(), "-accel", "qtest", "-display", "none", "-nodefaults", "-qtest", "stdio",
                   "-qtest-log", "none", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            read = f"read {machine.registers:#x} {SIZE:#x}"
            try:
                fresh, _, changed = ask(read), ask(machine.write), ask(read)
                monitor = qmp.Qmp(f"{folder}/qmp")
                monitor.command("system_reset")
                monitor.await_event("RESET")
                monitor.close()
                again = ask(read)
            finally:
                process.kill()
    if not fresh.startswith("OK") or fresh == changed:
        return f"nothing to see: {fresh} {changed}"
    return None if again == fresh else f"at first {fresh} now {again}"


def run(*folders):
    """[(kind, name, reason)]: kind is "passed" or "failed"."""
    def find(name):
        return next((path for folder in folders if (path := pathlib.Path(folder, name)).exists()), name)

    tool = pathlib.Path(os.environ.get("VIQ_TOOL", TOOL)).resolve()
    reasons = {case.name: run_case(case, find(f"tests/qtest/{case.program}"), find("bin/qemu-system-x86_64"), tool)
               for case in CASES}
    for name, machine in MACHINES.items():
        try:
            reasons[name] = run_reset(machine, find(f"bin/qemu-system-{machine.architecture}"))
        except (OSError, qmp.vm.VmError) as error:
            reasons[name] = str(error)
    return [("failed" if reason else "passed", name, reason) for name, reason in reasons.items()]


def main():
    results = run(*map(os.path.abspath, sys.argv[1:]))
    for kind, name, reason in results:
        print(f"{kind}: {name}" + (f": {reason}" if reason else ""))
    return any(kind == "failed" for kind, _, _ in results)


if __name__ == "__main__":
    sys.exit(main())
