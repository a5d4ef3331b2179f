# SPDX-License-Identifier: MIT
"""What the comparison needs of the architecture (IHI 0070): registers, commands and how a queue is consumed.

Written from the architecture's text, not from viq's tables: a mistake there must show here."""
import struct


def bits(high, low):
    return (1 << high + 1) - (1 << low)


class Register:
    """offset, size in bytes, bits that software can set, and the enable whose guard it has (6.3): None or a name"""

    def __init__(self, name, offset, size=4, writable=0, guard=None):
        self.name, self.offset, self.size, self.writable, self.guard = name, offset, size, writable, guard


# With IDR0.{MSI, PRI, ATS, VMW, BTM, HYP} = 0, as QEMU has them.
REGISTERS = [
    *(Register(f"IDR{n}", 4 * n) for n in range(6)),
    Register("IIDR", 0x18), Register("AIDR", 0x1C),
    Register("CR0", 0x20, writable=0xD),
    Register("CR0ACK", 0x24),
    Register("CR1", 0x28, writable=bits(11, 0), guard="any"),
    Register("CR2", 0x2C, writable=1 << 1, guard="SMMUEN"),
    Register("STATUSR", 0x40),
    Register("GBPA", 0x44, writable=bits(20, 16) | bits(13, 8) | bits(4, 0)),
    Register("AGBPA", 0x48),
    Register("IRQ_CTRL", 0x50, writable=0x5),
    Register("IRQ_CTRLACK", 0x54),
    Register("GERROR", 0x60),
    Register("GERRORN", 0x64, writable=0x105),
    Register("GERROR_IRQ_CFG0", 0x68, 8),
    Register("GERROR_IRQ_CFG1", 0x70), Register("GERROR_IRQ_CFG2", 0x74),
    Register("STRTAB_BASE", 0x80, 8, writable=bits(51, 6) | 1 << 62, guard="SMMUEN"),
    Register("STRTAB_BASE_CFG", 0x88, writable=bits(17, 16) | bits(10, 0), guard="SMMUEN"),
    Register("CMDQ_BASE", 0x90, 8, writable=bits(51, 5) | 1 << 62 | 0x1F, guard="CMDQEN"),
    Register("CMDQ_PROD", 0x98, writable=bits(19, 0)),
    Register("CMDQ_CONS", 0x9C, writable=bits(30, 24) | bits(19, 0), guard="CMDQEN"),
    Register("EVENTQ_BASE", 0xA0, 8, writable=bits(51, 5) | 1 << 62 | 0x1F, guard="EVENTQEN"),
    Register("EVENTQ_IRQ_CFG0", 0xB0, 8),
    Register("EVENTQ_IRQ_CFG1", 0xB8), Register("EVENTQ_IRQ_CFG2", 0xBC),
    Register("EVENTQ_PROD", 0x100A8, writable=1 << 31 | bits(19, 0), guard="EVENTQEN"),
    Register("EVENTQ_CONS", 0x100AC, writable=1 << 31 | bits(19, 0)),
]
BY_NAME = {r.name: r for r in REGISTERS}
OFFSET = {r.name: r.offset for r in REGISTERS}
# Each 32-bit word of a register.
WORDS = {r.offset + half: r for r in REGISTERS for half in range(0, r.size, 4)}

CR0_ENABLES = {"SMMUEN": 0x1, "EVENTQEN": 0x4, "CMDQEN": 0x8}


def guarded(register, value, state):
    """Bits of the register that a write of value may not change now. state: word offset to value."""
    cr0 = state[OFFSET["CR0"]]
    if register.guard is None:
        return 0
    if register.guard == "any":  # CR1: TABLE_* by SMMUEN, QUEUE_* by every queue's enable
        return (bits(11, 6) if cr0 & 0x1 else 0) | (bits(5, 0) if cr0 & 0xC else 0)
    return bits(63, 0) if cr0 & CR0_ENABLES[register.guard] else 0


# --- Commands (section 4) ---------------------------------------------------------------------------------------------

OP, SSEC, SSV, SSID, SID = bits(7, 0), 1 << 10, 1 << 11, bits(31, 12), bits(63, 32)
VMID, ASID, NUM, SCALE = bits(47, 32), bits(63, 48), bits(16, 12), bits(24, 20)
LEAF, TTL, TG, PAGE = 1, bits(9, 8), bits(11, 10), bits(63, 12)
RANGE0, RANGE1 = NUM | SCALE, LEAF | TTL | TG | PAGE

# opcode: name, bits of word 0 and word 1 that are defined, with RIL and without DS, substreams or stage 2
OFFERED = {
    0x01: ("PREFETCH_CONFIG", OP | SSEC | SSV | SSID | SID, 0),
    0x02: ("PREFETCH_ADDR", OP | SSEC | SSV | SSID | SID, bits(9, 0) | PAGE),
    0x03: ("CFGI_STE", OP | SSEC | SID, LEAF),
    0x04: ("CFGI_STE_RANGE", OP | SSEC | SID, bits(4, 0)),
    0x05: ("CFGI_CD", OP | SSEC | SSID | SID, LEAF),
    0x06: ("CFGI_CD_ALL", OP | SSEC | SID, 0),
    0x10: ("TLBI_NH_ALL", OP | VMID, 0),
    0x11: ("TLBI_NH_ASID", OP | VMID | ASID, 0),
    0x12: ("TLBI_NH_VA", OP | VMID | ASID | RANGE0, RANGE1),
    0x13: ("TLBI_NH_VAA", OP | VMID | RANGE0, RANGE1),
    0x30: ("TLBI_NSNH_ALL", OP, 0),
    0x46: ("SYNC", OP | bits(13, 12) | bits(27, 22) | bits(63, 32), bits(51, 2)),
}
# These exist, but not with QEMU's ID registers: no stage 2, HYP, ATS, PRI, stalls.
UNOFFERED = {
    0x18: "TLBI_EL3_ALL", 0x1A: "TLBI_EL3_VA", 0x20: "TLBI_EL2_ALL", 0x21: "TLBI_EL2_ASID", 0x22: "TLBI_EL2_VA",
    0x23: "TLBI_EL2_VAA", 0x28: "TLBI_S12_VMALL", 0x2A: "TLBI_S2_IPA", 0x40: "ATC_INV", 0x41: "PRI_RESP",
    0x44: "RESUME", 0x45: "STALL_TERM",
}

CERROR_NONE, CERROR_ILL, CERROR_ABT = 0, 1, 2


def illegal(command):
    """Why the command queue answers CERROR_ILL: a short name, or None if it does not."""
    word0, word1 = command
    op = word0 & OP
    if op in UNOFFERED:
        return "not offered"
    if op not in OFFERED:
        return "reserved opcode"
    _, defined0, defined1 = OFFERED[op]
    if defined0 & SSEC and word0 & SSEC:
        return "secure"
    if word0 & ~defined0 or word1 & ~defined1:
        return "reserved bit"
    if op in (0x12, 0x13):
        tg, ttl, span = (word1 & TG) >> 10, (word1 & TTL) >> 8, word0 & (NUM | SCALE)
        if tg == 0 and (ttl or span):
            return "reserved bit"
        if tg and not span and (not ttl or (tg == 2 and ttl == 1)):  # that TTL counts as 0 without DS
            return "reserved range"
    if op == 0x46 and word0 & bits(13, 12) == bits(13, 12):
        return "reserved CS"
    return None


class Queue:
    """The command queue's geometry, from the values of its registers (6.3.26 to 6.3.28)."""

    LIMIT = 19  # IDR1.CMDQS

    def __init__(self, base, address_bits=44):
        self.log2size = min(base & 0x1F, self.LIMIT)
        self.entries = 1 << self.log2size
        self.mask = 2 * self.entries - 1  # index and wrap flag
        self.literal = base & bits(51, 5)
        self.address = self.literal & bits(address_bits - 1, 0) & ~(16 * self.entries - 1)

    def fill(self, prod, cons):
        return (prod - cons) & self.mask

    def entry(self, index):
        return self.address + 16 * (index & (self.entries - 1))


def words(data):
    return struct.unpack("<2Q", data)
