# SPDX-License-Identifier: MIT
"""Where viq's VT-d and QEMU's are known to differ: one rule each, as in differences.py."""
import os
import re

import vtd
from vtd import NAME, OFFSET, SIZE, WRITABLE, Queue

MEMORY_SIZE = 128 << 20
RULES = []


def rule(name, ends=False):
    def add(function):
        RULES.append((name, ends, function))
        return function
    return add


def documented():
    """Whether known-differences.md lists the same rules."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known-differences.md")
    with open(path, encoding="utf-8") as text:
        names = re.findall(r"^\| `([a-z0-9-]+)` \|", text.read().partition("## VT-d")[2], re.M)
    return names == [name for name, *_ in RULES]


class Difference:
    """One word that differs: a register's by offset, or a status word (offset None)."""

    def __init__(self, offset, viq, qemu):
        self.offset, self.viq, self.qemu = offset, viq, qemu
        self.name = NAME.get(offset)

    def __str__(self):
        where = "status word" if self.offset is None else f"[{self.offset:#x}] {self.name}"
        return f"{where}: viq {self.viq:#x}, QEMU {self.qemu:#x}"


class Context:
    """A step and what came of it. written: what software wrote last, by register; memory: reads viq's."""

    def __init__(self, step, before, viq, qemu, written, queue, offer, memory):
        self.step, self.before, self.viq, self.qemu, self.written = step, before, viq, qemu, written
        self.queue, self.offer, self.memory = queue, offer, memory

    def consumption(self):
        """Where the architecture says that the queue stands: (IQH, None or IQEI, why)."""
        head, tail = self.before[OFFSET["IQH"]], self.viq[OFFSET["IQT"]]
        if self.step.kind == "set up":
            head = 0
        if self.queue.wide and tail & 0x10:
            return head, vtd.ALIGN, "alignment"
        if tail >= self.queue.bytes:
            return head, vtd.TAIL, "tail"
        while head != tail:
            desc = self.memory(self.queue.base + head, self.queue.entry)
            why = self.offer.illegal(desc, self.queue.wide)
            if why:
                return head, *why
            head = self.queue.next(head)
        return head, None, None

    def as_specified(self):
        """viq's queue stands where the architecture says, with the error that it says. Why it stopped, or True."""
        if not self.queue:
            return False
        head, code, why = self.consumption()
        if self.viq[OFFSET["IQH"]] != head or bool(self.viq[OFFSET["FSTS"]] & vtd.IQE) != (code is not None):
            return False
        return code is None or (self.viq[OFFSET["IQERCD"]] == code and why)

    def stopped_for(self, *reasons):
        return self.as_specified() in reasons


def half(name, offset):
    return WRITABLE[name] >> 8 * (offset - OFFSET[name]) & 0xFFFFFFFF


# --- What is shown

@rule("iqercd")
def _(d, c):
    return d.name == "IQERCD" and d.qemu == 0 and d.viq < 8


@rule("iqa-width-not-shown")
def _(d, c):
    return d.offset == OFFSET["IQA"] and (d.viq, d.qemu) == (d.qemu | 1 << 11, d.viq & ~(1 << 11)) and c.offer.scalable


@rule("reserved-bits-kept")
def _(d, c):
    if d.name not in ("RTADDR", "IRTA", "FEDATA", "IEDATA", "FEUADDR", "IEUADDR"):
        return False
    writable = half(d.name, d.offset) if d.name in WRITABLE else 0
    return not (d.viq ^ d.qemu) & writable and not d.viq & ~writable


@rule("scalable-features")
def _(d, c):
    return d.offset == OFFSET["ECAP"] and d.viq ^ d.qemu == 1 << 31 and c.offer.scalable


@rule("granularity-told")
def _(d, c):
    return d.offset == OFFSET["CCMD"] + 4 and (d.viq >> 27 & 3, d.qemu >> 27 & 3) == (2, 1)


# --- What is done

@rule("pasid-descriptors-unchecked", ends=True)
def _(d, c):
    return c.stopped_for("PASID")


@rule("interrupt-entries-unchecked", ends=True)
def _(d, c):
    return c.stopped_for("interrupt entries")


@rule("upper-words-unchecked", ends=True)
def _(d, c):
    return c.stopped_for("upper words")


@rule("high-type-bits", ends=True)
def _(d, c):
    return c.stopped_for("high type bits")


@rule("device-tlb-not-offered", ends=True)
def _(d, c):
    return c.stopped_for("not offered")


@rule("tail-not-aligned", ends=True)
def _(d, c):
    return c.stopped_for("alignment")


def refused_wait(c):
    """The wait descriptor that QEMU stopped at, where viq is as specified; None if it is no such."""
    if not c.as_specified() or not c.qemu[OFFSET["FSTS"]] & vtd.IQE or c.qemu[OFFSET["IQH"]] >= c.queue.bytes:
        return None
    desc = c.memory(c.queue.base + c.qemu[OFFSET["IQH"]], c.queue.entry)
    return desc if desc[0] & 15 == vtd.WAIT and not c.offer.illegal(desc, c.queue.wide) else None


@rule("wait-for-nothing", ends=True)
def _(d, c):
    desc = refused_wait(c)
    return bool(desc) and not desc[0] & 0x30


@rule("status-nowhere", ends=True)
def _(d, c):
    desc = refused_wait(c)
    return bool(desc) and bool(desc[0] & 0x20) and desc[1] >= MEMORY_SIZE


@rule("restart-when-cleared", ends=True)
def _(d, c):
    return c.step.kind == "clear only" and c.qemu[OFFSET["IQH"]] == c.before[OFFSET["IQH"]]


@rule("disable-refused", ends=True)
def _(d, c):
    return c.step.kind == "disable" and not c.viq[OFFSET["GSTS"]] & vtd.QIE and bool(c.qemu[OFFSET["GSTS"]] & vtd.QIE)
