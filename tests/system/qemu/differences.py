# SPDX-License-Identifier: MIT
"""Where viq and QEMU are known to differ: one rule each, described under the same name in known-differences.md.

A rule looks at one difference and says whether it covers it. It covers only what it can explain: a rule about a
register that QEMU stores as written asks that QEMU shows what was written and that viq shows what the architecture
says. `ends` marks rules after which the two machines are in different states, so that the stream starts afresh."""
import os
import re

import smmuv3
from smmuv3 import BY_NAME, OFFSET, UNOFFERED, WORDS, Queue, bits

RULES = []
EVENT_RULES = []


def rule(name, ends=False):
    def add(function):
        RULES.append((name, ends, function))
        return function
    return add


def event_rule(name):
    def add(function):
        EVENT_RULES.append((name, function))
        return function
    return add


def documented():
    """Whether known-differences.md lists the same rules."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known-differences.md")
    with open(path, encoding="utf-8") as text:
        names = re.findall(r"^\| `([a-z0-9-]+)` \|", text.read().partition("## VT-d")[0], re.M)
    return names == [name for name, *_ in RULES + EVENT_RULES]


class Difference:
    """One value that differs. offset, size: where; viq, qemu: the two values."""

    def __init__(self, offset, size, viq, qemu):
        self.offset, self.size, self.viq, self.qemu = offset, size, viq, qemu
        self.word = WORDS.get(offset)

    def __str__(self):
        name = self.word.name if self.word else "-"
        return f"[{self.offset:#x}] {name} ({self.size} bytes): viq {self.viq:#x}, QEMU {self.qemu:#x}"

    @property
    def bits(self):
        return self.viq ^ self.qemu


class Context:
    """A step and what came of it. before: viq's words; viq, qemu: words after; memory: reads 16 bytes of viq's;
    gbpa: this QEMU has the register."""

    def __init__(self, step, before, viq, qemu, memory, gbpa):
        self.step, self.before, self.viq, self.qemu, self.memory, self.gbpa = step, before, viq, qemu, memory, gbpa

    @property
    def viq_unchanged(self):
        return self.viq == self.before

    def written(self, name=None):
        """The value that the step wrote to the register (any register), or None."""
        if not self.step.access or self.step.access[2] is None:
            return None
        offset, _, value = self.step.access
        return value if name is None or offset == OFFSET[name] else None

    def consumption(self):
        """Where the architecture says that the queue stands: (CONS index, ERR, reason), from `before`."""
        word = self.viq
        queue = Queue(word[OFFSET["CMDQ_BASE"]] | word[OFFSET["CMDQ_BASE"] + 4] << 32)
        cons, prod = self.before[OFFSET["CMDQ_CONS"]] & queue.mask, word[OFFSET["CMDQ_PROD"]] & queue.mask
        if queue.fill(prod, cons) > queue.entries:
            return cons, None, "inconsistent"
        while cons != prod:
            data = self.memory(queue.entry(cons))
            if data is None:
                return cons, smmuv3.CERROR_ABT, "no memory"
            reason = smmuv3.illegal(data)
            if reason:
                return cons, smmuv3.CERROR_ILL, (reason, data)
            cons = cons + 1 & queue.mask
        return cons, None, None


# --- What is shown ----------------------------------------------------------------------------------------------------

def half(register, offset):
    return register.writable >> 8 * (offset - register.offset) & 0xFFFFFFFF


@rule("reserved-bits-kept")
def _(d, c):
    kept = {"CR0", "CR1", "CR2", "GBPA", "IRQ_CTRL", "IRQ_CTRLACK", "GERRORN", "STRTAB_BASE", "STRTAB_BASE_CFG",
            "CMDQ_BASE", "CMDQ_PROD", "EVENTQ_BASE", "EVENTQ_PROD", "EVENTQ_CONS"}
    if not d.word or d.word.name not in kept or d.size != 4:
        return False
    register = BY_NAME["IRQ_CTRL"] if d.word.name == "IRQ_CTRLACK" else d.word
    writable = half(register, d.offset) if register is d.word else register.writable
    return not d.bits & writable and not d.viq & ~writable


@rule("cr0ack-unimplemented")
def _(d, c):
    return d.offset == OFFSET["CR0ACK"] and d.size == 4 and not d.bits & 0xD and not d.viq & ~0xD


@rule("irq-cfg-without-msi")
def _(d, c):
    return bool(d.word) and "IRQ_CFG" in d.word.name and d.viq == 0


@rule("page-1-alias")
def _(d, c):
    return d.offset >= 0x10000 and not d.word and d.viq == 0


@rule("page-0-eventq-alias")
def _(d, c):
    return d.offset in (0xA8, 0xAC) and d.viq == 0


@rule("gbpa")
def _(d, c):
    return d.offset == OFFSET["GBPA"] and d.qemu == 0 and not c.gbpa


@rule("coresight-id")
def _(d, c):
    return 0xFD0 <= d.offset < 0x1000 and d.viq == 0


@rule("vmid16-without-stage-2")
def _(d, c):
    return d.offset == OFFSET["IDR0"] and d.size == 4 and d.bits == 1 << 18 and not d.viq & 1


@rule("queue-base-at-reset")
def _(d, c):
    return d.offset in (OFFSET["CMDQ_BASE"], OFFSET["EVENTQ_BASE"]) and (d.viq, d.qemu) == (0, 19)


@rule("index-reserved-bits")
def _(d, c):
    flags = {"CMDQ_PROD": 0, "CMDQ_CONS": bits(30, 24), "EVENTQ_PROD": 1 << 31, "EVENTQ_CONS": 1 << 31}
    if not d.word or d.word.name not in flags or d.size != 4:
        return False
    shown = Queue(c.viq[OFFSET[d.word.name.split("_")[0] + "_BASE"]]).mask | flags[d.word.name]
    return not d.bits & shown and not d.viq & ~shown


def pair(step):
    """The offsets of the two 32-bit registers that the step accesses at once, or nothing."""
    if not step.access or step.access[1] != 8 or step.access[0] % 8:
        return ()
    offsets = step.access[0], step.access[0] + 4
    return offsets if any(o in WORDS and WORDS[o].size == 4 for o in offsets) else ()


@rule("wide-read")
def _(d, c):
    return d.size == 8 and bool(pair(c.step)) and d.qemu == 0 and d.viq == sum(
        c.viq.get(o, 0) << 32 * n for n, o in enumerate(pair(c.step)))


# --- What is done -----------------------------------------------------------------------------------------------------

@rule("guard", ends=True)
def _(d, c):
    value = c.written()
    register = WORDS.get(c.step.access[0]) if value is not None else None
    if not register or d.word is not register:
        return False
    kept = smmuv3.guarded(register, value, c.before)
    reserved = ~half(register, d.offset)
    return bool(kept) and not d.bits & ~(kept | reserved) and not (d.viq ^ c.before[d.offset]) & kept and (
        not d.viq & reserved)


@rule("wide-write", ends=True)
def _(d, c):
    """QEMU's value is the one of before, in the bits that mean something."""
    shown = {"CR0ACK": 0xD, "IRQ_CTRLACK": 0x5, "GERROR": 0x1, "CMDQ_CONS": BY_NAME["CMDQ_CONS"].writable}
    if c.written() is None or not pair(c.step) or not d.word or not (d.offset in pair(c.step) or d.word.name in shown):
        return False
    return not (d.qemu ^ c.before[d.offset]) & shown.get(d.word.name, half(d.word, d.offset))


@rule("page-1-alias-write", ends=True)
def _(d, c):
    value = c.written()
    return value is not None and c.step.access[0] >= 0x10000 and not WORDS.get(c.step.access[0]) and c.viq_unchanged


@rule("page-0-eventq-alias-write", ends=True)
def _(d, c):
    return c.written() is not None and c.step.access[0] in (0xA8, 0xAC) and c.viq_unchanged


def stopped(d, c, reasons):
    """viq stopped where the architecture says, for one of the reasons, and QEMU went on."""
    if d.offset not in (OFFSET["CMDQ_CONS"], OFFSET["GERROR"]):
        return False
    cons, error, why = c.consumption()
    word = c.viq[OFFSET["CMDQ_CONS"]]
    if error != smmuv3.CERROR_ILL or word != cons | error << 24:
        return False
    return reasons(*why)


@rule("commands-not-offered", ends=True)
def _(d, c):
    return stopped(d, c, lambda reason, command: reason == "not offered")


@rule("command-reserved-bits", ends=True)
def _(d, c):
    return stopped(d, c, lambda reason, command: reason == "reserved bit")


@rule("command-reserved-range", ends=True)
def _(d, c):
    return stopped(d, c, lambda reason, command: reason == "reserved range")


@rule("sync-reserved-cs", ends=True)
def _(d, c):
    return stopped(d, c, lambda reason, command: reason == "reserved CS")


@rule("prefetch-secure", ends=True)
def _(d, c):
    return stopped(d, c, lambda reason, command: reason == "secure" and command[0] & 0xFF in (1, 2))


@rule("inconsistent-indices", ends=True)
def _(d, c):
    cons, _, why = c.consumption()
    return (why == "inconsistent" and d.offset in (OFFSET["CMDQ_CONS"], OFFSET["GERROR"])
            and c.viq[OFFSET["CMDQ_CONS"]] == c.before[OFFSET["CMDQ_CONS"]])


def other_ring(state):
    """Does QEMU read another ring than viq, with these registers?"""
    queue = Queue(state[OFFSET["CMDQ_BASE"]] | state[OFFSET["CMDQ_BASE"] + 4] << 32)
    return queue.literal & ~0x20 != queue.address


@rule("queue-base-effective", ends=True)
def _(d, c):
    word = c.viq
    queue = Queue(word[OFFSET["CMDQ_BASE"]] | word[OFFSET["CMDQ_BASE"] + 4] << 32)
    if not other_ring(word) or d.offset not in (OFFSET["CMDQ_CONS"], OFFSET["GERROR"]):
        return False
    cons, error, _ = c.consumption()
    shown = word[OFFSET["CMDQ_CONS"]]
    return shown & queue.mask == cons and (error is None or shown >> 24 == error)


# --- Events of device accesses ----------------------------------------------------------------------------------------
# One access's events: lists of four words. old: a QEMU before 8.0. beyond: a descriptor leads beyond the output size.

CLASS = bits(41, 40)
TRANSLATION_FAULTS = (0x10, 0x11, 0x12, 0x13)
F_ADDR_SIZE, F_ACCESS, F_PERMISSION, F_WALK_EABT = 0x11, 0x12, 0x13, 0x0B


@event_rule("event-class")
def _(viq, qemu, old, beyond):
    return old and len(viq) == len(qemu) == 1 and viq[0][0] & 0xFF in TRANSLATION_FAULTS and (
        viq[0][1] & CLASS == 2 << 40 and (viq[0][0], viq[0][1] & ~CLASS, *viq[0][2:]) == qemu[0])


@event_rule("event-with-cached-configuration")
def _(viq, qemu, old, beyond):
    return old and not qemu and len(viq) == 1 and viq[0][0] & 0xFF in TRANSLATION_FAULTS


@event_rule("output-size")
def _(viq, qemu, old, beyond):
    other = F_WALK_EABT, F_ACCESS, F_PERMISSION
    return beyond and (not viq or viq[0][0] & 0xFF == F_ADDR_SIZE) and (not qemu or qemu[0][0] & 0xFF in other)
