# SPDX-License-Identifier: MIT
"""What the comparison needs of the architecture (VT-d 6.5, 11.4): registers, descriptors and how a queue is consumed.

Written from the architecture's text, not from viq's tables: a mistake there must show here."""
import struct

REGISTERS = 0xFED90000  # the VT-d of QEMU's machine "q35"


def bits(high, low):
    return (1 << high + 1) - (1 << low)


OFFSET = {
    "VER": 0x00, "CAP": 0x08, "ECAP": 0x10, "GCMD": 0x18, "GSTS": 0x1C, "RTADDR": 0x20, "CCMD": 0x28, "FSTS": 0x34,
    "FECTL": 0x38, "FEDATA": 0x3C, "FEADDR": 0x40, "FEUADDR": 0x44, "IQH": 0x80, "IQT": 0x88, "IQA": 0x90, "ICS": 0x9C,
    "IECTL": 0xA0, "IEDATA": 0xA4, "IEADDR": 0xA8, "IEUADDR": 0xAC, "IQERCD": 0xB0, "IRTA": 0xB8, "IVA": 0xF0,
    "IOTLB": 0xF8, "FRCD": 0x220,
}
WIDE = ("CAP", "ECAP", "RTADDR", "CCMD", "IQH", "IQT", "IQA", "IQERCD", "IRTA", "IVA", "IOTLB")
SIZE = {name: 8 if name in WIDE else 4 for name in OFFSET}
NAME = {OFFSET[name] + half: name for name in OFFSET for half in range(0, SIZE[name], 4)}
# Bits that software can set (11.4), with ECAP.EIM = 0.
WRITABLE = {
    "RTADDR": bits(63, 10), "IQT": bits(18, 4), "IQA": bits(63, 11) | 7, "IRTA": bits(63, 12) | 15,
    "FEDATA": bits(15, 0), "IEDATA": bits(15, 0), "FEADDR": bits(31, 2), "IEADDR": bits(31, 2),
}

QIE, TE, SRTP, SIRTP, IRE, CFI, WBF = (1 << n for n in (26, 31, 30, 24, 25, 23, 27))
LEVELS = QIE | TE | IRE | CFI
IQE, ICE, ITE = 0x10, 0x20, 0x40
IM, IP = 1 << 31, 1 << 30

CC, IOTLB, DEVTLB, IEC, WAIT, PIOTLB, PC, PDEVTLB, PGRP = range(1, 10)
TYPE, FETCH, RESERVED, WIDTH, ALIGN, TAIL = 3, 2, 4, 5, 6, 1  # IQERCD.IQEI
# Defined bits of qw0 and qw1 without DIT and PDS; the type apart.
DEFINED = {
    CC: (bits(5, 4) | bits(49, 16), 0),
    IOTLB: (bits(7, 4) | bits(31, 16), bits(6, 0) | bits(63, 12)),
    IEC: (bits(4, 4) | bits(31, 27) | bits(47, 32), 0),
    WAIT: (bits(6, 4) | bits(63, 32), bits(63, 2)),
    PIOTLB: (bits(5, 4) | bits(51, 16), bits(6, 0) | bits(63, 12)),
    PC: (bits(5, 4) | bits(51, 16), 0),
}
LEGAL_G = {CC: (1, 2, 3), IOTLB: (1, 2, 3), PIOTLB: (2, 3), PC: (0, 1, 3)}
MAMV = 18


class Offer:
    """What QEMU's capabilities offer: IR always, DT never."""

    def __init__(self, scalable):
        self.scalable = scalable

    def illegal(self, desc, wide):
        """(IQEI, why) that a descriptor stops the queue with, or None."""
        code = desc[0] & 15
        if desc[0] & bits(11, 9):
            return TYPE, "high type bits"
        if code not in DEFINED:
            return TYPE, "not offered" if code in (DEVTLB, PDEVTLB, PGRP) else "no such type"
        if code in (PIOTLB, PC) and not (self.scalable and wide):
            return TYPE, "PASID"
        defined = DEFINED[code]
        pasid = "PASID" if code in (PIOTLB, PC) else None
        if desc[0] & ~(defined[0] | 15) or desc[1] & ~defined[1]:
            return RESERVED, pasid or ("interrupt entries" if code == IEC else "reserved bit")
        if wide and (desc[2] or desc[3]):
            return RESERVED, pasid or "upper words"
        if code in LEGAL_G and desc[0] >> 4 & 3 not in LEGAL_G[code]:
            return RESERVED, pasid or "granularity"
        if code == IOTLB and desc[0] >> 4 & 3 == 3 and desc[1] & 63 > MAMV:
            return RESERVED, "address mask"
        return None


class Queue:
    """Geometry, as the guest enabled it."""

    def __init__(self, iqa):
        self.base, self.wide = iqa & bits(63, 12), bool(iqa & 1 << 11)
        self.bytes, self.entry = 4096 << (iqa & 7), 32 if iqa & 1 << 11 else 16

    def next(self, offset):
        return (offset + self.entry) % self.bytes


def words(data):
    return (struct.unpack("<4Q", data) if len(data) == 32 else struct.unpack("<2Q", data) + (0, 0))
