# SPDX-License-Identifier: MIT
"""What an IOMMU tells its guest in the last moment before the machine goes on in another QEMU.

When QEMU stops the machine it completes requests to disks that are under way. One of these meets a page that is mapped no
more: its event, and the message of it, are written to guest memory and must be there in the destination.
"""
import tempfile

import pasids

PAGE = pasids.PAGE
MESSAGE, WORD = 0x41060000, 0x15EED
# The first request passes at once, the second when the machine stops: with qtest no time passes by itself.
DISK = ("-blockdev driver=null-co,node-name=null,read-zeroes=on -object throttle-group,id=slow,x-iops-total=1 "
        "-blockdev driver=throttle,node-name=disk,file=null,throttle-group=slow "
        "-device virtio-blk-pci,addr=4,drive=disk,num-queues=1,disable-legacy=on,iommu_platform=on")


class Vtd(pasids.Vtd):
    """A VT-d that writes its fault event message to memory."""

    def listen(self):
        """Fault events on."""
        for register, value in ((0x3C, WORD), (0x40, MESSAGE), (0x44, 0), (0x38, 0)):  # FEDATA, FEADDR, FEUADDR, FECTL
            self.ask(f"writel {self.REGISTERS + register:#x} {value:#x}")

    def told(self):
        """What the guest sees of the first."""
        records = int(self.ask(f"readq {self.REGISTERS + 8:#x}").split()[1], 16) >> 24 & 0x3FF  # CAP.FRO
        return [self.ask(f"read {at:#x} {length}") for at, length in
                ((self.REGISTERS + 16 * records, 16), (MESSAGE, 4))]


class Smmu(pasids.Smmu):
    """An SMMUv3 with an event queue, whose message goes to memory."""
    EVENTS = 0x41050000

    def listen(self):
        """Event queue and its interrupt on."""
        self.put(self.REGISTERS + 0xA0, self.EVENTS | 4)  # 16 events
        self.put(self.REGISTERS + 0xB0, MESSAGE)  # EVENTQ_IRQ_CFG0
        self.ask(f"writel {self.REGISTERS + 0xB8:#x} {WORD:#x}")
        self.ask(f"writel {self.REGISTERS + 0x50:#x} 4")  # IRQ_CTRL.EVENTQ_IRQEN
        self.ask(f"writel {self.REGISTERS + 0x20:#x} 13")  # EVENTQEN, CMDQEN, SMMUEN

    def told(self):
        """What the guest sees of the first."""
        return [self.ask(f"read {at:#x} {length}") for at, length in
                ((self.EVENTS, 32), (MESSAGE, 4))]


KINDS = {pasids.Vtd: Vtd, pasids.Smmu: Smmu}


class Disk:
    """A virtio-blk with one queue of 8 (virtio 1.2, 4.1.4.3). Of three pages one is for descriptors, header and available ring."""
    RINGS = 1

    def __init__(self, tables, used, data):
        self.ask, self.bar = tables.ask, tables.BAR
        self.pages = [tables.place(0) + 0x4000 + PAGE * number for number in range(3)]  # in memory
        self.rings, self.used, self.data = (pasids.IOVA + PAGE * number for number in (self.RINGS, used, data))
        self.answered = self.pages[used] + 2
        config = tables.ECAM + (tables.sid << 12)
        self.ask(f"writel {config + 0x20:#x} {self.bar:#x}")  # BAR 4
        self.ask(f"writel {config + 0x24:#x} 0")
        self.ask(f"writew {config + 4:#x} 6")
        for number, page in enumerate(self.pages):
            tables.put(tables.leaf(0) + 8 * number, page | tables.rights(0))
        # One request: read sector 0. Header, data, status.
        for number, (address, length, flags, following) in enumerate(((self.rings + 0x400, 16, 1, 1), (self.data, 512, 3, 2),
                                                                     (self.rings + 0x500, 1, 2, 0))):
            tables.put(self.pages[self.RINGS] + 16 * number, address, length | flags << 32 | following << 48)
        # ACCESS_PLATFORM and VERSION_1; the queue
        for size, at, value in (("b", 0x14, 3), ("l", 8, 1), ("l", 12, 3), ("b", 0x14, 11), ("w", 0x18, 8), ("l", 0x20, self.rings),
                                ("l", 0x28, self.rings + 0x800), ("l", 0x30, self.used), ("w", 0x1C, 1), ("b", 0x14, 15)):
            self.ask(f"write{size} {self.bar + at:#x} {value:#x}")

    def request(self, number):
        """So many requests have been made, with this one."""
        self.ask(f"writel {self.pages[self.RINGS] + 0x800:#x} {number << 16:#x}")
        self.ask(f"writew {self.bar + 0x3000:#x} 0")

    def done(self):
        """How many have been answered."""
        return int(self.ask(f"readw {self.answered:#x}").split()[1], 16)


def run(talk, kind, qemu):
    """What is wrong, or None. talk: qtests.talk()."""
    options = kind.OPTIONS.format(DISK)
    with tempfile.NamedTemporaryFile() as state:
        with talk(qemu, options) as (ask, monitor):
            tables = KINDS[kind](ask, pasids.SID)
            tables.start()
            tables.listen()
            disk = Disk(tables, used=0, data=2)
            disk.request(1)
            pasids.until(lambda: disk.done() == 1)
            disk.request(2)
            tables.put(tables.leaf(0), 0)  # the used ring
            tables.invalidate(0)
            before = tables.told()
            monitor.command("migrate", uri=f"file:{state.name}")
            pasids.until(lambda: monitor.command("query-migrate").get("status") == "completed")
            here = tables.told()
        with talk(qemu, f"{options} -incoming file:{state.name}") as (ask, monitor):
            pasids.until(lambda: monitor.command("query-status")["status"] != "inmigrate")
            tables.ask = ask
            there = tables.told()
    if any(one == other for one, other in zip(before, here)):
        return f"nothing has come in the last moment: {before}, {here}"
    return None if here == there else f"{here} here, {there} there"
