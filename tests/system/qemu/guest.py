# SPDX-License-Identifier: MIT
"""A random guest: mostly a driver that knows what it does, sometimes one that does not."""
import struct

import qtest
from smmuv3 import BY_NAME, OFFERED, OFFSET, OP, REGISTERS, UNOFFERED, CR0_ENABLES, Queue, bits

MEMORY_SIZE = 128 << 20
NOWHERE = 0x60000000  # neither machine has memory here
BOTH_REFUSE = (0x00, 0x07, 0x09, 0x2B, 0x47, 0x50, 0x58, 0x60, 0x80, 0x8F, 0xFF)  # reserved opcodes


def in_memory(queue):
    return qtest.MEMORY <= queue.address < qtest.MEMORY + MEMORY_SIZE


class Step:
    """Lines for both devices. access: (offset, size, value) of the last register access; value None for a read."""

    def __init__(self, what, lines, access=None):
        self.what, self.lines, self.access = what, lines, access
        self.freeze = False  # viq is to be saved and restored


class Guest:
    def __init__(self, random):
        self.random = random

    # --- Register accesses --------------------------------------------------------------------------------------------

    def write(self, what, offset, size, value):
        value &= bits(8 * size - 1, 0)
        return Step(f"{what}: [{offset:#x}] = {value:#x} ({size} bytes)",
                    [qtest.write(size, qtest.REGISTERS + offset, value)], (offset, size, value))

    def write_register(self, what, name, value):
        return self.write(f"{what} {name}", OFFSET[name], BY_NAME[name].size, value)

    def value(self, register):
        """Any bits that the register takes; a queue base stays in memory, since below it the machines differ."""
        if register.name == "CMDQ_BASE":
            return qtest.MEMORY + self.random.randrange(MEMORY_SIZE) & ~0x20 | self.random.getrandbits(1) << 62
        return self.random.getrandbits(64) & register.writable

    def read(self, offset, size):
        return Step(f"read [{offset:#x}] ({size} bytes)", [qtest.read(size, qtest.REGISTERS + offset)],
                    (offset, size, None))

    # --- Commands -----------------------------------------------------------------------------------------------------

    def legal_command(self):
        """Any bits that the architecture defines, within its rules (the rare slip is no harm: both sides judge it)."""
        random = self.random
        op = random.choice(list(OFFERED))
        _, defined0, defined1 = OFFERED[op]
        word0 = op | random.getrandbits(64) & defined0 & ~OP & ~(1 << 10)
        word1 = random.getrandbits(64) & defined1
        if op in (0x12, 0x13):
            tg = random.randrange(4)
            span = bits(16, 12) | bits(24, 20)
            word1 = word1 & ~bits(11, 8) | tg << 10
            if tg == 0:
                word0 &= ~span
            elif not word0 & span:
                word1 |= 3 << 8
            else:
                word1 |= random.randrange(4) << 8
        if op == 0x46:
            word0 = word0 & ~bits(13, 12) | random.randrange(3) << 12
        return word0, word1

    def odd_command(self):
        random = self.random
        kind = random.randrange(7)
        if kind == 0:
            return random.choice(list(UNOFFERED)) | random.getrandbits(64) & ~0xFF, random.getrandbits(64)
        if kind == 1:
            return random.getrandbits(64), random.getrandbits(64)
        if kind == 2:  # a bare command that this SMMU does not offer
            return random.choice(list(UNOFFERED)), 0
        if kind == 3:  # reserved: CS = 3, TG alone, TTL = 1 of 16K granules, a Secure prefetch
            return random.choice(((0x3046, 0), (0x12, 1 << 10), (0x13, 0x1000 | 3 << 10), (0x12, 0x900), (0x401, 0),
                                  (0x402, 0)))
        word0, word1 = self.legal_command()
        if kind == 4:
            return word0 | 1 << random.randrange(8, 64), word1
        return word0, word1 ^ 1 << random.randrange(64)

    def agreed_illegal(self):
        if self.random.randrange(2):
            return self.random.choice(BOTH_REFUSE) | self.random.getrandbits(64) & ~0xFF, self.random.getrandbits(64)
        return self.random.choice((3, 4, 5, 6)) | 1 << 10, 0

    def commands(self, count):
        flavour = self.random.random()
        odd = 0.2 if flavour < 0.08 else 0
        refused = 0.1 if 0.08 <= flavour < 0.3 else 0
        for _ in range(count):
            if self.random.random() < odd:
                yield self.odd_command()
            elif self.random.random() < refused:
                yield self.agreed_illegal()
            else:
                yield self.legal_command()

    # --- Steps --------------------------------------------------------------------------------------------------------

    @staticmethod
    def queue(state):
        return Queue(state[OFFSET["CMDQ_BASE"]] | state[OFFSET["CMDQ_BASE"] + 4] << 32)

    def fill(self, queue, start, commands):
        """Lines that write the commands into the ring from index start on."""
        lines, run, address = [], b"", None
        for number, command in enumerate(commands):
            where = queue.entry(start + number)
            if run and where != address + len(run):
                lines.append(qtest.write_bytes(address, run))
                run = b""
            if not run:
                address = where
            run += struct.pack("<2Q", *command)
        if run:
            lines.append(qtest.write_bytes(address, run))
        return lines

    def doorbell(self, state):
        queue = self.queue(state)
        prod, cons = state[OFFSET["CMDQ_PROD"]], state[OFFSET["CMDQ_CONS"]]
        if self.random.random() < 0.1:
            prod = cons  # an error is active: software may take commands back; else nothing is queued
        room = queue.entries - queue.fill(prod, cons)
        if room < 0:
            prod, room = cons, queue.entries
        count = min(room, self.random.choice((1, 1, 2, 3, 8, 64, 200) if self.random.random() < 0.995 else (3000,)))
        lines = []
        if in_memory(queue):
            lines = self.fill(queue, prod, self.commands(count))
        step = self.write_register("doorbell", "CMDQ_PROD", prod + count & queue.mask)
        step.lines = lines + step.lines
        return step

    def acknowledge(self, state):
        """As Linux: overwrite the command at CONS with a CMD_SYNC, then write back GERROR."""
        queue = self.queue(state)
        step = self.write_register("acknowledge", "GERRORN", state[OFFSET["GERROR"]])
        if self.random.random() < 0.7 and in_memory(queue):
            step.lines = self.fill(queue, state[OFFSET["CMDQ_CONS"]] & queue.mask, [(0x0FC02046, 0)]) + step.lines
        return step

    def set_up(self, _):
        """Disable, place a queue somewhere, enable."""
        random = self.random
        log2size = random.choice((0, 1, 2, 3, 4, 5, 8, 8, 11, 19, 19, 20, 31))
        effective = min(log2size, Queue.LIMIT)
        size = max(64, 16 << effective)
        address = qtest.MEMORY + random.randrange(MEMORY_SIZE // size) * size
        if random.random() < 0.05:
            address = NOWHERE + random.randrange(8) * size
        elif random.random() < 0.03:
            address |= random.getrandbits(52) & bits(effective + 4, 5)  # not aligned to its size, or just so
        elif random.random() < 0.03:
            address |= 1 << random.randrange(44, 52)  # beyond the output addresses
        start = random.getrandbits(effective + 1)
        registers = [("CR0", 0), ("CMDQ_BASE", address | log2size | random.getrandbits(1) << 62), ("CMDQ_PROD", start),
                     ("CMDQ_CONS", start), ("CR0", 0x8 | random.choice((0, 0x4, 0x5, 0x1)))]
        steps = [self.write_register("set up", name, value) for name, value in registers]
        return Step(f"set up a queue: base {address:#x}, log2size {log2size}, start {start:#x}",
                    [line for step in steps for line in step.lines])

    def probe(self, _):
        """What Linux's driver writes when it finds an SMMU, and its first commands."""
        log2size = 18
        base = qtest.MEMORY + self.random.randrange(MEMORY_SIZE // (16 << log2size)) * (16 << log2size)
        queue = Queue(base | log2size)
        registers = [("CR0", 0), ("CR1", 0xD75), ("CR2", 6), ("STRTAB_BASE", 1 << 62 | qtest.MEMORY),
                     ("STRTAB_BASE_CFG", 0x10210), ("CMDQ_BASE", 1 << 62 | base | log2size), ("CMDQ_PROD", 0),
                     ("CMDQ_CONS", 0), ("CR0", 0x8)]
        commands = [(0x4, 31), (0x0FC02046, 0), (0x30, 0), (0x0FC02046, 0)]
        after = [("EVENTQ_BASE", 1 << 62 | qtest.MEMORY | 0x11), ("EVENTQ_PROD", 0), ("EVENTQ_CONS", 0), ("CR0", 0xC),
                 ("IRQ_CTRL", 0), ("GERROR_IRQ_CFG0", 0), ("EVENTQ_IRQ_CFG0", 0), ("IRQ_CTRL", 5), ("CR0", 0xD)]
        lines = [line for name, value in registers for line in self.write_register("", name, value).lines]
        for end in (2, 4):
            lines += self.fill(queue, end - 2, commands[end - 2:end])
            lines += self.write_register("", "CMDQ_PROD", end).lines
        lines += [line for name, value in after for line in self.write_register("", name, value).lines]
        return Step(f"Linux's probe, queue at {base:#x}", lines)

    def disable(self, state):
        return self.write_register("toggle", "CR0", state[OFFSET["CR0"]] ^ self.random.choice((0x8, 0x8, 0x4, 0x1)))

    def unguarded(self, state):
        """Software's own registers, with values that they take."""
        enabled = state[OFFSET["CR0"]]
        free = [r for r in REGISTERS if r.writable and r.name not in ("CR0", "CMDQ_BASE", "CMDQ_PROD", "CMDQ_CONS",
                                                                     "GERRORN", "GBPA")
                and not (enabled & (0xD if r.guard == "any" else CR0_ENABLES.get(r.guard, 0)))]
        register = self.random.choice(free)
        if self.random.random() < 0.1:
            value = self.value(BY_NAME["GBPA"]) | self.random.choice((0, 1 << 31))
            return self.write_register("store", "GBPA", value)
        return self.write_register("store", register.name, self.value(register))

    def halves(self, state):
        """A 64-bit register by its 32-bit halves (6.2)."""
        if state[OFFSET["CR0"]] & 0xD:
            return self.disable(state)
        register = self.random.choice([r for r in REGISTERS if r.size == 8 and r.writable])
        half = self.random.choice((0, 4))
        value = (self.value(register)) >> 8 * half
        return self.write(f"half {register.name}", register.offset + half, 4, value)

    def reserved(self, state):
        """A register that no guard protects, with all its bits."""
        name = self.random.choice(("IRQ_CTRL", "EVENTQ_CONS", "CMDQ_PROD", "GERRORN", "CR0"))
        value = self.random.getrandbits(32)
        if name == "CMDQ_PROD":  # the bits above the wrap flag only
            value = state[OFFSET[name]] | value & ~bits(19, 0)
        if name == "GERRORN":
            value = state[OFFSET[name]] | value & ~1
        if name == "CR0":
            value = state[OFFSET[name]] | value & ~0xD
        return self.write_register("reserved bits of", name, value)

    def look(self, _):
        size = self.random.choice((4, 4, 4, 8))
        start, end = self.random.choice(((0, 0x100), (0, 0x100), (0, 0x10000), (0x10000, 0x10100), (0xFD0, 0x1000)))
        return self.read(self.random.randrange(start, end, size), size)

    def undefined(self, _):
        size = self.random.choice((4, 8))
        offset = self.random.randrange(0xE0, 0x10000, size) | self.random.choice((0, 0x10000))
        if offset in (0x100A8, 0x100AC):
            offset = 0x200
        return self.write("undefined", offset, size, self.random.getrandbits(64))

    def any_gerrorn(self, _):
        """Acknowledges what is active, and what is not (which the architecture leaves open; both store it)."""
        return self.write_register("any", "GERRORN", self.random.getrandbits(32) & BY_NAME["GERRORN"].writable)

    def freeze(self, _):
        step = Step("save, change everything, restore (viq only)", [])
        step.freeze = True
        return step

    def odd_access(self, _):
        """Small or unaligned: the bus splits it; only aligned words mean something to the SMMU (6.2)."""
        size = self.random.choice((1, 2, 4, 8))
        offset = self.random.choice((0, 0, 0x10000)) + self.random.randrange(0x100)
        if self.random.randrange(2):
            return self.read(offset, size)
        if size == 8 and offset % 8 == 4:
            offset += 1  # not two words: what each of them does would be hard to tell apart
        step = self.write("odd access", offset, size, self.random.getrandbits(64))
        if size == 8 and offset % 4:
            word = offset + 3 & ~3
            step.access = word, 4, step.access[2] >> 8 * (word - offset) & bits(31, 0)
        return step

    def alias(self, _):
        """Where the other page would repeat a register."""
        offset = self.random.choice((0xA8, 0xAC, 0x10020, 0x10028, 0x10098, 0x10064))
        return self.write("alias", offset, 4, self.random.getrandbits(32))

    def guarded_write(self, _):
        register = self.random.choice([r for r in REGISTERS if r.guard])
        return self.write_register("maybe guarded", register.name, self.value(register))

    def nonsense_prod(self, state):
        queue = self.queue(state)
        return self.write_register("nonsense", "CMDQ_PROD", self.random.getrandbits(20) & queue.mask)

    def read_only(self, _):
        register = self.random.choice([r for r in REGISTERS if not r.writable])
        return self.write_register("read-only", register.name, self.random.getrandbits(64))

    def wide(self, _):
        """64 bits over two 32-bit registers (6.2)."""
        offset = self.random.choice((0x20, 0x28, 0x50, 0x60, 0x88, 0x98))
        if self.random.randrange(2):
            return self.read(offset, 8)
        return self.write("two registers", offset, 8, self.random.getrandbits(64))

    STEPS = [
        (40, doorbell), (12, acknowledge), (8, unguarded), (6, halves), (8, look), (6, disable), (4, set_up),
        (2, reserved), (2, read_only), (2, wide), (1, odd_access), (0.5, guarded_write),
        (0.5, nonsense_prod), (0.5, alias), (1, probe), (2, undefined), (1, any_gerrorn), (2, freeze),
    ]

    def step(self, state):
        error = (state[OFFSET["GERROR"]] ^ state[OFFSET["GERRORN"]]) & 1
        if error and self.random.random() < 0.6:
            return self.acknowledge(state)
        if not state[OFFSET["CR0"]] & 0x8 and self.random.random() < 0.3:
            return self.set_up(state)
        weights, choices = zip(*self.STEPS)
        return self.random.choices(choices, weights)[0](self, state)
