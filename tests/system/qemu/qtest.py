# SPDX-License-Identifier: MIT
"""Speak QEMU's qtest line protocol with a device over its standard input and output."""
import subprocess

REGISTERS = 0x09050000  # the SMMUv3 of QEMU's machine "virt"
MEMORY = 0x40000000
GIC = "/machine/unattached/device[1]"  # whose inputs 74, 76 and 77 are the SMMU's event, CMD_SYNC and GERROR interrupts
CHUNK = 16384  # bytes sent before answers are read: less than a pipe holds, so that neither side blocks for ever


class Device:
    """A process that answers each line with one line."""

    def __init__(self, name, command, intercept=GIC):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.interrupts = []  # raised since the owner last emptied the list
        if intercept:
            self.batch([f"irq_intercept_in {intercept}"])

    def close(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def batch(self, lines):
        """Send all lines; return the value of each answer (None where there is none)."""
        answers, start = [], 0
        while start < len(lines):
            end, size = start, 0
            while end < len(lines) and (size == 0 or size + len(lines[end]) < CHUNK):
                size += len(lines[end]) + 1
                end += 1
            self.process.stdin.write("\n".join(lines[start:end]) + "\n")
            self.process.stdin.flush()
            answers += [self.answer(line) for line in lines[start:end]]
            start = end
        return answers

    def ask(self, line):
        """The whole answer to one line, as text; it may be a refusal."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.reply()

    def answer(self, line):
        text = self.reply()
        word, _, value = text.partition(" ")
        if word != "OK":
            raise RuntimeError(f"{self.name} answered {line!r}: {text or self.process.stderr.read()[-2000:]}")
        return int(value, 16) if value else None

    def reply(self):
        text = self.process.stdout.readline()
        while text.startswith("IRQ"):
            _, verb, number = text.split()
            if verb == "raise":
                self.interrupts.append(int(number))
            text = self.process.stdout.readline()
        return text.rstrip("\n")


def read(size, address):
    return f"read{'bw_l___q'[size - 1]} {address:#x}"


def write(size, address, value):
    return f"write{'bw_l___q'[size - 1]} {address:#x} {value:#x}"


def write_bytes(address, data):
    return f"write {address:#x} {len(data):#x} 0x{data.hex()}"


def read_bytes(address, size):
    return f"read {address:#x} {size:#x}"


def qemu(binary="qemu-system-aarch64", *options):
    # The machine's version fixes the SMMU's features in newer releases too.
    device = Device("QEMU", [binary, "-machine", "virt-7.2,iommu=smmuv3", "-accel", "tcg", "-S", "-display", "none",
                             "-nodefaults", "-m", "128", "-qtest", "stdio", "-qtest-log", "none", *options])
    device.batch([f"memset {MEMORY:#x} {2 << 20:#x} 0x0"])  # it has put a device tree there
    return device


def id_registers(device):
    """IDR0, 1, 3 and 5 of QEMU, as viq takes them."""
    idr = dict(zip((0, 1, 3, 5), device.batch([read(4, REGISTERS + 4 * n) for n in (0, 1, 3, 5)])))
    idr[0] &= ~(1 << 18)  # see vmid16-without-stage-2 in known-differences.md
    return idr


def viq(tool, host, idr, *more):
    """A viq device with the given ID registers: {number: value} of IDR0, 1, 3, 5."""
    options = [word for number, value in idr.items() for word in (f"--idr{number}", f"{value:#x}")]
    return Device("viq", [tool, "device", "smmuv3", "--host", host, *options, *more])
