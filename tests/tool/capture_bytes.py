# SPDX-License-Identifier: MIT
"""A reader of captures for tests, made from docs/capture-format.md alone: it shares no code with viq."""
import collections
import struct

SETUP, ENTRIES, GAP, DOORBELL, READ, WRITE, END = 1, 2, 3, 4, 5, 6, 7
SMMUV3, VTD = 1, 2
NO_BASE = 2**64 - 1

Event = collections.namedtuple("Event", "time type offset size value first count entries")


def packets(path):
    """(nanoseconds, bytes) of each packet of a little-endian nanosecond pcap file of link type USER0."""
    with open(path, "rb") as file:
        data = file.read()
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B23C4D, 2, 4, 147), path
    at = 24
    while at < len(data):
        seconds, nanoseconds, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length and nanoseconds < 10**9
        yield seconds * 10**9 + nanoseconds, data[at + 16:at + 16 + length]
        at += 16 + length
    assert at == len(data)


class Capture:
    """events: all packets but setup and end. times: of all packets. One setup, one queue."""

    def __init__(self, path):
        self.events = []
        self.times = []
        self.kind = None
        self.end = None
        for time, data in packets(path):
            magic, version, kind, packet_type, reserved = struct.unpack_from("<3sBBBH", data)
            assert (magic, version, reserved) == (b"VIQ", 1, 0)
            assert self.kind in (None, kind) and self.end is None
            self.kind = kind
            self.times.append(time)
            self.take(time, packet_type, data[8:])
        assert self.end[0] == 1 + len(self.events)
        assert self.end[1:] == (len(self.doorbells()), len(self.entries()), self.missing())

    def take(self, time, packet_type, body):
        if packet_type == SETUP:
            self.base, self.size, self.entry_size, self.clock, zero = struct.unpack_from("<QIHHQ", body)
            assert zero == 0 and not self.events
            self.note = body[24:].decode()
        elif packet_type in (ENTRIES, GAP, DOORBELL):
            value, first, count, zero = struct.unpack_from("<IIII", body)
            size = 0 if packet_type == GAP else self.entry_size
            assert zero == 0 and len(body) == 16 + count * size
            entries = [body[16 + i * size:16 + (i + 1) * size] for i in range(count if size else 0)]
            self.events.append(Event(time, packet_type, None, None, value, first, count, entries))
        elif packet_type in (READ, WRITE):
            self.events.append(Event(time, packet_type, *struct.unpack("<IIQ", body), None, None, None))
        else:
            assert packet_type == END
            self.end = struct.unpack("<QQQQ", body)

    def doorbells(self):
        return [e for e in self.events if e.type == DOORBELL]

    def missing(self):
        return sum(e.count for e in self.events if e.type == GAP)

    def entries(self):
        """(slot, bytes) of each recorded entry."""
        return [((e.first + i) % self.size, entry)
                for e in self.events if e.entries for i, entry in enumerate(e.entries)]


class Writer:
    """Makes a capture of (type, ...) events: (READ or WRITE, offset, value, bytes if not 4) and (other types, first,
    entries or count of a gap, doorbell value)."""

    def __init__(self, kind, size, entry_size, note, times=None):
        """times: nanoseconds of packet n; without it, the source has none."""
        self.kind = kind
        self.times = times or (lambda number: number * 1000)
        self.packets = [(SETUP, struct.pack("<QIHHQ", NO_BASE, size, entry_size, times is not None, 0) + note.encode())]
        self.totals = [0, 0, 0]

    def events(self, *events):
        for event in events:
            if event[0] in (READ, WRITE):
                self.packets.append((event[0], struct.pack("<IIQ", event[1], (*event, 4)[3], event[2])))
                continue
            packet_type, first, entries, *value = event
            count = entries if packet_type == GAP else len(entries)
            body = struct.pack("<IIII", *(value or [0]), first, count, 0)
            self.packets.append((packet_type, body if packet_type == GAP else body + b"".join(entries)))
            self.totals[0] += packet_type == DOORBELL
            self.totals[2 if packet_type == GAP else 1] += count
        return self

    def save(self, path):
        end = (END, struct.pack("<QQQQ", len(self.packets), *self.totals))
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 147))
            for number, (packet_type, body) in enumerate(self.packets + [end], 1):
                packet = struct.pack("<3sBBBH", b"VIQ", 1, self.kind, packet_type, 0) + body
                time = divmod(self.times(number), 10**9)
                file.write(struct.pack("<IIII", *time, len(packet), len(packet)) + packet)
