# SPDX-License-Identifier: MIT
"""The virtual machine: QEMU's "virt" with a nested SMMUv3 and the edu device. Nothing here needs root or KVM."""
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import initrd
import iort

FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
# Time goes on only while the processor works and leaps when it waits: the edu device's 100 ms a transfer cost nothing.
LEAPING_CLOCK = ["-icount", "shift=1,sleep=off"]
INSTRUCTION = 2  # ns of that clock


def machine(memory=512, virtualization=False, processors=1):
    """QEMU's options of a machine with MiB of memory, which can itself run virtual machines or not."""
    kind = "virt,iommu=smmuv3,gic-version=3,acpi=on" + (",virtualization=on" if virtualization else "")
    return ["-machine", kind, "-cpu", "max", "-smp", str(processors), "-m", str(memory), "-global", "arm-smmuv3.stage=nested",
            "-device", "edu,dma_mask=0xffffffffffff", "-net", "none", "-bios", FIRMWARE]


class VmError(Exception):
    """The machine could not be run."""


class Vm:
    """QEMU, a kernel, and the program that is its /init."""

    def __init__(self, qemu, kernel, init, cache, options=None):
        self.qemu, self.kernel, self.init, self.cache = qemu, pathlib.Path(kernel), pathlib.Path(init), cache
        self.options = options or machine()
        self.files = {}  # more files for the initrd
        answer = subprocess.run([qemu, "--version"], check=False, capture_output=True, text=True)
        if answer.returncode:
            raise VmError(f"{qemu} does not run: {answer.stderr.strip()}")
        self.qemu_version = answer.stdout.split("\n", maxsplit=1)[0]

    def about(self):
        """What kernel this is, on what machine."""
        return f"{(self.kernel / 'about').read_text().strip()}, {self.qemu_version}"

    def boot(self, arguments, tables, log, timeout, *, leap=True, more=(), **options):
        """Run to power-off; the console's lines, also written to log. more: QEMU's options that change no table.

        The rest is watch()'s.
        """
        disk = initrd.build({"init": self.init.read_bytes(), **self.files}, tables)
        with tempfile.NamedTemporaryFile(prefix="viq-initrd-") as file:
            file.write(disk)
            file.flush()
            command = [self.qemu, *self.options, *(LEAPING_CLOCK if leap else []), "-nodefaults", "-display", "none",
                       "-serial", "stdio", "-monitor", "none", "-no-reboot", *more,
                       "-kernel", str(self.kernel / "Image"), "-initrd", file.name,
                       "-append", f"console=ttyAMA0 acpi=force panic=-1 oops=panic loglevel=5 {arguments}"]
            return watch(command, log, timeout, **options)

    def iort(self, log):
        """The firmware's own IORT as this machine has it, patched; from the cache, or by booting once."""
        key = hashlib.sha256(repr((self.qemu_version, self.options)).encode())
        key.update(pathlib.Path(FIRMWARE).read_bytes())
        path = pathlib.Path(self.cache) / "iort" / key.hexdigest()[:16]
        if not path.exists():
            table = written_iort(self.boot("viq.run=iort", None, log, 120))
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(f".{os.getpid()}")
            new.write_bytes(table)
            new.replace(path)
        return iort.patch(path.read_bytes())

    def run(self, arguments, log, timeout, **options):
        """Boot with the patched table."""
        return self.boot(arguments, {"iort": self.iort(log)}, log, timeout, **options)


def written_iort(lines):
    """The table that a kernel's machine_run() wrote to its console."""
    table = bytes.fromhex("".join(re.findall(r"^IORT: ([0-9a-f]+)$", "\n".join(lines), re.M)))
    iort.check(table)
    return table


class _Limit:
    """Kills the machine when it has run too long, or has been silent for too long: its output ends then.

    A reader thread is not worth it: the signal's handler does it.
    """

    def __init__(self, process, timeout, silence, look):
        self.process, self.end, self.silence, self.look = process, time.monotonic() + timeout, silence, look
        self.reason, self.seen = None, []
        self.before = [(number, signal.signal(number, handler))
                       for number, handler in ((signal.SIGALRM, self._late), (signal.SIGTERM, self._terminated))]
        self.renew()

    def renew(self):
        """A line has come."""
        left = max(self.end - time.monotonic(), 0.001)
        signal.setitimer(signal.ITIMER_REAL, min(left, self.silence))

    def _late(self, *_):
        silent = self.end - time.monotonic() > 0
        self.reason = f"viq: killed after {self.silence} s of silence" if silent else "viq: killed, out of time"
        self.seen = self.look(self.process.pid) if self.look else []
        self.process.kill()

    @staticmethod
    def _terminated(*_):
        # As an exception, so that the machine does not go on without anyone who waits for it.
        sys.exit(128 + signal.SIGTERM)

    def lift(self):
        """The machine has ended."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.before:
            signal.signal(number, handler)


def watch(command, log, timeout, *, silence=None, line=None, look=None, stdin=subprocess.DEVNULL):
    """Run QEMU to its end; the console's lines, also written to log. line(text) is called with each as it comes.

    The limits are seconds of real time, for all of it and without a line. look(pid) is called before a machine is killed
    for a limit, and returns lines for the log.
    """
    lines = []
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        limit = _Limit(process, timeout, silence or timeout, look)
        try:
            for raw in process.stdout:
                limit.renew()
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                out.write(text + "\n")
                out.flush()
                lines.append(text)
                if line:
                    line(text)
        except BaseException:
            process.kill()
            raise
        finally:
            limit.lift()
            out.writelines(text + "\n" for text in limit.seen)
    if limit.reason:
        lines.append(f"{limit.reason}, after \"{lines[-1] if lines else ''}\"")
    if process.returncode:
        lines.append(f"viq: QEMU ended with status {process.returncode}")
    return lines
