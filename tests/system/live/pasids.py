# SPDX-License-Identifier: MIT
"""viq-dma's requests with a PASID, privileged, for execution and by ATS, on tables that are written here.

No guest's user space can make them: Debian's kernels are built without iommufd (CONFIG_IOMMUFD), and only that attaches a
PASID to page tables (VFIO_DEVICE_ATTACH_IOMMUFD_PT with VFIO_DEVICE_ATTACH_PASID). So qtest writes what a driver would.
"""
import random
import tempfile
import time

# integrations/qemu/hw/viq/dma_regs.h
STATUS, CMD, CONTROL, SRC, DST, LEN, DATA, FINISHED = 0x04, 0x08, 0x0C, 0x10, 0x18, 0x20, 0x28, 0x50
READ, FILL, COPY = 1, 3, 4
HAS_PASID, EXEC, PRIV = 1 << 20, 1 << 21, 1 << 22
BUSY = 1
ABORTED, FORBIDDEN = 1, 5
SID = 4 << 3  # its requester ID
PORT, BEHIND = SID, 1 << 8  # or those of a root port there, and of the function behind
FUNCTION, WITHOUT = "-device viq-dma,addr=4{}", ",ats=off,pasid=off"
PAGE = 4096
IOVA = 0x40000000
PASIDS = (0, 1, 2, 77)  # 0: what comes without a PASID
PRIVATE, CODE = 2, 77  # its pages are for privileged requests; those that alone may be executed


def until(done):
    """Wait for it, for a minute at most."""
    for _ in range(6000):
        if done():
            return
        time.sleep(0.01)
    raise ValueError("it does not come to its end")


class Function:
    """viq-dma's configuration space and registers."""

    def __init__(self, ask, ecam, bar, sid):
        self.ask, self.config, self.bar = ask, ecam + (sid << 12), bar
        ask(f"writel {self.config + 0x10:#x} {bar:#x}")
        ask(f"writew {self.config + 4:#x} 6")  # memory, bus master
        self.pasid, self.ats = self.capability(0x1B), self.capability(0x0F)  # None: it has not

    def capability(self, wanted):
        """Where the extended capability is."""
        at = 0x100
        while at:
            head = self.number(f"readl {self.config + at:#x}")
            if head & 0xFFFF == wanted:
                return self.config + at
            at = head >> 20
        return None

    def number(self, line):
        """The answer."""
        return int(self.ask(line).split()[1], 16)

    def enable(self, pasids, ats):
        """PASID Enable with execute and privileged; ATS."""
        self.ask(f"writew {self.pasid + 6:#x} {7 if pasids else 0}")
        self.ask(f"writew {self.ats + 6:#x} {0x8000 if ats else 0:#x}")

    def begin(self, command, source=0, target=0, length=8, control=0, data=0):
        """Write it."""
        for register, value in ((SRC, source), (DST, target), (LEN, length), (DATA, data)):
            self.ask(f"writeq {self.bar + register:#x} {value:#x}")
        self.ask(f"writel {self.bar + CONTROL:#x} {control:#x}")
        self.ask(f"writel {self.bar + CMD:#x} {command:#x}")

    def status(self):
        """The register."""
        return self.number(f"readl {self.bar + STATUS:#x}")

    def end(self):
        """The error code, 0 for none."""
        until(lambda: not self.status() & BUSY)
        return self.status() >> 8

    def run(self, *arguments, **more):
        """A command from begin() to end()."""
        self.begin(*arguments, **more)
        return self.end()


class Tables:
    """Four levels of page tables for each PASID, from the same numbers on; what an entry holds differs."""
    TABLE = 0  # bits of an entry that leads to a table
    EXECUTES = False  # are requests for execution offered?
    BASE = 0x41000000  # of all that is in memory here, 64 KiB for each PASID behind the first

    def __init__(self, ask, sid):
        self.ask, self.sid, self.tail = ask, sid, 0

    def place(self, pasid):
        """Its tables: levels 4 to 1, then its page."""
        return self.BASE + 0x100000 + 0x10000 * pasid

    def put(self, address, *words):
        """64-bit words."""
        for number, word in enumerate(words):
            self.ask(f"writeq {address + 8 * number:#x} {word:#x}")

    def leaf(self, pasid):
        """Where the entry of IOVA is."""
        return self.place(pasid) + 0x3000 + 8 * (IOVA >> 12 & 511)

    def rights(self, pasid):
        """Bits of the leaf."""
        raise NotImplementedError

    def map(self, pasid):
        """IOVA to the PASID's page."""
        for level in range(3):
            index = IOVA >> (39 - 9 * level) & 511
            self.put(self.place(pasid) + 0x1000 * level + 8 * index, self.place(pasid) + 0x1000 * (level + 1) | self.TABLE)
        self.put(self.leaf(pasid), self.place(pasid) + 0x4000 | self.rights(pasid))

    def unmap(self, pasid):
        """And tell the IOMMU."""
        self.put(self.leaf(pasid), 0)
        self.invalidate(pasid)
        self.invalidate_cache(pasid)

    def renew(self, pasid):
        """Map it again, and tell the IOMMU."""
        self.map(pasid)
        self.invalidate(pasid)
        self.invalidate_cache(pasid)

    def start(self):
        """Switch the IOMMU on, all PASIDs mapped."""
        raise NotImplementedError

    def slot(self, number):
        """Of the queue, so many behind the next one, as IQH or CMDQ_CONS would have it."""
        raise NotImplementedError

    def invalidate(self, pasid):
        """The page at IOVA, in the IOMMU, and wait."""
        raise NotImplementedError

    def invalidate_cache(self, pasid):
        """The page at IOVA, in the function's cache, and wait."""
        raise NotImplementedError


class Vtd(Tables):
    """Scalable mode, first stage (Rev. 5.10, 9.1 to 9.7)."""
    OPTIONS = "-machine q35 -m 1100M -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -device viq-vtd,device-iotlb=on {}"
    ECAM, BAR, REGISTERS = 0xB0000000, 0xFEB00000, 0xFED90000
    TABLE = 0x27  # P, RW, US, A

    def rights(self, pasid):
        return 0x63 | (0 if pasid == PRIVATE else 4)  # P, RW, A, D; US

    def start(self):
        root, context, directory, pasids, queue = (self.BASE + 0x10000 * n for n in range(5))
        self.ask("outl 0xcf8 0x80000060")  # q35's PCIEXBAR
        self.ask(f"outl 0xcfc {self.ECAM | 1:#x}")
        self.put(root + 16 * (self.sid >> 8), context | 1)
        self.put(context + 32 * (self.sid & 255), directory | 0xD)  # P, DTE, PASIDE
        for table in {pasid // 64 for pasid in PASIDS}:
            self.put(directory + 8 * table, pasids + 0x1000 * table | 1)
        for pasid in PASIDS:
            self.map(pasid)
            # P, AW 48, PGTT first stage; DID; SRE, and NXE of older revisions, which is ignored (Linux 6.3 to 6.11 sets it)
            self.put(pasids + 64 * pasid, 1 | 2 << 2 | 1 << 6, 1 + pasid, self.place(pasid) | 0x21)
        self.put(self.REGISTERS + 0x90, queue | 1 << 11)  # IQA: descriptors of 256 bits
        self.put(self.REGISTERS + 0x20, root | 1 << 10)  # RTADDR: scalable mode
        for bit in (30, 26, 31):  # SRTP, QIE, TE
            status = int(self.ask(f"readl {self.REGISTERS + 0x1C:#x}").split()[1], 16)
            self.ask(f"writel {self.REGISTERS + 0x18:#x} {status & 0x96FFFFFF | 1 << bit:#x}")

    def slot(self, number):
        return 32 * ((self.tail + number) % 128)

    def submit(self, *words):
        """A descriptor."""
        self.put(self.BASE + 0x40000 + 32 * self.tail, *words, *[0] * (4 - len(words)))
        self.tail = (self.tail + 1) % 128
        self.put(self.REGISTERS + 0x88, 32 * self.tail)

    def invalidate(self, pasid):
        self.submit(6 | 3 << 4 | (1 + pasid) << 16 | pasid << 32, IOVA)
        self.wait()

    def invalidate_cache(self, pasid):
        self.submit(8 | self.sid << 16 | pasid << 32, IOVA)
        self.submit(3 | self.sid << 32, IOVA)  # what came without a PASID
        self.wait()

    def wait(self):
        """An invalidation wait descriptor."""
        self.submit(5 | 1 << 5 | 0x5A << 32, self.BASE + 0x50000)
        if self.ask(f"readl {self.BASE + 0x50000:#x}") != "OK 0x000000000000005a\n":
            raise ValueError("the queue stands still")
        self.put(self.BASE + 0x50000, 0)


class Smmu(Tables):
    """A stream with a table of context descriptors (IHI 0070, 5.2 to 5.4)."""
    OPTIONS = "-machine virt,iommu=viq-smmuv3,highmem=off -m 1100M -global viq-smmuv3.ats=on {}"
    ECAM, BAR, REGISTERS = 0x3F000000, 0x10000000, 0x09050000
    TABLE, EXECUTES = 3, True

    def rights(self, pasid):
        # a page, AF, nG; AP[1] for all; UXN
        return 3 | 3 << 10 | (0 if pasid == PRIVATE else 1 << 6) | (0 if pasid == CODE else 1 << 54)

    def start(self):
        streams, contexts, queue = (self.BASE + 0x10000 * n for n in range(3))
        # V, stage 1, 128 contexts in a line; S1DSS: the first for what has no PASID; EATS: full
        self.put(streams + 64 * self.sid, 1 | 5 << 1 | contexts | 7 << 59, 2 | 1 << 28)
        for pasid in PASIDS:
            self.map(pasid)
            # T0SZ 16, EPD1, V, IPS 48 bits, AA64, R, A, ASET, ASID
            self.put(contexts + 64 * pasid, 16 | 1 << 30 | 1 << 31 | 5 << 32 | 1 << 41 | 7 << 45 | (1 + pasid) << 48,
                     self.place(pasid))
        self.put(self.REGISTERS + 0x80, streams)
        self.ask(f"writel {self.REGISTERS + 0x88:#x} 9")  # 512 streams
        self.put(self.REGISTERS + 0x90, queue | 7)  # 128 commands
        self.ask(f"writel {self.REGISTERS + 0x20:#x} 8")  # CMDQEN
        self.submit(4, 31)  # CFGI_ALL
        self.submit(0x30, 0)  # TLBI_NSNH_ALL: a reset need not (3.11)
        self.ask(f"writel {self.REGISTERS + 0x20:#x} 9")  # and SMMUEN

    def slot(self, number):
        return (self.tail + number) % 256

    def submit(self, *words):
        """A command."""
        self.put(self.BASE + 0x20000 + 16 * (self.tail % 128), *words)
        self.tail = (self.tail + 1) % 256
        self.ask(f"writel {self.REGISTERS + 0x98:#x} {self.tail:#x}")

    def invalidate(self, pasid):
        self.submit(0x12 | (1 + pasid) << 48, IOVA)
        self.wait()

    def invalidate_cache(self, pasid):
        self.submit(0x40 | (0x800 if pasid else 0) | pasid << 12 | self.sid << 32, IOVA)
        self.wait()

    def wait(self):
        """CMD_SYNC."""
        self.submit(0x46, 0)
        consumed = int(self.ask(f"readl {self.REGISTERS + 0x9C:#x}").split()[1], 16)
        if consumed != self.tail:
            raise ValueError(f"the queue stands still: {consumed:#x}")


def control(pasid, more=0):
    """CONTROL of a request in the PASID."""
    return pasid | HAS_PASID | more if pasid else 0


class Test:
    """One machine: check() says what is wrong."""

    def __init__(self, kind, ask, monitor, sid=SID):
        self.ask, self.monitor, self.tables, self.wrong = ask, monitor, kind(ask, sid), []
        self.tables.start()
        self.find()

    def find(self):
        """The function, which may have come just now."""
        self.function = Function(self.ask, self.tables.ECAM, self.tables.BAR, self.tables.sid)

    def no_cache(self):
        """What is unmapped is not reached, although no cache of the function's is told."""
        self.expect("what is mapped", self.read(0), 0)
        self.tables.put(self.tables.leaf(0), 0)
        self.tables.invalidate(0)
        self.expect("what is not mapped", self.read(0), ABORTED)

    def expect(self, what, got, wanted):
        """Note what is not as it should be."""
        if got != wanted:
            self.wrong.append(f"{what}: {got}, not {wanted}")

    def read(self, pasid, more=0):
        """The error code of a read at IOVA. A page that is private is asked for as a privileged request asks."""
        return self.function.run(READ, IOVA, control=control(pasid, more | (PRIV if pasid == PRIVATE else 0)))

    def bytes(self, ats):
        """Each PASID has a page of its own: what is read and written there, byte by byte."""
        for pasid in PASIDS:
            page, more = self.tables.place(pasid) + 0x4000, control(pasid, PRIV if pasid == PRIVATE else 0)
            data = random.Random(pasid).randbytes(PAGE // 2)
            self.ask(f"write {page:#x} {len(data):#x} 0x{data.hex()}")
            code = self.function.run(COPY, IOVA, IOVA + PAGE // 2, PAGE // 2, more)
            self.expect(f"copying in PASID {pasid}, ATS {ats}", code, 0)
            same = self.ask(f"read {page:#x} {PAGE:#x}") == f"OK 0x{data.hex() * 2}\n"
            self.expect(f"bytes are right in PASID {pasid}, ATS {ats}", same, True)

    def rights(self):
        """Who may do what."""
        self.expect("PASID without an entry", self.read(3), ABORTED)
        self.expect("private page", self.function.run(READ, IOVA, control=control(PRIVATE)), ABORTED)
        self.expect("code", self.read(CODE, EXEC), 0 if self.tables.EXECUTES else ABORTED)
        self.expect("no code", self.read(1, EXEC), ABORTED)

    def stale(self, ats):
        """An unmapping is seen, and only by its PASID. If an invalidation of the function's cache is lost, it is not."""
        self.tables.unmap(1)
        self.expect(f"what is not mapped, ATS {ats}", self.read(1), ABORTED)
        for pasid in (0, 2, 77):
            self.expect(f"PASID {pasid} after another's unmapping", self.read(pasid), 0)
        self.tables.renew(1)
        self.expect(f"what is mapped again, ATS {ats}", self.read(1), 0)
        self.monitor.command("x-viq-inject", failure="0:atc-drop" if ats else "0:drop")
        slot = self.tables.slot(2 if ats else 0)  # the page's invalidation, and a wait; then the cache's
        self.tables.unmap(1)
        self.expect(f"what is stale, ATS {ats}", self.read(1), 0)
        unit, = self.monitor.command("query-viq")
        self.expect("strikes, and where", (unit["strikes"], unit.get("struck")), (1, slot))
        self.monitor.command("x-viq-inject", failure="none")
        self.tables.invalidate(1)
        self.tables.invalidate_cache(1)
        self.expect(f"what is stale no more, ATS {ats}", self.read(1), ABORTED)
        self.tables.renew(1)

    def check(self):
        """What is wrong, or None."""
        self.function.enable(False, False)
        self.expect("without a PASID", self.read(0), 0)
        self.expect("PASIDs off", self.read(1), FORBIDDEN)
        for ats in (False, True):
            self.function.enable(True, ats)
            self.bytes(ats)
            self.rights()
            self.stale(ats)
        return "; ".join(self.wrong[:4]) or None


def run(talk, kind, qemu):
    """What is wrong with PASIDs on this IOMMU, or None. talk: qtests.talk()."""
    with talk(qemu, kind.OPTIONS.format(FUNCTION.format(""))) as (ask, monitor):
        return Test(kind, ask, monitor).check()


def run_without_ats(talk, kind, qemu):
    """A function without ATS has no cache, although the tables would let it."""
    with talk(qemu, kind.OPTIONS.format(FUNCTION.format(WITHOUT))) as (ask, monitor):
        test = Test(kind, ask, monitor)
        test.expect("ATS", test.function.ats, None)
        test.no_cache()
        return "; ".join(test.wrong) or None


def open_port(tables):
    """The root port lets the function behind it be seen. Returns where its configuration space is."""
    port = tables.ECAM + (PORT << 12)
    tables.ask(f"writel {port + 0x18:#x} 0x10100")  # the bus behind is 1
    tables.ask(f"writel {port + 0x20:#x} {(tables.BAR >> 16) * 0x10001:#x}")
    tables.ask(f"writew {port + 4:#x} 6")
    return port


class Slot(Test):
    """The function is behind a root port, and another one takes its place."""

    def __init__(self, kind, ask, monitor):
        self.port = None
        super().__init__(kind, ask, monitor, BEHIND)

    def find(self):
        self.port = open_port(self.tables)
        super().find()

    def power(self, *words):
        """Slot Control, in the capability PCI Express."""
        at = int(self.ask(f"readb {self.port + 0x34:#x}").split()[1], 16)
        while int(self.ask(f"readb {self.port + at:#x}").split()[1], 16) != 0x10:
            at = int(self.ask(f"readb {self.port + at + 1:#x}").split()[1], 16)
        for word in words:
            self.ask(f"writew {self.port + at + 0x18:#x} {word:#x}")

    def check(self):
        self.function.enable(False, True)
        self.expect("through the cache", self.read(0), 0)
        self.monitor.command("device_del", id="function")
        self.power(0x1C0, 0x7C0)  # on, then off: it is let go
        self.monitor.await_event("DEVICE_DELETED")
        self.monitor.command("device_add", driver="viq-dma", id="other", bus="top", ats=False, pasid=False)
        self.power(0x1C0)
        self.find()
        self.no_cache()
        return "; ".join(self.wrong) or None


def run_slot(talk, kind, qemu):
    """A function without ATS takes the place of one that had a cache."""
    devices = "-device pcie-root-port,id=top,chassis=1,addr=4 -device viq-dma,id=function,bus=top"
    with talk(qemu, kind.OPTIONS.format(devices)) as (ask, monitor):
        return Slot(kind, ask, monitor).check()


class Flight(Test):
    """Something happens to the function in the midst of a command: the machine has stopped, and goes on then."""

    def after(self, event, code, written):
        """The event's command ends with this code, and has filled the page or has not."""
        page = self.tables.place(0) + 0x4000
        self.ask(f"memset {page:#x} {PAGE:#x} 0")
        self.monitor.command("stop")
        self.function.begin(FILL, 0, IOVA, PAGE, data=0x5A5A5A5A5A5A5A5A)
        for _ in range(8):
            status = self.function.status()
        self.expect("status of a machine that has stopped", status, BUSY)
        event()
        self.monitor.command("cont")
        self.expect(event.__name__, self.function.end(), code)
        same = self.ask(f"read {page:#x} {PAGE:#x}") == f"OK 0x{('5a' if written else '00') * PAGE}\n"
        self.expect(f"bytes are right, {event.__name__}", same, True)

    def nothing(self):
        """It just goes on."""

    def bar_moved(self):
        """To the next place."""
        self.function.bar += PAGE
        self.ask(f"writel {self.function.config + 0x10:#x} {self.function.bar:#x}")

    def bus_master_off(self):
        """Memory stays on."""
        self.ask(f"writew {self.function.config + 4:#x} 2")

    def function_reset(self):
        """FLR, which forgets the command, and where the BAR was."""
        self.ask(f"writew {self.function.config + 0x88:#x} 0x8000")  # Device Control of what QEMU puts at 0x80
        self.ask(f"writel {self.function.config + 0x10:#x} {self.function.bar:#x}")
        self.ask(f"writew {self.function.config + 4:#x} 6")

    def machine_reset(self):
        """And the tables are set up again."""
        self.monitor.command("system_reset")
        self.monitor.await_event("RESET")
        self.tables.tail = 0
        self.tables.start()
        self.find()

    def check(self):
        self.after(self.nothing, 0, True)
        self.after(self.bar_moved, 0, True)
        self.after(self.bus_master_off, FORBIDDEN, False)
        self.ask(f"writew {self.function.config + 4:#x} 6")
        self.after(self.function_reset, 0, False)
        self.expect("commands since", self.function.number(f"readl {self.function.bar + FINISHED:#x}"), 0)
        self.function.enable(False, True)
        self.expect("through the cache", self.read(0), 0)
        self.after(self.machine_reset, 0, False)
        self.function.enable(False, True)
        self.tables.put(self.tables.leaf(0), 0)
        self.expect("through a cache as after power-on", self.read(0), ABORTED)
        return "; ".join(self.wrong) or None


def run_in_flight(talk, kind, qemu):
    """A command under way, and what becomes of it."""
    with talk(qemu, kind.OPTIONS.format(FUNCTION.format(""))) as (ask, monitor):
        return Flight(kind, ask, monitor).check()


def run_moved(talk, kind, qemu):
    """The machine goes on in another QEMU, in the midst of a command, and with a cache that the guest has still to invalidate."""
    options = kind.OPTIONS.format(FUNCTION.format(""))
    with tempfile.NamedTemporaryFile() as state:
        with talk(qemu, options) as (ask, monitor):
            test = Test(kind, ask, monitor)
            test.function.enable(True, True)
            test.expect("before", test.read(1), 0)
            monitor.command("stop")
            test.function.begin(FILL, 0, IOVA, PAGE, data=0x5A5A5A5A5A5A5A5A)
            monitor.command("migrate", uri=f"file:{state.name}")
            until(lambda: monitor.command("query-migrate").get("status") == "completed")
        with talk(qemu, f"{options} -incoming file:{state.name}") as (ask, monitor):
            until(lambda: monitor.command("query-status")["status"] != "inmigrate")
            test.ask = test.tables.ask = test.function.ask = ask
            test.expect("status there", test.function.status(), BUSY)
            monitor.command("cont")
            test.expect("the command", test.function.end(), 0)
            page = test.tables.place(0) + 0x4000
            test.expect("its bytes are right", ask(f"read {page:#x} {PAGE:#x}") == f"OK 0x{'5a' * PAGE}\n", True)
            test.expect("after", test.read(1), 0)
            test.tables.put(test.tables.leaf(1), 0)
            test.tables.invalidate(1)
            test.expect("what the cache holds", test.read(1), 0)
            test.tables.invalidate_cache(1)
            test.expect("what it does not", test.read(1), ABORTED)
    return "; ".join(test.wrong) or None
