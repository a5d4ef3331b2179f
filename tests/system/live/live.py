# SPDX-License-Identifier: MIT
"""A virtual machine of a QEMU user: a stock Linux, an IOMMU, and devices with drivers that do DMA through it.

Importing this module makes those of tests/system/kernel importable, behind those here.
"""
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import typing

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "kernel"))

# pylint: disable=wrong-import-position
import initrd  # noqa: E402
import machines  # noqa: E402
import vm  # noqa: E402

import ask  # noqa: E402
import linux  # noqa: E402
import vhost  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = machines.SOURCE / "build-qemu"
DISK = 16 << 20  # bytes of each disk
MEMORY = 768  # MiB
PROGRAM = ["init.c", "bench.c", "devices.c", "disk.c", "net.c", "dma.c", "function.c", "../kernel/tap.c", "../kernel/machine.c"]
COMPILERS = {"x86_64": "gcc", "aarch64": "aarch64-linux-gnu-gcc"}
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
# A busy host cannot give a guest its timer in time, nor each processor its turn.
WORDS = {"x86_64": "console=ttyS0 no_timer_check rcupdate.rcu_cpu_stall_suppress=1",
         "aarch64": "console=ttyAMA0 rcupdate.rcu_cpu_stall_suppress=1"}
# The guest says one of these before it begins anew.
RESET, CRASH = "ask: reset", "viq: crash"
# For virtio, an IOMMU is an option of the device.
VIRTIO = "disable-legacy=on,iommu_platform=on"
BOOTING = re.compile(r"\[ +0\.\d|1\.\.\d")  # the first that a kernel says, at the latest its program


class Mode(typing.NamedTuple):
    """An IOMMU, and how a guest uses it."""
    architecture: str
    machine: str  # -machine
    device: str | None  # -device of the IOMMU, or viq-smmuv3, which the machine has, and its properties
    words: str  # on the kernel's command line
    group: str  # the type of its groups
    xen: str = ""  # the command line of a Xen below the guest, which has the IOMMU then


def qemu():
    """The folder of a QEMU with viq's devices; $VIQ_QEMU is another one."""
    return pathlib.Path(os.environ.get("VIQ_QEMU") or machines.output(machines.SOURCE / "integrations/qemu/build.sh"))


def program(architecture):
    """The guest's /init."""
    compiler = COMPILERS[architecture]
    if architecture == os.uname().machine:
        compiler = "gcc"
    result = BUILD / f"live-init-{architecture}"
    BUILD.mkdir(exist_ok=True)
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-D_GNU_SOURCE", "-static",
               "-I", HERE.parent, "-o", result] + [HERE / name for name in PROGRAM]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise vm.VmError(f"the guest's program does not build:\n{done.stderr[-4000:]}")
    return result


def devices(folder, nvme=True, disk="virtio-blk-pci,drive=virtio"):
    """QEMU's options: two disks, two network cards that are connected, and a port for one more."""
    options = ["-device", "pcie-root-port,id=hole,chassis=1"] + (["-device", "nvme,drive=nvme,serial=1"] if nvme else [])
    for name in ("nvme", "virtio", "plug"):
        image = folder / f"{name}.img"
        with open(image, "wb") as file:
            file.truncate(DISK)
        options += ["-blockdev", f"driver=file,node-name={name},filename={image}"]
    return options + ["-device", f"{disk},{VIRTIO}",
                      "-netdev", "hubport,id=one,hubid=0", "-device", "e1000e,netdev=one,romfile=",
                      "-netdev", "hubport,id=other,hubid=0", "-device", f"virtio-net-pci,netdev=other,romfile=,{VIRTIO}",
                      "-device", f"virtio-rng-pci,{VIRTIO}"]


def last_life(lines):
    """A console's lines after a reset; after a crash without the dying kernel's."""
    if RESET in lines:
        return lines[lines.index(RESET) + 1:]
    if CRASH in lines:
        return list(itertools.dropwhile(lambda text: not BOOTING.match(text), lines[lines.index(CRASH):]))
    return lines


class Guest(ask.Asked):
    """One life of a virtual machine."""

    def __init__(self, folder, mode, release):
        super().__init__()
        self.mode, self.kernel = mode, linux.fetch(release, DEBIAN[mode.architecture])
        self.binary = folder / "bin" / f"qemu-system-{mode.architecture}"
        self.options = []  # more of QEMU's
        self.init = None  # its /init, if that is another one
        self.modules = list(self.kernel.glob("modules/*"))  # loaded in the order of their names
        self.dma = "viq-dma"
        self.resets = 0
        self.second = False  # whether it has the kernel once more, for kexec
        self.moves = False  # whether it can migrate, which QEMU's NVMe cannot
        self.outside = False  # whether its virtio disk is a process's of its own
        self.unit = None  # a property more of its IOMMU
        self.state = None  # where it has migrated to

    def about(self):
        """What kernel this is, and on what."""
        kernel, words = (self.kernel / "about").read_text().strip(), self.mode.words or f"Xen {self.mode.xen}"
        return f"{kernel}, {self.mode.architecture}, {self.mode.device or self.mode.machine}, {words}"

    def _disk(self, folder):
        files = {f"modules/{path.name}": path.read_bytes() for path in self.modules}
        files["init"] = (self.init or program(self.mode.architecture)).read_bytes()
        if self.second:
            files |= {"second/initrd": initrd.archive(files), "second/Image": (self.kernel / "Image").read_bytes()}
        disk = folder / "initrd"
        disk.write_bytes(initrd.archive(files))  # not compressed: the guest is slower than its disk
        return disk

    def _iommu(self):
        """QEMU's options: a device, or properties of what the machine has."""
        name, *properties = (self.mode.device or "viq-smmuv3").split(",") + ([self.unit] if self.unit else [])
        if name == "viq-smmuv3":
            return [word for one in properties for word in ("-global", f"{name}.{one}")]
        return ["-device", ",".join([name, *properties])]

    def command(self, folder, words):
        """QEMU's command line; what it needs is made in the folder."""
        mode = self.mode
        # It refuses any other IOMMU.
        dma = ["-device", self.dma] if "viq" in f"{mode.machine} {mode.device}" else []
        disk = "virtio-blk-pci,drive=virtio"
        outside = []
        if self.outside:
            disk = "vhost-user-blk-pci,chardev=vhost,num-queues=1"
            outside = ["-chardev", f"socket,id=vhost,path={folder}/vhost"]
            outside += ["-object", f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on", "-machine", "memory-backend=ram"]
            # Firmware leaves it alone: QEMU would look at that one's ring when Linux resets the disk, with the IOMMU on.
            outside += ["-boot", "strict=on"]
        cpu = "max,la57=off" if mode.architecture == "x86_64" else "cortex-a76"
        return [str(self.binary), "-machine", mode.machine, "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "2", "-m", f"{MEMORY}",
                "-nodefaults", "-display", "none", "-serial", "stdio", "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
                "-action", "reboot=reset,panic=shutdown", *self._iommu(), *outside, *devices(folder, not self.moves, disk), *dma,
                *self.options,
                *self._boot(self.kernel / "Image", self._disk(folder),
                            f"panic=-1 oops=panic loglevel=5 {mode.words} viq.type={mode.group} {words}")]

    def _boot(self, image, disk, words):
        if not self.mode.xen:
            return ["-kernel", str(image), "-initrd", str(disk), "-append", f"{WORDS[self.mode.architecture]} {words}"]
        # Two modules of multiboot; the first has a command line.
        return ["-kernel", str(linux.fetch_xen()), "-append", f"console=com1 com1=115200,8n1 loglvl=all {self.mode.xen}",
                "-initrd", f"{image} console=hvc0 {words},{disk}"]

    def run(self, words, log, timeout, *, silence=None, line=None):
        """The console's lines, of its last life."""
        with tempfile.TemporaryDirectory(prefix="viq-live-") as name:
            folder = pathlib.Path(name)
            answers, self.answers = os.pipe()
            self.socket = folder / "qmp"

            def each(text):
                if line:
                    line(text)
                self.line(text)

            if self.outside:
                vhost.Backend(folder / "vhost", bytearray(DISK)).start()
            try:
                command = self.command(folder, words)
                lines = vm.watch(command, log, timeout, silence=silence, line=each, look=self.look, stdin=answers)
                if self.state:
                    self.hang_up()
                    threading.Thread(target=self._arrive, daemon=True).start()
                    lines += vm.watch(command + ["-incoming", f"file:{self.state}"], log.with_stem(f"{log.stem}-moved"), timeout,
                                      silence=silence, line=each, look=self.look, stdin=answers)
            finally:
                self.hang_up()
                os.close(answers)
                os.close(self.answers)
        return last_life(lines)

    def _arrive(self):
        """Answer the guest when it runs again; what comes before that is lost with the port's old state."""
        while True:
            try:
                while not self.qmp().command("query-status")["running"]:
                    time.sleep(0.1)
                break
            except OSError:  # not there yet
                time.sleep(0.1)
        os.write(self.answers, b"done\n")

    def say(self, text):
        if not self.state:
            super().say(text)

    def do_plug(self):
        """An NVMe comes."""
        self.qmp().command("device_add", driver="nvme", id="plugged", drive="plug", serial="2", bus="hole")

    def do_unplug(self):
        """It goes, when the guest lets it."""
        self.qmp().command("device_del", id="plugged")
        self.qmp().await_event("DEVICE_DELETED")

    def do_counted(self, name):
        """Has it?"""
        counters = {one["name"]: one["value"] for one in self.query()["counters"]}
        return None if name in counters else f"{name} is 0"

    def do_slot(self):
        """Where a VT-d's queue ends (IQT): whether the next descriptor goes to an odd slot."""
        def register(offset):
            return int(self.qmp().monitor(f"xp /1gx {0xFED90000 + offset:#x}").split()[1], 16)

        wide = register(0x90) >> 11 & 1  # IQA.DW
        return "odd" if register(0x88) >> (4 + wide) & 1 else "even"

    def do_reset(self):
        """The first time, the machine starts anew."""
        self.resets += 1
        if self.resets == 1:
            self.qmp().command("system_reset")

    def do_migrate(self):
        """The guest goes on in another QEMU, once this one has ended."""
        state = self.socket.with_name("state")
        self.qmp().command("migrate", uri=f"file:{state}")
        while (status := self.qmp().command("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled"):
                raise vm.VmError(f"migration: {status}")
            time.sleep(0.1)
        self.qmp().command("quit")
        self.state = state
