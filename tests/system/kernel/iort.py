# SPDX-License-Identifier: MIT
"""Say in an ACPI IORT (Arm DEN 0049) what QEMU's leaves out.

Devices' DMA is coherent whatever the page attributes: Linux makes no vIOMMU without it, and it is true of QEMU, where all
memory is the host's. Reserved memory ranges, which an accelerated SMMU's table has for the host's MSIs, may be remapped:
else Linux gives their devices to no program.
"""
import struct

ROOT_COMPLEX, RESERVED_MEMORY = 2, 6
# {type of node: (offset of a byte of flags, the flag that is set there)}
FLAGS = {
    ROOT_COMPLEX: (23, 1 << 2),  # CANWBS, in the memory access flags
    RESERVED_MEMORY: (16, 1 << 0),  # remapping permitted
}
HEADER = struct.Struct("<4sIBB6s8sI4sI")  # signature, length, revision, checksum, OEM id and table id, OEM revision, ...
CHECKSUM = 9
OEM_REVISION = 24
NODES = 36  # number of nodes, offset of the first


class IortError(Exception):
    """Not an IORT that this module understands."""


def check(table):
    """Fail unless table is one whole, intact IORT."""
    if len(table) < NODES + 8:
        raise IortError(f"IORT: {len(table)} bytes are too few")
    signature, length = HEADER.unpack_from(table)[:2]
    if signature != b"IORT":
        raise IortError(f"IORT: the signature is {signature!r}")
    if length != len(table):
        raise IortError(f"IORT: it says that it has {length} bytes, and has {len(table)}")
    if sum(table) % 256:
        raise IortError("IORT: the checksum is wrong")


def nodes(table):
    """(offset, type, length) of each node."""
    count, offset = struct.unpack_from("<II", table, NODES)
    for number in range(count):
        if offset + 16 > len(table):
            raise IortError(f"IORT: node {number} begins behind the end, at {offset}")
        kind, length = struct.unpack_from("<BH", table, offset)
        if length < 16 or offset + length > len(table):
            raise IortError(f"IORT: node {number} at {offset} cannot be {length} bytes long")
        yield offset, kind, length
        offset += length


def patch(table):
    """The table with these flags set, a higher revision and its checksum right."""
    check(table)
    new = bytearray(table)
    found = set()
    for offset, kind, length in nodes(table):
        if kind not in FLAGS:
            continue
        at, flag = FLAGS[kind]
        if length <= at:
            raise IortError(f"IORT: the node of type {kind} at {offset} has only {length} bytes")
        new[offset + at] |= flag
        found.add(kind)
    if ROOT_COMPLEX not in found:
        raise IortError("IORT: no root complex in it")
    revision, = struct.unpack_from("<I", new, OEM_REVISION)
    struct.pack_into("<I", new, OEM_REVISION, revision + 1)
    new[CHECKSUM] = 0
    new[CHECKSUM] = -sum(new) % 256
    check(new)
    return bytes(new)
