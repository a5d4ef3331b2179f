# SPDX-License-Identifier: MIT
"""A client of `viq device`: a line out, an answer in. And what an SMMUv3 driver writes, in a few words."""
import os
import select
import struct
import subprocess

SMMU = 0x09050000
RAM = 0x40000000
CR0, CR0ACK, IRQ_CTRL, GERROR, GERRORN = 0x20, 0x24, 0x50, 0x60, 0x64
STRTAB_BASE, STRTAB_BASE_CFG, CMDQ_BASE, CMDQ_PROD, CMDQ_CONS = 0x80, 0x88, 0x90, 0x98, 0x9C
EVENTQ_BASE, EVENTQ_PROD, EVENTQ_CONS = 0xA0, 0x100A8, 0x100AC
SMMUEN, EVENTQEN, CMDQEN = 1, 4, 8
SYNC = (0x46, 0)
SYNC_SEV = (0x0FC02046, 0)  # what Linux queues without MSIs
TIMEOUT = 60


class Failed(Exception):
    """An answer other than OK."""


class Device:
    def __init__(self, tool, *options, kind="smmuv3", registers=SMMU, command=None):
        self.irqs = []
        self.pending = b""
        self.registers = registers
        self.process = subprocess.Popen(command or [tool, "device", kind, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(TIMEOUT)
        self.process.stdout.close()
        self.process.stderr.close()

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self):
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
            more = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not more:
                raise Failed("no answer")
            self.pending += more
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    def ask(self, text):
        """The answer's value ('' if it has none); interrupts on the way are collected in irqs."""
        self.send(text.encode() + b"\n")
        answer = self.line()
        while answer.startswith("IRQ "):
            self.irqs.append(answer[4:])
            answer = self.line()
        if answer.split(" ")[0] != "OK":
            raise Failed(answer)
        return answer[3:]

    def readl(self, offset):
        return int(self.ask(f"readl {self.registers + offset:#x}"), 16)

    def writel(self, offset, value):
        self.ask(f"writel {self.registers + offset:#x} {value:#x}")

    def writeq(self, offset, value):
        self.ask(f"writeq {self.registers + offset:#x} {value:#x}")

    def store(self, address, data):
        self.ask(f"write {address:#x} {len(data)} 0x{data.hex()}")

    def load(self, address, size):
        return bytes.fromhex(self.ask(f"read {address:#x} {size}")[2:])

    def counters(self):
        return {name: int(value) for name, value in (w.split("=") for w in self.ask("viq counters").split())}


class Queue:
    """A command queue at address; pushes what it is given and rings."""

    def __init__(self, device, address=RAM, log2size=8):
        self.device, self.address, self.log2size, self.prod = device, address, log2size, 0
        device.writeq(CMDQ_BASE, address | log2size)
        device.writel(CMDQ_PROD, 0)
        device.writel(CMDQ_CONS, 0)
        device.writel(CR0, CMDQEN)

    def put(self, commands):
        for command in commands:
            self.rewrite(self.prod, command)
            self.prod = (self.prod + 1) % (2 << self.log2size)

    def rewrite(self, index, command):
        slot = index % (1 << self.log2size)
        self.device.store(self.address + 16 * slot, struct.pack("<QQ", *command))

    def ring(self, *commands):
        self.put(commands)
        self.device.writel(CMDQ_PROD, self.prod)

    @property
    def cons(self):
        return self.device.readl(CMDQ_CONS) & 0xFFFFF

    @property
    def error(self):
        return self.device.readl(CMDQ_CONS) >> 24 & 0x7F

    @property
    def stopped(self):
        return bool((self.device.readl(GERROR) ^ self.device.readl(GERRORN)) & 1)

    def acknowledge(self):
        self.device.writel(GERRORN, self.device.readl(GERROR))


class Function:
    """A PCI function as QEMU's libqos handles it: found in configuration space, enabled, its BAR set; and its DMA."""
    COMMAND, BAR0 = 0x04, 0x10
    ECAM = 0x4010000000  # on virt; q35 has ports
    TRIGGER, IOVA, LEN, RESULT, DOORBELL, ATTRS, GPA = 0x00, 0x04, 0x0C, 0x10, 0x14, 0x18, 0x1C
    NONSECURE = 1 << 3 | 1 << 1

    def __init__(self, device, number):
        self.device, self.number, self.ports = device, number, device.registers != SMMU

    def enable(self, bar):
        self.bar = bar
        self.config(self.BAR0, bar)
        self.config(self.COMMAND, 7, "w")
        return self

    def config(self, at, value=None, size="l"):
        """Read, or write."""
        if self.ports:
            self.device.ask(f"outl 0xcf8 {1 << 31 | self.number << 8 | at:#x}")
            verb, address = ("in", "out"), 0xCFC
        else:
            verb, address = ("read", "write"), self.ECAM + (self.number << 12) + at
        if value is None:
            return int(self.device.ask(f"{verb[0]}{size} {address:#x}"), 16)
        return self.device.ask(f"{verb[1]}{size} {address:#x} {value:#x}")

    def __getitem__(self, offset):
        return int(self.device.ask(f"readl {self.bar + offset:#x}"), 16)

    def __setitem__(self, offset, value):
        self.device.ask(f"writel {self.bar + offset:#x} {value:#x}")

    def dma(self, iova, gpa, size=4, attrs=NONSECURE):
        """Write the pattern to iova, and look for it at gpa. The result: 0 if it is there."""
        for offset, value in ((self.IOVA, iova), (self.IOVA + 4, iova >> 32), (self.GPA, gpa), (self.GPA + 4, gpa >> 32),
                              (self.LEN, size), (self.ATTRS, attrs), (self.DOORBELL, 1)):
            self[offset] = value & 0xFFFFFFFF
        assert self[self.RESULT] == 0xFFFFFFFE
        assert self[self.TRIGGER] == 0
        return self[self.RESULT]
