# SPDX-License-Identifier: MIT
"""A disk in a process of its own (vhost-user), which keeps translations of the IOMMU's, and must be told when they end.

QEMU's docs/interop/vhost-user.rst has the messages, virtio 1.2 the queue (2.7) and the requests (5.2.6).
"""
import array
import mmap
import os
import pathlib
import select
import socket
import struct
import tempfile
import threading

import migration
import pasids

(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE,
 SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, SET_VRING_ENABLE, SET_BACKEND_REQ_FD,
 IOTLB_MSG, GET_CONFIG) = 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 21, 22, 24
REPLY, NEED_REPLY = 4, 8  # flags, with the version, 1
FEATURES = 1 << 2 | 1 << 30 | 1 << 32 | 1 << 33  # BLK_F_SEG_MAX, F_PROTOCOL_FEATURES, VERSION_1, ACCESS_PLATFORM
SEGMENTS = 126
PROTOCOL_FEATURES = 1 << 3 | 1 << 5 | 1 << 9  # REPLY_ACK, BACKEND_REQ, CONFIG
MISS, UPDATE, INVALIDATE = 1, 2, 3  # of the IOTLB; a miss is also the backend's message for it
HEADER, IOTLB = struct.Struct("<III"), struct.Struct("<QQQBB6x")
R, W = 1, 2
SECTOR = 512


class Gone(Exception):
    """QEMU has gone, or has taken the queue away."""


class Backend(threading.Thread):
    """One disk with one queue, for one QEMU after the other. Whatever it keeps of translations only QEMU can end."""

    def __init__(self, path, disk):
        super().__init__(daemon=True)
        self.disk, self.trouble = disk, None
        self.cache = {}  # (page, right): where it is in QEMU's addresses
        self.misses = self.invalidations = 0
        self.regions, self.fds, self.sizes = [], {}, {}
        self.rings = self.last = self.conn = self.back = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()

    def run(self):
        while True:
            self.conn = self.listener.accept()[0]
            try:
                while True:
                    self._step()
            except Gone:
                pass
            except (OSError, ValueError, struct.error) as error:
                self.trouble = self.trouble or repr(error)
            self.conn.close()
            self._stop()

    def holds(self, iova):
        """Does it keep a translation of this page?"""
        return any((iova & -pasids.PAGE, right) in self.cache for right in (R, W))

    # Messages

    def _step(self):
        kick = self.fds.get(SET_VRING_KICK)
        for ready in select.select([self.conn] + ([kick] if kick is not None and self.rings else []), [], [])[0]:
            if ready is self.conn:
                self._message()
            elif kick == self.fds.get(SET_VRING_KICK):
                os.read(kick, 8)
                self._serve()

    def _read(self, conn):
        head, fds, _, _ = socket.recv_fds(conn, HEADER.size, 8)
        if len(head) < HEADER.size:
            raise Gone
        request, flags, size = HEADER.unpack(head)
        return request, flags, conn.recv(size, socket.MSG_WAITALL) if size else b"", fds

    def _message(self):
        request, flags, body, fds = self._read(self.conn)
        answer = self._answer(request, body, fds)
        if answer is None and flags & NEED_REPLY:
            answer = bytes(8)
        if answer is not None:
            self.conn.sendall(HEADER.pack(request, 1 | REPLY, len(answer)) + answer)

    def _answer(self, request, body, fds):
        """What the message asks for, if anything."""
        if request == GET_FEATURES:
            return struct.pack("<Q", FEATURES)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", PROTOCOL_FEATURES)
        if request == GET_CONFIG:
            return body[:12] + struct.pack("<QII", len(self.disk) // SECTOR, 0, SEGMENTS).ljust(len(body) - 12, b"\0")
        if request == GET_VRING_BASE:
            last, self.rings = self.last, None
            return struct.pack("<II", 0, last or 0)
        if request == IOTLB_MSG:
            self._iotlb(*IOTLB.unpack(body))
        elif request == SET_MEM_TABLE:
            self._memory(body, fds)
        elif request == SET_VRING_NUM:
            self.sizes[0] = struct.unpack("<II", body)[1]
        elif request == SET_VRING_BASE:
            self.last = struct.unpack("<II", body)[1]
        elif request == SET_VRING_ADDR:
            self.rings = struct.unpack("<IIQQQQ", body)[2:5]  # descriptors, used, available: I/O virtual addresses
        elif request in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            self._close(request)
            if fds:
                self.fds[request] = fds[0]
        elif request == SET_BACKEND_REQ_FD:
            self.back = socket.socket(fileno=fds[0])
        return None

    def _close(self, request):
        if request in self.fds:
            os.close(self.fds.pop(request))

    def _stop(self):
        self.rings = None
        self.cache.clear()
        for request in list(self.fds):
            self._close(request)
        if self.back:
            self.back.close()
            self.back = None

    def _memory(self, body, fds):
        self.cache.clear()
        self.regions = []
        for number, fd in enumerate(fds):
            _, size, address, offset = struct.unpack_from("<QQQQ", body, 8 + 32 * number)
            self.regions.append((address, size, offset, mmap.mmap(fd, size + offset)))
            os.close(fd)

    # Translations

    def _iotlb(self, iova, size, address, right, kind):
        if kind == UPDATE:
            for at in range(0, size, pasids.PAGE):
                for each in (R, W):
                    if right & each:
                        self.cache[(iova + at, each)] = address + at
        elif kind == INVALIDATE:
            self.invalidations += 1
            # QEMU waits for the answer: no request is under way.
            self.cache = {key: value for key, value in self.cache.items() if not iova <= key[0] < iova + size}

    def _place(self, iova, right):
        """The memory at an address, up to its page's end. QEMU is asked if that is not known."""
        page = iova & -pasids.PAGE
        if (page, right) not in self.cache:
            self.misses += 1
            body = IOTLB.pack(page, pasids.PAGE, 0, right, MISS)
            self.back.sendall(HEADER.pack(MISS, 1 | NEED_REPLY, len(body)) + body)
            while self.back not in select.select([self.conn, self.back], [], [])[0]:
                self._message()
            self._read(self.back)
            if not self.rings:
                raise Gone
        address = self.cache.get((page, right))
        for start, size, offset, memory in self.regions:
            if address is not None and start <= address < start + size:
                at = offset + address - start + iova % pasids.PAGE
                return memory, at, pasids.PAGE - iova % pasids.PAGE
        raise ValueError(f"no translation of {iova:#x}")

    def _load(self, iova, size):
        data = b""
        while len(data) < size:
            memory, at, room = self._place(iova + len(data), R)
            data += memory[at:at + min(room, size - len(data))]
        return data

    def _store(self, iova, data):
        done = 0
        while done < len(data):
            memory, at, room = self._place(iova + done, W)
            part = data[done:done + room]
            memory[at:at + len(part)] = part
            done += len(part)

    # The queue

    def _serve(self):
        descriptors, used, available = self.rings
        size = self.sizes[0]
        while self.rings and self.last != struct.unpack("<H", self._load(available + 2, 2))[0]:
            head, = struct.unpack("<H", self._load(available + 4 + 2 * (self.last % size), 2))
            written = self._request(descriptors, head)
            self._store(used + 4 + 8 * (self.last % size), struct.pack("<II", head, written))
            self.last = (self.last + 1) % 65536
            self._store(used + 2, struct.pack("<H", self.last))
            if SET_VRING_CALL in self.fds:
                os.write(self.fds[SET_VRING_CALL], array.array("Q", [1]).tobytes())

    def _request(self, descriptors, head):
        """Carry one out; how many bytes it has written."""
        parts, more = [], True
        while more:
            address, length, flags, following = struct.unpack("<QIHH", self._load(descriptors + 16 * head, 16))
            parts.append((address, length, flags & 2))
            head, more = following, flags & 1
        kind, _, sector = struct.unpack("<IIQ", self._load(parts[0][0], 16))
        at, written = sector * SECTOR, 1
        for address, length, writes in parts[1:-1]:
            if kind == 0 and writes:  # VIRTIO_BLK_T_IN
                self._store(address, bytes(self.disk[at:at + length]))
                written += length
            elif kind == 1 and not writes:  # _OUT
                self.disk[at:at + length] = self._load(address, length)
            at += length
        self._store(parts[-1][0], b"\0" if kind <= 1 else b"\2")  # OK, UNSUPP
        return written


def options(path, more=""):
    """QEMU's, for one such disk; without memory, which must be shared."""
    return f"-chardev socket,id=vhost,path={path} -device vhost-user-blk-pci,chardev=vhost,num-queues=1,{more}"


# What each machine has in common with others, and that memory: its size is that of OPTIONS.
SHARED = "-object memory-backend-memfd,id=ram,size=1100M,share=on -machine memory-backend=ram"


class Test(pasids.Test):
    """Reads of the disk, to another page of memory each time, at the same address."""

    def __init__(self, kind, ask, monitor, backend, ats):
        self.backend, self.ats, self.reads, self.disk = backend, ats, 0, None
        super().__init__(kind, ask, monitor, pasids.BEHIND if ats else pasids.SID)

    def find(self):
        if self.ats:
            pasids.open_port(self.tables)
            self.ask(f"writew {self.ats_control():#x} 0x8000")  # before it starts, as Linux does
        self.disk = migration.Disk(self.tables, used=2, data=0)

    def ats_control(self):
        """Where that is."""
        config, at = self.tables.ECAM + (self.tables.sid << 12), 0x100
        while at:
            head = int(self.ask(f"readl {config + at:#x}").split()[1], 16)
            if head & 0xFFFF == 0x0F:
                return config + at + 6
            at = head >> 20
        raise ValueError("the disk has no ATS")

    def page(self, number):
        """One for data."""
        return self.disk.pages[0] + pasids.PAGE * (4 + number)

    def move(self, page):
        """The buffer is in this page from now on, and the IOMMU is told."""
        self.tables.put(self.tables.leaf(0), page | self.tables.rights(0) if page else 0)
        self.tables.invalidate(0)
        self.tables.invalidate_cache(0)

    def read(self):
        """In which of the pages sector 0 arrives."""
        for number in range(3):
            self.ask(f"memset {self.page(number):#x} {SECTOR:#x} 0")
        self.reads += 1
        self.disk.request(self.reads)
        pasids.until(lambda: self.disk.done() == self.reads)
        return [number for number in range(3)
                if self.ask(f"read {self.page(number):#x} {SECTOR:#x}") == f"OK 0x{self.backend.disk[:SECTOR].hex()}\n"]

    def check(self):
        for number in range(2):
            self.move(self.page(number))
            self.expect("page that was read to", self.read(), [number])
            self.expect("what is in use is kept", self.backend.holds(self.disk.data), True)
        self.move(0)
        self.expect("what is unmapped is kept", self.backend.holds(self.disk.data), False)
        self.move(self.page(1))
        self.expect("page that was read to again", self.read(), [1])
        # What is lost must be seen.
        self.monitor.command("x-viq-inject", failure="0:drop")
        self.move(self.page(2))
        self.expect("page of an invalidation that was lost", self.read(), [1])
        self.monitor.command("x-viq-inject", failure="none")
        self.move(self.page(2))
        self.expect("page after that", self.read(), [2])
        self.expect("what the disk has to say", self.backend.trouble, None)
        return "; ".join(self.wrong[:4]) or None


def run(talk, kind, qemu, ats=False):
    """What is wrong with a disk of vhost-user's, or None. talk: qtests.talk()."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "vhost")
        backend = Backend(path, bytearray(b"disk" * 2048))
        backend.start()
        port, where, also = ("-device pcie-root-port,id=top,chassis=1,addr=4 ", "bus=top", ",ats=on") if ats else ("", "addr=4", "")
        device = port + options(path, f"{where},disable-legacy=on,iommu_platform=on{also}")
        with talk(qemu, f"{kind.OPTIONS.format(device)} {SHARED}") as (ask, monitor):
            return Test(kind, ask, monitor, backend, ats).check()
