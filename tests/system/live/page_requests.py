# SPDX-License-Identifier: MIT
"""viq-dma asks for pages, as a device with PRI does: requests in the guest's queue, answers that end them.

As in pasids.py qtest writes what a driver would.
"""
import pasids

ASK, ASK_WRITE = 6, 0x800  # integrations/qemu/hw/viq/dma_regs.h
INVALID, FAILURE = 7, 8
SUCCESS = 0
QUEUE = pasids.Tables.BASE + 0x60000
PRI = 0x13  # extended capability
FAIL = 15  # response code


class Vtd(pasids.Vtd):
    """Page request queue and page group responses (Rev. 5.10, 7.4 to 7.6)."""
    OPTIONS = pasids.Vtd.OPTIONS.replace("device-iotlb=on", "device-iotlb=on,pri=on")
    SLOT = 32

    def start(self):
        super().start()
        context, directory = self.BASE + 0x10000, self.BASE + 0x20000
        self.put(context + 32 * (self.sid & 255), directory | 0x1D)  # and PRE
        self.submit(1 | 1 << 4)
        self.wait()
        self.put(self.REGISTERS + 0xD0, QUEUE)

    def produced(self):
        """How many there were."""
        return int(self.ask(f"readl {self.REGISTERS + 0xC8:#x}").split()[1], 16) // self.SLOT

    def told(self):
        """Has the guest been told of requests?"""
        return int(self.ask(f"readl {self.REGISTERS + 0xDC:#x}").split()[1], 16) & 1  # PRS.PPR

    def entry(self, pasid, group, address, last):
        """What a request to write is in the queue."""
        return (1 | self.sid << 16 | (0x100 | pasid << 32 if pasid else 0), address | group << 3 | (4 if last else 0) | 2)

    def respond(self, pasid, group, code):
        """The guest's answer."""
        self.submit(9 | (0x10 | pasid << 32 if pasid else 0) | code << 12 | self.sid << 16, group << 3)
        self.wait()


class Smmu(pasids.Smmu):
    """PRI queue and CMD_PRI_RESP (IHI 0070, 4.5.2 and 8)."""
    OPTIONS = pasids.Smmu.OPTIONS.replace("viq-smmuv3.ats=on", "viq-smmuv3.ats=on -global viq-smmuv3.pri=on")
    SLOT = 16
    GIC, PRIQ = 0x8000000, 32 + 75  # the distributor, and the wire's number there

    def start(self):
        super().start()
        self.put(self.REGISTERS + 0xC0, QUEUE | 7)
        self.ask(f"writel {self.GIC + 0xC00 + self.PRIQ // 16 * 4:#x} {2 << self.PRIQ % 16 * 2:#x}")  # an edge
        self.ask(f"writel {self.REGISTERS + 0x50:#x} 2")  # PRIQ_IRQEN; no MSI
        self.ask(f"writel {self.REGISTERS + 0x20:#x} {0xB:#x}")  # PRIQEN

    def produced(self):
        return int(self.ask(f"readl {self.REGISTERS + 0x100C8:#x}").split()[1], 16)

    def told(self):
        pending = int(self.ask(f"readl {self.GIC + 0x200 + self.PRIQ // 32 * 4:#x}").split()[1], 16)
        return pending >> self.PRIQ % 32 & 1

    def entry(self, pasid, group, address, last):
        return ((1 << 63 | pasid << 32 if pasid else 0) | last << 62 | 1 << 61 | self.sid, address | group)

    def respond(self, pasid, group, code):
        response = {SUCCESS: 2, 1: 1, FAIL: 0}[code]
        self.submit(0x41 | (0x800 | pasid << 12 if pasid else 0) | self.sid << 32, group | response << 12)
        self.wait()


KINDS = {pasids.Vtd: Vtd, pasids.Smmu: Smmu}


class Test(pasids.Test):
    """Requests and what becomes of them."""

    def ask_for(self, pasid, pages=1):
        """Begin to ask for pages from IOVA on: the group, when its requests have come to the queue."""
        group = self.function.number(f"readl {self.function.bar + pasids.FINISHED:#x}") % 512
        before = self.tables.produced()
        self.function.begin(ASK | ASK_WRITE, pasids.IOVA, length=pages * pasids.PAGE, control=pasids.control(pasid))
        pasids.until(lambda: self.tables.produced() >= before + pages)
        self.expect("the guest is told", self.tables.told(), 1)
        for page in range(pages):
            place = QUEUE + self.tables.SLOT * (before + page)
            got = tuple(self.function.number(f"readq {place + 8 * word:#x}") for word in range(2))
            self.expect(f"request {page} in PASID {pasid}", got,
                        self.tables.entry(pasid, group, pasids.IOVA + page * pasids.PAGE, page == pages - 1))
        self.expect("it waits", self.function.status(), pasids.BUSY)
        return group

    def answered(self, pasid, group, code):
        """The error code that this answer ends it with."""
        self.tables.respond(pasid, group, code)
        return self.function.end()

    def check(self):
        enable = self.function.capability(PRI) + 4
        for pasid in (0, 1):
            self.function.enable(True, True)
            self.expect("PRI off", self.function.run(ASK, pasids.IOVA, control=pasids.control(pasid)), pasids.FORBIDDEN)
            self.ask(f"writew {enable:#x} 1")
            self.tables.unmap(pasid)
            self.expect("not mapped", self.read(pasid), pasids.ABORTED)
            group = self.ask_for(pasid, 3)
            self.tables.map(pasid)
            self.tables.respond(pasid, (group + 1) % 512, SUCCESS)
            self.expect("the answer to another group", self.function.status(), pasids.BUSY)
            self.expect("answered", self.answered(pasid, group, SUCCESS), 0)
            self.expect("mapped", self.read(pasid), 0)
            self.expect("invalid", self.answered(pasid, self.ask_for(pasid), 1), INVALID)
            self.expect("failure", self.answered(pasid, self.ask_for(pasid), FAIL), FAILURE)
            self.ask(f"writew {enable:#x} 0")
        return "; ".join(self.wrong[:4]) or None


def run(talk, kind, qemu):
    """What is wrong with page requests on this IOMMU, or None."""
    kind = KINDS[kind]
    with talk(qemu, kind.OPTIONS.format(pasids.FUNCTION.format(",pri=on"))) as (ask, monitor):
        return Test(kind, ask, monitor).check()
