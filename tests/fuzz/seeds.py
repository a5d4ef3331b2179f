# SPDX-License-Identifier: MIT
"""What each fuzz target begins with, made by hand: {target: function that returns inputs}."""
import pathlib
import struct


def commands():
    """Commands as a Linux guest queues them, as two words."""
    sync = (0x0FC02046, 0)
    return [(0x4, 0x1F), sync, (0x30, 0), sync, (0x5, 1), sync, (0x3, 1), sync, (0x1, 0),
            (0x0002000000000012, 0xFFFFC701), sync, (0x0002000000400012, 0xFFFA0701), sync,
            (0x0002000000000011, 0), sync, (0x0000000900000040, 0x34), (0x0000000900000040, 0x1000), sync]


# Operations of guest.c, and the opcodes of its short form of a command.
COMMAND, DOORBELL, RUN, ACKNOWLEDGE, MIGRATE, HOST, HEAL = 3, 5, 7, 8, 9, 10, 11
ATC, SYNC = 11, 13


def timeouts():
    """[TLBI, ATC_INV, SYNC] on a host where the ATC_INV times out, until the host is healed."""
    program = bytes([COMMAND, 0, 8, 5, COMMAND, 1, ATC, 7, COMMAND, 2, SYNC, 0])
    program += bytes([HOST, 1, 0, 0, 2, 255, DOORBELL, 3, ACKNOWLEDGE, MIGRATE, ACKNOWLEDGE, HEAL, ACKNOWLEDGE])
    return program


def seed_mmio():
    out = [bytes([0x40]) + bytes([14, 5]), bytes([0]) + bytes([5, 4])]
    program = bytes([0])
    for slot, (dw0, dw1) in enumerate(commands()):
        how = 0xF0
        program += bytes([3, slot, how]) + struct.pack('<IIQ', dw0 & 0xFFFFFFFF, dw0 >> 32, dw1) + bytes([dw0 & 0xFF])
        program += bytes([5, 1]) if slot % 3 else bytes([9, 5, 1])
    out.append(program)
    out += [bytes([budget]) + timeouts() * 4 for budget in (0, 1, 16)]
    return out


def seed_queue():
    out = []
    for budget in (0, 1, 0x3C):
        program = bytes([0x30 | budget, 1])
        for dw0, dw1 in commands():
            program += bytes([0, 0x80]) + struct.pack('<QQ', dw0, dw1) + bytes([6, 8, 1])
        out.append(program)
        out.append(program + bytes([9, 6, 0, 0, 2, 255, 6, 7, 7, 10, 7, 11, 7]))
    return out


def seed_restore():
    # Two retained ATC_INVs, and a CMD_SYNC that sends them.
    retained = bytes([2]) + bytes([0, 0, 0, 9, 1, 0, 0, 0] * 2) + bytes([COMMAND, 0, SYNC, 0, DOORBELL, 1, ACKNOWLEDGE])
    patched = bytes([0x12, 40, 1]) + bytes(range(60))
    many = bytes([0x0F]) + bytes(range(200))
    raw = bytes([0x40]) + b'VIQSMMU3'
    return [retained, bytes([0]) + timeouts(), patched, many, raw]


def seed_vtd():
    """A page and a wait, a doorbell; a host that fails at it, and ITE cleared."""
    def queue(slot, qw0, page=0, low=0):
        return bytes([3, slot]) + struct.pack('<IB', qw0 | page << 24, low)

    page, wait, domain, devtlb = 0x10136, 0x25, 0x1E2, 0x10003
    work = queue(0, page, 5, 0x40) + queue(1, wait) + bytes([6, 2])
    fail = bytes([9, 0x41, 0, 6, 2, 1]) + queue(2, page, 6, 0x40) + queue(3, wait) + bytes([6, 4, 8])
    late = bytes([9, 0x10, 0, 0, 0, 0]) + queue(4, devtlb, 1) + queue(5, wait) + bytes([6, 6, 8, 11, 1])
    return [bytes([0]) + work, bytes([0]) + work + fail, bytes([2]) + work + fail + late,
            bytes([0x40]) + queue(0, domain) + queue(1, wait) + bytes([6, 2, 11, 0, 2, 100, 0, 9, 30, 0, 1])]


# Verbs of fuzz_device.c.
WRITEQ, WRITEL, READ, RUN_BOARD, COUNTERS, DMA_READ, INJECT, SAVE, DMA_WRITE = 0, 1, 5, 18, 19, 20, 21, 22, 23


def seed_device():
    """Tables for a device and its DMA, on either unit; a failure, a reset, and lines that are none."""
    def line(verb, *words):
        return bytes([3 + 8 * len(words), verb]) + b''.join(bytes([3]) + struct.pack('<Q', word) for word in words)

    def put(verb, pairs):
        return b''.join(line(verb, *pair) for pair in pairs)

    pages = [(0x10000, 0x11001), (0x11080, 0x12001), (0x11088, 0x101), (0x12000, 0x13003), (0x13000, 0x14003), (0x14008, 0x15003)]
    queue = [(0x20000, 0x11), (0x20010, 0x12), (0x20020, 1 << 32 | 0x25), (0x20028, 0x21000), (0xFED90088, 0x30)]
    vtd = put(WRITEQ, pages + [(0xFED90020, 0x10000), (0xFED90090, 0x20000)])
    vtd += put(WRITEL, [(0xFED90018, bit) for bit in (1 << 30, 1 << 31, 1 << 26)]) + put(WRITEQ, queue)
    # A linear stream table that lets streams pass, and the two queues.
    smmu = put(WRITEQ, [(0x40010000 + 64 * sid, 0x9) for sid in range(32)])
    smmu += put(WRITEQ, [(0x09050080, 0x40010000), (0x09050090, 0x40020005), (0x090500A0, 0x40030005), (0x40020000, 0x00000004),
                         (0x40020008, 0x1F), (0x40020010, 0x46)])
    smmu += put(WRITEL, [(0x09050088, 5), (0x09050020, 0xD), (0x09050098, 2)])
    dma = put(DMA_WRITE, [(8, at, 8, 0x1122334455667788) for at in (0x1008, 0x40001008)])  # in memory, of one or the other
    dma += put(DMA_READ, [(8, at, 16) for at in (0x1000, 0x40001000)]) + line(COUNTERS) + line(SAVE)
    fail = bytes([3 + 16, INJECT, 0, 2, 3]) + bytes(8) + line(RUN_BOARD, 5)
    qmp = bytes([2, 2 + 8, 2 + 16, 2 + 24])  # capabilities, reset, a question, the end
    damaged = bytes([5 << 3]) + b'writq' + bytes([10 << 3]) + b' 0x1\r\n\0\n\n ' + bytes([9 << 3]) + b'read 0 1\n'
    return [bytes([3]) + vtd + dma + fail + vtd, bytes([2]) + smmu + dma + fail + smmu, bytes([1]) + vtd + qmp + vtd + damaged,
            bytes([0]) + damaged * 4 + qmp]


def seed_worst():
    """The worst that was found; full queues of each kind of command, before each host and with each budget, and calls that
    fail by turns, alone or between waits."""
    seeds = [path.read_bytes() for path in sorted(pathlib.Path(__file__).with_name('worst').iterdir())]
    wait = 5
    for how in range(8 * 6):
        program = bytes([how])
        for fates in (0x5555555555555555, (1 << 64) - 1, 0x1111111111111111, 0x0101010101010101):
            for kind, period in ((how % 8 | 0x08, 15), (how // 8 | 0x10, 31), (how // 8 | 0x10, 3)):
                program += bytes([7]) + struct.pack('<QBBB', fates, 4 + 7 * kind, 146, 9)  # of the next calls: no memory
                program += bytes([0, 0, 255, kind, wait, period, 0, 64, 255, kind, wait, period, 3, 4, 255, 1])  # commands, and a doorbell
                program += bytes([5, 3, 2, 3, 3, 5])  # a run, an error acknowledged, a run
        seeds.append(program)
    return seeds


SETUP, ENTRIES, GAP, BELL, READ, WRITE, END = range(1, 8)


def capture(kind, size, entry_size, *packets, note=b'seed'):
    """A capture file (docs/capture-format.md) of (type, first, value, entries or count)."""
    bodies = [(SETUP, struct.pack('<QIHHQ', 1 << 30, size, entry_size, 0, 0) + note)]
    totals = [0, 0, 0]
    for packet, first, value, entries in packets:
        if packet in (READ, WRITE):
            bodies.append((packet, struct.pack('<IIQ', first, entries, value)))
            continue
        count = entries if packet == GAP else len(entries)
        bodies.append((packet, struct.pack('<IIII', value, first, count, 0) + (b'' if packet == GAP else b''.join(entries))))
        totals[0] += packet == BELL
        totals[2 if packet == GAP else 1] += count
    bodies.append((END, struct.pack('<QQQQ', len(bodies), *totals)))
    data = struct.pack('<IHHiIII', 0xA1B23C4D, 2, 4, 0, 0, 65535, 147)
    for number, (packet, body) in enumerate(bodies, 1):
        body = struct.pack('<3sBBBH', b'VIQ', 1, kind, packet, 0) + body
        data += struct.pack('<IIII', 0, number * 1000, len(body), len(body)) + body
    return data


def pcapng(data):
    """The same as a pcapng file, whose times may be any 64 bits."""
    def block(kind, body):
        return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack('<IHHq', 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack('<HHIHHII', 147, 0, 65535, 9, 1, 9, 0))
    at = 24
    while at < len(data):
        length = struct.unpack_from('<I', data, at + 8)[0]
        body = data[at + 16:at + 16 + length]
        out += block(6, struct.pack('<IIIII', 0, at & 3, at, length, length) + body + bytes(-length % 4))
        at += 16 + length
    return out


def head(path, room):
    """The beginning of a capture, as one that ends there."""
    data, at, totals = path.read_bytes(), 24, [0, 0, 0, 0]
    while True:
        length = struct.unpack_from('<I', data, at + 8)[0]
        if at + 16 + length > room:
            break
        packet, count = data[at + 21], struct.unpack_from('<I', data, at + 32)[0]
        totals[0] += 1
        totals[1] += packet == BELL
        if packet in (ENTRIES, GAP, BELL):
            totals[3 if packet == GAP else 2] += count
        at += 16 + length
    return data[:at] + struct.pack('<IIII', 0, 0, 40, 40) + data[40:45] + bytes([END, 0, 0]) + struct.pack('<QQQQ', *totals)


def words(*pairs):
    return [struct.pack('<QQ', *pair) for pair in pairs]


def seed_capture():
    """How Linux guests began; each IOMMU's queue, with both sizes of descriptors, going round; registers, gaps, a second queue, one that is cut; each
    way to replay one."""
    arm = words(*commands())
    smmu = capture(1, 16, 16, (READ, 0, 0x1A1C0AFF, 4), (BELL, 0, 14, arm[:14]), (BELL, 14, 30, arm[:16]),
                   (WRITE, 0x20, 0xD, 4), (GAP, 30, 0, 2), (BELL, 0, 2, words((0xFF, 0), (0x46, 0))))
    sync = words((0x46, 0))
    # Each by itself, so that what one forgets no other one hides.
    alone = [command for command in arm if command[0] != 0x46]
    alone = capture(1, 64, 16, *((BELL, 2 * i, 2 * i + 2, [command] + sync) for i, command in enumerate(alone * 2)))
    intel = words((0x13, 0), (0x24, 0), (1 << 16 | 0x132, 0x5000), (2 << 32 | 1 << 16 | 0x3, 0x7FFFFFFFFFFFF001),
                  (7 << 32 | 0x25, 0x1000), (0x14, 0), (1 << 32 | 0x25, 0x1000))
    vtd = capture(2, 256, 16, (READ, 8, 0xD2008C22260286, 8), (BELL, 0, 80, intel[:5]), (ENTRIES, 5, 0, intel[5:6]),
                  (BELL, 6, 112, intel[6:]), (BELL, 7, 0x2000, []))
    wide = [entry + bytes(16) for entry in
            words((4 << 16 | 0x26, 0), (4 << 16 | 0x36, 0x1000), (4 << 16 | 0x17, 0), (3 << 16 | 0x8, 1), (0x25, 0))]
    vtd_wide = capture(2, 128, 32, (GAP, 120, 0, 3), (BELL, 123, 0, wide), (BELL, 0, 64, wide[:1] + wide[-1:]))
    recorded = [head(path, 2048) for path in sorted((pathlib.Path(__file__).parents[2] / 'captures').glob('*.pcap'))]
    over = capture(2, 256, 16, (ENTRIES, 0, 0, intel[3:4]), (BELL, 0, 32, intel[3:5]))
    bold = capture(1, 16, 16, (BELL, 0, 2, arm[:2]), note=b'caf\xc3\xa9 \xc2\x9b1m')  # refused: C1 speaks to terminals
    files = recorded + [over, bold, alone, smmu, vtd, vtd_wide, smmu[:200], pcapng(smmu), pcapng(vtd)]
    return [bytes([how, number]) + data for data in files for how, number in
            ((0, 0), (1, 0), (3 | 4, 0x01), (2, 0x02), (2, 0x21), (2, 0x23), (0x12, 0x13), (2 | 8, 0x53), (2 | 0x20, 0x61), (3 | 12, 0x74),
             (0x40, 0), (0xC2, 0x03), (0x31, 0))]


def seed_record():
    """A ring with PROD values; QEMU's trace of a VT-d, with and without times; the log of an SMMUv3 that is set up, with PROD
    values that make no sense, and once more, in halves."""
    ring = b''.join(words(*commands()[:8]))
    prods = b'2\n0x5\n8\n'
    front = struct.pack('<H', len(ring))
    trace = """vtd_inv_qi_setup addr 0x1000000 size 256
vtd_inv_qi_tail write tail 2
vtd_inv_desc invalidate desc type iotlb high 0x5000 low 0x10132
vtd_inv_desc invalidate desc type wait high 0x1000 low 0x700000025
vtd_inv_qi_tail write tail 5
vtd_inv_desc invalidate desc type piotlb high 0x1000 low 0x40036
vtd_inv_desc invalidate desc type wait high 0x1000 low 0x800000025
"""
    mmio = [(0x20, 0, 4), (0x90, 0x40000004, 8), (0x9C, 0, 4), (0x98, 0, 4), (0x20, 8, 4), (0x98, 3, 4), (0x98, 0x11, 4),
            (0x98, 0x10, 4), (0x98, 0x20, 4), (0x90, 5, 4), (0x94, 0, 4), (0x98, 0x12, 4)]
    log = 'smmuv3_read_mmio addr: 0x0 val:0xfffff size: 0x4(0)\n'
    log += ''.join(f'smmuv3_write_mmio addr: 0x{addr:x} val:0x{value:x} size: 0x{size}(0)\n' for addr, value, size in mmio)
    once = ''.join(log.splitlines(True)[:-3])
    return ([bytes([how]) + front + ring + prods for how in (0, 16, 48)] +
            [bytes([how]) + (prefix + line).encode() for how in (1, 17, 33) for prefix, line in
             (('', trace), ('7@1700000000.000001:', trace.replace('\n', '\n7@1700000000.000002:')))] +
            [bytes([how]) + text.encode() for how in (2, 2 | 32, 3 | 64) for text in (log * 2, once)])


def seed_doctor():
    """An Arm machine and an Intel one that can nest, with a device that vfio has; damaged tables; links out; nothing at all."""
    def blob(data, width=1):
        return len(data).to_bytes(width, 'little') + data

    node = struct.pack('<BHBIII', 2, 36, 3, 0, 0, 0) + struct.pack('<QIIBBH', 1 << 56, 0, 0, 48, 0, 0)
    node = node[:23] + b'\x05' + node[24:]
    header = bytes(36)
    good, short, long = (header + struct.pack('<III', *front) + node * 2 for front in ((2, 48, 0), (3, 48, 0), (2, 80, 0)))
    options = b''.join(b'CONFIG_%s=y\n' % name for name in (b'IOMMUFD', b'VFIO_DEVICE_CDEV', b'VFIO_PCI'))
    arm = [b'6.15.0\n', b'aarch64\n', b'ro quiet\n', options + b'CONFIG_ARM_SMMU_V3=m\nCONFIG_ARM_SMMU_V3_IOMMUFD=y\n',
           b'', b'', b'0x010802\n']
    intel = [b'6.15.0\n', b'x86_64\n', b'ro intel_iommu=on,sm_on\n', options + b'CONFIG_INTEL_IOMMU=y\n',
             b'ee9e86f050df\n', b'0\n', b'0x020000\n']
    devices = [b'vfio-pci', b'smmu3.0x0000000009050000', b'0000:00:02.0', b'nvme', b'dmar0']
    out = [bytes(1)]
    for how, texts, table in ((0x1C, arm, good), (0x1D, arm, good), (0x0C, intel, good), (0x0D, intel, good), (0x3E, arm, good),
                              (0x11, arm, good), (0x1C, arm, short), (0x1C, arm, long)):
        names = b''.join(blob(name) for name in devices)
        out.append(bytes([how]) + b''.join(blob(text[:255]) for text in texts) + names + blob(table, 2))
    out += [bytes([0x5C]) + bytes(7) + names + blob(good, 2),  # files, and links, that lead out of the tree
            bytes([0x9C]) + b''.join(blob(text[:255]) for text in arm) + blob(b'.') * 5 + blob(good, 2)]
    return out


# Operations of linux_smmuv3.c and linux_vtd.c; those below 9 are the guest's own.
GUEST, LIE, HEALED, PLUG, MOVE, EVENTS, FOLLOW, BLOCK, LOOSE, FILL, CHANGE = 0, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19


def lies(*how, forever=False):
    """Each is a byte, or a byte with GARBAGE (2) and the number for what is written back."""
    told = b''.join(bytes([one]) if isinstance(one, int) else struct.pack('<BI', *one) for one in how)
    return bytes([LIE, len(how) | 0x80 * forever]) + told


def seed_linux():
    """Devices, entries of a guest's tables, invalidations, and a kernel that fails at each of these."""
    smmu = bytes([PLUG, 0x10, PLUG, 0x15])
    smmu_work = b''.join(bytes([CHANGE, 0x08 | sid, what]) for sid in (0, 1) for what in (0x10, 0x25))
    queue = b''.join(bytes([GUEST, COMMAND, slot, kind, page]) for slot, kind, page in ((0, 8, 5), (1, ATC, 7), (2, 0x0D, 0)))
    smmu_work += queue + bytes([GUEST, DOORBELL, 3, GUEST, ACKNOWLEDGE, EVENTS, 8, FILL, 4, 100, FILL, 0, 250, GUEST, ACKNOWLEDGE])
    vtd = bytes([PLUG, 0x08, PLUG, 0x09])
    vtd_work = b''.join(bytes([CHANGE, kind << 4 | pasid << 2 | n, what]) for n in (0, 1) for pasid in (0, 1)
                        for kind, what in ((1, 1), (1, 2), (2, 0), (1, 0x83), (0, 0)))
    vtd_work += bytes([CHANGE, 0x14, 1, GUEST, 3, 0]) + struct.pack('<IB', 0x10126, 0) + bytes([GUEST, 6, 1, EVENTS, 8, FILL, 0, 30, FILL, 1, 200])
    failures = [lies(*[0] * at, how) for at in range(8)
                for how in [16 * error + 1 for error in range(16)] + [(0x0B, 1), (0x0A, 3), (0x02, 0x80000001)]]
    failures += [lies(*[0] * at, how, forever=True) for at in range(8) for how in (0x01, 0x11, 0x71)]
    failures += [lies(0x21, 0x21, 0x21), lies((0x02, 400), (0x06, 4000), (0x03, 0x8000FFFF)),
                 lies((0x02, 70), (0x02, 130), (0x01), (0x03, 65), forever=True)]
    out = [bytes([0, 0x00]) + smmu + smmu_work * 2 + bytes([MOVE, 0x24, FOLLOW, 1, BLOCK, 0, PLUG, 0, LOOSE, 3])]
    out += [bytes([1, 0x20]) + vtd + vtd_work + bytes([MOVE, 0, FOLLOW, 1, BLOCK, 0, PLUG, 0, LOOSE, 0])]
    for count in (1, 62, 63, 64, 70, 126, 130):
        for how in (0x02, 0x03, 0x51, 0x53):
            said = lies((how, count)) if how & 2 else lies(how)
            out += [bytes([report, calls]) + smmu + said + bytes([FILL, 0, 200, GUEST, ACKNOWLEDGE]) + said + bytes([FILL, 5, 130])
                    for report in (0, 2, 8) for calls in (0x00, 0x80)]
            out.append(bytes([1, 0x20]) + vtd + vtd_work[:18] + said + bytes([FILL, 1, 200]))
    # What is read: how long it is said to be, and really is.
    for value in (1, 39, 40, 41, 400, 12000, 1 << 20):
        for how in (0x02, 0x06, 0x0A, 0x0E):
            out += [start + lies((how, value)) + bytes([EVENTS, 40]) + lies((how, value), 0x01) + bytes([EVENTS, 0, CHANGE, 8, 1])
                    for start in (bytes([0, 0]) + smmu, bytes([1, 0x20]) + vtd + vtd_work[:18])]
    for i, failure in enumerate(failures):
        out.append(bytes([i % 2 * 2, i % 4 << 4]) + smmu + smmu_work + failure + smmu_work + bytes([HEALED]) + smmu_work)
        out.append(bytes([1 | i % 2 * 2, i % 4 << 4]) + vtd + vtd_work[:18] + failure + vtd_work + bytes([HEALED]) + vtd_work)
        out.append(bytes([4 | i % 4]) + failure[1:] + bytes([0x20]) + (vtd + vtd_work if i % 2 else smmu + smmu_work))
    return out


# Operations of fuzz_differential.c.
CONTEXT, UPPER, TRANSLATION, PLUGGED, TROUBLE, RECOVER, ANY, FLUSH, ENTRY = 0, 2, 3, 4, 6, 7, 8, 9, 10
NO_FLIP = 0xFF


def seed_differential():
    """Devices with PASIDs, each kind of entry made, changed and taken away; other directories, roots and modes; each
    system call that may fail in between."""
    def context(device, how=0x0C, flips=(NO_FLIP, NO_FLIP)):
        return bytes([CONTEXT, device | how, *flips])

    def entry(device, pasid, how=0, what=0, flips=(NO_FLIP,) * 3):
        return bytes([ENTRY, device | pasid << 2 | how, what, *flips])

    start = b''.join(bytes([PLUGGED, device]) for device in range(3)) + bytes([CONTEXT, 0x0C, NO_FLIP, NO_FLIP])
    work = b''.join(bytes([ENTRY, how, what, NO_FLIP, NO_FLIP, NO_FLIP]) for how in range(0, 0x80, 3)
                    for what in (0x00, 0x15, 0xA6))
    other = bytes([UPPER, 0x29, NO_FLIP, UPPER, 0x09, NO_FLIP, TRANSLATION, 5, TRANSLATION, 2, TRANSLATION, 0, TRANSLATION, 1])
    out = [start + work[:240] + other + work[240:480], start + work[480:] + other]
    for device in range(3):
        one = context(device) + entry(device, 0, what=1) + entry(device, 1, what=6) + entry(device, 1, 0x40, 0)
        out.append(start + one + b''.join(entry(device, pasid, 0, what) for pasid in range(4) for what in (1, 0x52, 0xA3)))
        for bit in range(device, 64, 3):
            flips = [context(device, flips=(NO_FLIP, bit)), context(device, flips=(bit, NO_FLIP))]
            flips += [entry(device, 1, what=1, flips=tuple(bit if i == j else NO_FLIP for j in range(3))) for i in range(3)]
            out.append(start + one + one.join(flips) + one)
    for when in range(24):
        for how in range(0, 16, 2):
            one = context(0) + entry(0, 0, what=1) + entry(0, 1, what=2)
            out.append(start + one + bytes([TROUBLE, how, when | (how & 4) << 5]) + one + entry(0, 1, 0x40) + bytes([RECOVER]) + one)
    return out


SEEDS = {'fuzz_differential': seed_differential, 'fuzz_linux': seed_linux,
         'fuzz_mmio': seed_mmio, 'fuzz_queue': seed_queue, 'fuzz_restore': seed_restore, 'fuzz_vtd': seed_vtd,
         'fuzz_device': seed_device, 'fuzz_worst': seed_worst, 'fuzz_capture': seed_capture, 'fuzz_record': seed_record,
         'fuzz_doctor': seed_doctor}
