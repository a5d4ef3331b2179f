# SPDX-License-Identifier: MIT
"""A capture (docs/capture-format.md) as the machine's test_replay.c wants it: no libpcap there, and no need for one.

All numbers are 32 bits, little endian: the queue's entries, the number of doorbells, the number of commands; then for
each doorbell its value, its number of commands, and the commands.
"""
import struct

MAGIC_NANOSECONDS = 0xA1B23C4D
SETUP, ENTRIES, DOORBELL, END = 1, 2, 4, 7
SMMUV3, COMMAND_BYTES = 1, 16


class CaptureError(Exception):
    """Not a capture that can be used here."""


def packets(data):
    """(type, body) of each packet."""
    if len(data) < 24 or struct.unpack_from("<I", data)[0] != MAGIC_NANOSECONDS:
        raise CaptureError("not a little-endian libpcap file with nanoseconds")
    at = 24
    while at < len(data):
        length, = struct.unpack_from("<I", data, at + 8)
        packet = data[at + 16:at + 16 + length]
        if len(packet) != length or packet[:4] != b"VIQ\x01" or packet[4] != SMMUV3:
            raise CaptureError(f"no SMMUv3 packet of version 1 at {at}")
        yield packet[5], packet[8:]
        at += 16 + length


def flatten(data):
    """The bytes described above."""
    entries, doorbells, pending, total = None, [], b"", None
    for kind, body in packets(data):
        if kind == SETUP:
            if entries is not None:
                raise CaptureError("two queues")
            entries, = struct.unpack_from("<I", body, 8)
        elif kind in (ENTRIES, DOORBELL):
            value, _, count = struct.unpack_from("<III", body)
            pending += body[16:16 + COMMAND_BYTES * count]
            if kind == DOORBELL:
                doorbells.append((value, pending))
                pending = b""
        elif kind == END:
            total = struct.unpack_from("<QQQQ", body)
    commands = sum(len(each) for _, each in doorbells) // COMMAND_BYTES
    if total is None or total[1:] != (len(doorbells), commands, 0):
        raise CaptureError(f"{len(doorbells)} doorbells and {commands} commands; at its end it says {total}")
    flat = struct.pack("<III", entries, len(doorbells), commands)
    return flat + b"".join(struct.pack("<II", value, len(each) // COMMAND_BYTES) + each for value, each in doorbells)
