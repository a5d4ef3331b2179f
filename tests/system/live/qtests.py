#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""QEMU's own tests of IOMMUs, on `viq device`, on viq's devices in a QEMU, and on the model that they were written for.

    qtests.py FOLDER...

FOLDER has test programs of QEMU's tree (tests/qtest/intel-iommu-test, viq-vtd-test) and bin/qemu-system-*, as what
integrations/qemu/build.sh prints. 10.0 has no program for an SMMUv3: what that of a VT-d looks at is looked at here, too,
and what has once gone wrong.
VIQ_TOOL is the tool, if it is not in build/.
"""
import contextlib
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "kernel"))

# pylint: disable=wrong-import-position
import migration  # noqa: E402
import page_requests  # noqa: E402
import pasids  # noqa: E402
import qmp  # noqa: E402
import refusals  # noqa: E402
import vhost  # noqa: E402

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


@contextlib.contextmanager
def talk(qemu, options, environment=None):
    """ask(line) of qtest's protocol, the answer; and the monitor of a machine that only this makes go on."""
    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()

    with tempfile.TemporaryDirectory() as folder:
        command = [qemu, *options.split(), "-accel", "qtest", "-display", "none", "-nodefaults", "-qtest", "stdio",
                   "-qtest-log", "none", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=os.environ | (environment or {})) as process:
            try:
                ask("read 0 1")  # the monitor is there by now
                monitor = qmp.Qmp(f"{folder}/qmp")
                yield ask, monitor
                monitor.close()
            finally:
                process.kill()


def run_reset(machine, qemu):
    """Registers after a reset of the machine are those of its start: what is wrong, or None."""
    read = f"read {machine.registers:#x} {SIZE:#x}"
    with talk(qemu, machine.options) as (ask, monitor):
        fresh, _, changed = ask(read), ask(machine.write), ask(read)
        monitor.command("system_reset")
        monitor.await_event("RESET")
        again = ask(read)
    if not fresh.startswith("OK") or fresh == changed:
        return f"nothing to see: {fresh} {changed}"
    return None if again == fresh else f"at first {fresh} now {again}"


VTD = MACHINES["reset-of-viq-vtd"]


def config(ask, devfn, offset, size, value=None):
    """A byte or more of a function's configuration space on bus 0, read or written."""
    ask(f"outl 0xcf8 {0x80000000 | devfn << 8 | offset & ~3:#x}")
    port = f"{ {1: 'b', 2: 'w'}[size]} {0xcfc + (offset & 3):#x}"
    return int(ask(f"in{port}").split()[1], 16) if value is None else ask(f"out{port} {value:#x}")


def run_hidden_memory(qemu):
    """A status goes to TSEG, which SMM alone may write, once the guest has locked it: what is wrong, or None."""
    queue, tseg = 0x1000000, (128 - 1) << 20
    with talk(qemu, "-machine q35,smm=on -m 128M -device viq-vtd") as (ask, _):
        config(ask, 0, 0x9E, 1, 0x01)  # ESMRAMC: TSEG is there, 1 MiB
        config(ask, 0, 0x9D, 1, 0x1A)  # SMRAM: locked
        if ask(f"readl {tseg:#x}") != "OK 0x00000000ffffffff\n":
            return "TSEG is open"
        ask(f"writeq {queue:#x} {0xdead0000 << 32 | 1 << 5 | 5:#x}")  # Invalidation Wait, Status Write
        ask(f"writeq {queue + 8:#x} {tseg:#x}")
        ask(f"writeq {VTD.registers + 0x90:#x} {queue:#x}")  # IQA
        ask(f"writel {VTD.registers + 0x18:#x} {1 << 26:#x}")  # GCMD.QIE
        ask(f"writeq {VTD.registers + 0x88:#x} 0x10")  # IQT
        head = ask(f"readq {VTD.registers + 0x80:#x}")  # IQH
    return None if head == "OK 0x0000000000000010\n" else f"IQH: {head or 'QEMU is gone'}"


def run_bridge_that_goes(qemu):
    """A bridge goes with what is behind it, then the IOMMU looks at its buses: what is wrong, or None."""
    port, slot_control = 4 << 3, 0x18
    with talk(qemu, "-machine q35 -m 128M -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -device viq-vtd "
              "-device pcie-root-port,id=top,chassis=1,addr=4", {"MALLOC_PERTURB_": "165"}) as (ask, monitor):
        monitor.command("device_add", driver="pcie-root-port", bus="top", id="bridge", chassis=2)
        monitor.command("device_add", driver="virtio-rng-pci", bus="bridge", id="behind")
        monitor.command("device_del", id="bridge")
        at = config(ask, port, 0x34, 1)
        while config(ask, port, at, 1) != 0x10:  # the capability PCI Express
            at = config(ask, port, at + 1, 1)
        for power in (0x1C0, 0x7C0):  # on, then off: what was to go is let go
            config(ask, port, at + slot_control, 2, power)
        monitor.await_event("DEVICE_DELETED")
        ask(f"writeq {VTD.registers + 0x20:#x} 0x100000")  # RTADDR
        for command in (30, 31):  # GCMD.SRTP, TE: a look at all buses each
            ask(f"writel {VTD.registers + 0x18:#x} {1 << command:#x}")
        status = ask(f"readl {VTD.registers + 0x1c:#x}")
    return None if status == "OK 0x00000000c0000000\n" else f"GSTS: {status or 'QEMU is gone'}"


def run_thread_that_is_first(qemu):
    """The first access of all is an iothread's, behind a bridge that firmware has numbered: what is wrong, or None."""
    said = "booted"
    # mov al, LETTER; mov dx, 0x3f8; out dx, al - for each; then hlt for ever
    sector = b"".join(b"\xb0" + bytes([letter]) + b"\xba\xf8\x03\xee" for letter in said.encode()) + b"\xf4\xeb\xfd"
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(sector.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
        disk.flush()
        with subprocess.Popen([qemu, *"-machine q35 -m 64M -nodefaults -display none -serial stdio -device viq-vtd".split(),
                               "-object", "iothread,id=thread", "-device", "pcie-root-port,id=top,chassis=1",
                               "-blockdev", f"driver=file,node-name=disk,filename={disk.name}",
                               "-device", "virtio-blk-pci,bus=top,drive=disk,iommu_platform=on,disable-legacy=on,bootindex=0,"
                               "iothread=thread"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            limit = threading.Timer(TIMEOUT / 2, process.kill)
            limit.start()
            console = process.stdout.read(len(said)).decode(errors="replace")
            limit.cancel()
            process.kill()
    return None if console == said else f"the disk is not read: {console!r}"


def run_unknown_failure(qemu):
    """A failure that there is not is refused by a list of those that there are: what is wrong, or None."""
    with talk(qemu, VTD.options) as (_, monitor):
        try:
            monitor.command("x-viq-inject", failure="fire")
        except qmp.vm.VmError as error:
            missing = {"none", "drop", "abort", "atc-wrong", "config-drop", "hang"} - set(re.findall(r"[\w-]+", str(error)))
            return f"{error}: lacks {missing}" if missing else None
    return "taken"


def run_page_that_ends(iommu, qemu):
    """An element of a used ring crosses a page, and the next one is mapped to elsewhere: what is wrong, or None.

    hooks.patch mends system/physmem.c: QEMU writes its length behind the first page, with any IOMMU.
    """
    rng, bar, length = 5 << 3, 0xC0000000, 64
    descriptors, used, behind, buffer = 0x200000, 0x300000, 0x400000, 0x500000
    # Root entry, context entry (legacy, 39 bits), three levels.
    words = {0x100000: 0x101001, 0x101000 + 16 * rng: 0x102001, 0x101008 + 16 * rng: 0x101, 0x102000: 0x103003,
             0x103000: 0x104003}
    words |= {0x104008 + 8 * i: page | 3 for i, page in enumerate((descriptors, used, behind, buffer))}
    words |= {descriptors: 0x4000, descriptors + 8: 2 << 32 | length, descriptors + 0x800: 1 << 16}  # one is available
    # virtio 1.2, 4.1.4.3: both features above 31 (VERSION_1, ACCESS_PLATFORM), a queue of 8, its used ring at a page's end.
    device = [("b", 0x14, 3), ("l", 8, 1), ("l", 12, 3), ("b", 0x14, 11), ("w", 0x18, 8), ("l", 0x20, 0x1000),
              ("l", 0x28, 0x1800), ("l", 0x30, 0x2FF8), ("w", 0x1C, 1), ("b", 0x14, 15), ("w", 0x3000, 0)]
    with talk(qemu, f"-machine q35 -m 128M -device {iommu} -device virtio-rng-pci,addr=5,disable-legacy=on,iommu_platform=on"
              ) as (ask, _):
        for at, word in words.items():
            ask(f"writeq {at:#x} {word:#x}")
        ask(f"writeq {VTD.registers + 0x20:#x} 0x100000")  # RTADDR
        for command in (30, 31):  # GCMD.SRTP, TE
            ask(f"writel {VTD.registers + 0x18:#x} {1 << command:#x}")
        config(ask, rng, 0x22, 2, bar >> 16)
        config(ask, rng, 4, 2, 6)  # memory, bus master
        for size, at, value in device:
            ask(f"write{size} {bar + at:#x} {value:#x}")
        for _ in range(1000):
            if ask(f"readw {used + 0xffa:#x}") == "OK 0x0000000000000001\n":
                break
        lengths = [int(ask(f"readl {at:#x}").split()[1], 16) for at in (behind, used + 0x1000)]
    return None if lengths == [length, 0] else f"the length is {lengths[0]}, and {lengths[1]} is in another page"


def run_widths(qemu):
    """CAP has what aw-bits and caching-mode say: what is wrong, or None."""
    for options, *expected in (("", 0, 6, 48, 0), (",aw-bits=39", 0, 2, 39, 0), (",aw-bits=57", 0, 14, 57, 1),
                               (",aw-bits=57,first-stage=off", 0, 14, 57, 0), (",caching-mode=on", 1, 6, 48, 0)):
        with talk(qemu, VTD.options + options) as (ask, _):
            cap = int(ask(f"readq {VTD.registers + 8:#x}").split()[1], 16)
        # CM, SAGAW, MGAW, FS5LP
        found = [cap >> 7 & 1, cap >> 8 & 0x1F, (cap >> 16 & 0x3F) + 1, cap >> 60 & 1]
        if found != expected:
            return f"viq-vtd{options}: {found}"
    return None


def run_stages(qemu):
    """IDR0 and IDR3 have what stage says, and what goes with it: what is wrong, or None."""
    smmu = MACHINES["reset-of-viq-smmuv3"]
    # S2P, S1P, NS1ATS, VMID16; HAD, XNX, FWB
    for options, *expected in (("", 0, 1, 0, 0, 1, 0, 0), ("stage=1", 0, 1, 0, 0, 1, 0, 0), ("stage=2", 1, 0, 0, 1, 0, 1, 1),
                               ("stage=nested", 1, 1, 0, 1, 1, 1, 1), ("stage=nested ats=on", 1, 1, 1, 1, 1, 1, 1)):
        words = "".join(f" -global viq-smmuv3.{word}" for word in options.split())
        with talk(qemu, smmu.options + words) as (ask, _):
            idr0, idr3 = (int(ask(f"readl {smmu.registers + at:#x}").split()[1], 16) for at in (0, 0xC))
        found = [idr0 >> bit & 1 for bit in (0, 1, 11, 18)] + [idr3 >> bit & 1 for bit in (2, 4, 8)]
        if found != expected:
            return f"viq-smmuv3 {options}: {found}"
    done = subprocess.run([qemu, *smmu.options.split(), "-nic", "none", "-display", "none", "-global", "viq-smmuv3.stage=3"],
                          check=False, capture_output=True, text=True, timeout=TIMEOUT)
    return None if done.returncode and "'stage' expects 1, 2 or nested" in done.stderr else f"stage=3: {done.stderr or 'taken'}"


# What has once gone wrong in viq's devices for QEMU, or around them.
ATTACKS = {
    "a-thread-that-is-first": run_thread_that_is_first,
    "memory-that-the-chipset-hides": run_hidden_memory,
    "a-bridge-that-goes": run_bridge_that_goes,
    "a-failure-that-is-not": run_unknown_failure,
    "widths-of-addresses": run_widths,
    "a-page-that-ends": functools.partial(run_page_that_ends, "viq-vtd"),
    "a-page-that-ends-on-intel-iommu": functools.partial(run_page_that_ends, "intel-iommu,intremap=off"),
}

ON_BOTH = {"pasids": pasids.run, "a-function-without-ats": pasids.run_without_ats,
           "in-flight": pasids.run_in_flight, "page-requests": page_requests.run,
           "a-cache-that-goes": pasids.run_slot, "moved": pasids.run_moved, "the-last-moment": migration.run,
           "vhost": vhost.run, "vhost-with-ats": functools.partial(vhost.run, ats=True)}
BOTH = {"viq-vtd": ("x86_64", pasids.Vtd), "viq-smmuv3": ("aarch64", pasids.Smmu)}



def run(*folders):
    """[(kind, name, reason)]: kind is "passed" or "failed"."""
    def find(name):
        return next((path for folder in folders if (path := pathlib.Path(folder, name)).exists()), name)

    tool = pathlib.Path(os.environ.get("VIQ_TOOL", TOOL)).resolve()
    reasons = {case.name: run_case(case, find(f"tests/qtest/{case.program}"), find("bin/qemu-system-x86_64"), tool)
               for case in CASES}
    own = {name: functools.partial(run_reset, machine, find(f"bin/qemu-system-{machine.architecture}"))
           for name, machine in MACHINES.items()}
    own |= {f"{name}-on-{unit}": functools.partial(test, talk, kind, find(f"bin/qemu-system-{architecture}"))
            for name, test in ON_BOTH.items() for unit, (architecture, kind) in BOTH.items()}
    own |= {name: functools.partial(test, find("bin/qemu-system-x86_64")) for name, test in ATTACKS.items()}
    own["stages"] = functools.partial(run_stages, find("bin/qemu-system-aarch64"))
    own |= {"refused-at-start": functools.partial(refusals.run_at_start, find),
            "refused-when-plugged": functools.partial(refusals.run_plugged, talk, find)}
    for name, test in own.items():
        try:
            reasons[name] = test()
        except (OSError, ValueError, IndexError, qmp.vm.VmError) as error:
            reasons[name] = str(error)
    return [("failed" if reason else "passed", name, reason) for name, reason in reasons.items()]


def main():
    results = run(*map(os.path.abspath, sys.argv[1:]))
    for kind, name, reason in results:
        print(f"{kind}: {name}" + (f": {reason}" if reason else ""))
    return any(kind == "failed" for kind, _, _ in results)


if __name__ == "__main__":
    sys.exit(main())
