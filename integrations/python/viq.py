# SPDX-License-Identifier: MIT
"""viq for scripts and tests: what the C headers declare, by cffi, and a few classes on top.

    import viq
    memory = viq.Memory(bytearray(1 << 16))
    smmu = viq.Smmuv3(memory)
    memory.write_words(0, [viq.lib.VIQ_SMMUV3_OP_TLBI_NH_ALL, 0, viq.lib.VIQ_SMMUV3_OP_SYNC, 0])
    smmu.queue(0, 256)
    smmu.write(viq.lib.VIQ_SMMUV3_CMDQ_PROD, 2)

Nothing is compiled: declarations are read from the headers with the C preprocessor ($CC, cc) at import, and the library
is loaded. VIQ_INCLUDE (a folder) and VIQ_LIBRARY (a file) name them where pkg-config does not know viq. viq.lib has
every function, enumerator and constant; whatever is handed to it must be kept alive by the caller. Not for a VMM: for
that there are C and Rust.
"""
import errno
import glob
import os
import re
import struct
import subprocess

import cffi

ffi = cffi.FFI()


def _output(command, hint, text=None):
    """What a program prints that the import needs."""
    try:
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise ImportError(f"{hint}; {reason.strip()}") from None


def _paths():
    include, library = os.environ.get("VIQ_INCLUDE"), os.environ.get("VIQ_LIBRARY")

    def variable(name):
        return _output(["pkg-config", f"--variable={name}", "viq"], "viq is not found: set PKG_CONFIG_PATH for pkg-config, "
                       "or VIQ_INCLUDE=.../include and VIQ_LIBRARY=.../libviq.so").strip()

    return include or variable("includedir"), library or os.path.join(variable("libdir"), "libviq.so")


def _declarations(include):
    """What the viq headers declare themselves, as cffi reads it: C without attributes, and constants that are literals."""
    names = sorted(os.path.basename(path) for path in glob.glob(os.path.join(include, "viq", "*.h")))
    command = [os.environ.get("CC", "cc"), "-E", "-dD", "-I", include, "-D__attribute__(x)=", "-D_Static_assert(a,b)=",
               "-x", "c", "-"]
    source = "".join(f"#include <viq/{name}>\n" for name in names)
    text = _output(command, "viq's headers need a C preprocessor: set CC, and VIQ_INCLUDE if they are elsewhere", source)
    constant = re.compile(r"#define VIQ_\w+ (0x[0-9a-f]+|\d+)(u|UL)?$")
    ours, kept = False, []
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = "/viq/" in marker[1]
        elif ours and (not line.startswith("#") or constant.match(line)):
            kept.append(line)
    return "\n".join(kept)


_include, _library = _paths()
ffi.cdef(_declarations(_include))
lib = ffi.dlopen(_library)
try:
    soft = ffi.dlopen(os.path.join(os.path.dirname(_library), "libviq-soft.so"))
except OSError:
    soft = None  # built without


class Error(OSError):
    """A negative errno of the library's, with its reason if it gave one."""


def _check(ret, why=None):
    if ret < 0:
        text = ffi.string(why.text).decode() if why else ""
        raise Error(-ret, text or os.strerror(-ret))
    return ret


def _sized(name):
    return ffi.new(f"struct {name} *", {"size": ffi.sizeof(f"struct {name}")})


def get(mask, word):
    """A field of a word."""
    return (word & mask) // (mask & -mask)


def put(mask, value):
    """A value in its field; bits that do not fit are dropped."""
    return value * (mask & -mask) & mask


def _text(call, words, config):
    buf = ffi.new("char[1024]")
    call(words, config, buf, len(buf))
    return ffi.string(buf).decode()


def smmuv3_text(command, config=ffi.NULL):
    """One line for a command of SMMUv3: two words. What a struct viq_smmuv3_config forbids is marked."""
    return _text(lib.viq_smmuv3_command_text, list(command), config)


def vtd_text(descriptor, config=ffi.NULL):
    """One line for a descriptor of VT-d: two words or four. What a struct viq_vtd_config forbids is marked."""
    return _text(lib.viq_vtd_descriptor_text, (list(descriptor) + [0, 0])[:4], config)


class Memory:
    """Guest memory: the bytes of a bytearray, from guest address gpa on. Its length is a multiple of 8."""

    def __init__(self, data, gpa=0):
        self.data, self.gpa = data, gpa
        self._bytes = ffi.from_buffer("char[]", data, require_writable=True)
        region = ffi.new("struct viq_mem_region *", {"gpa": gpa, "size": len(data), "host": self._bytes})
        out, why = ffi.new("struct viq_mem **"), ffi.new("struct viq_why *")
        _check(lib.viq_mem_create(region, 1, ffi.NULL, ffi.NULL, out, why), why)
        self.raw = ffi.gc(out[0], lib.viq_mem_destroy)

    def read_words(self, gpa, count):
        """Words as the guest has them, little endian."""
        words = ffi.new("uint64_t[]", count)
        _check(lib.viq_mem_read_words(self.raw, gpa, words, count))
        return list(words)

    def write_words(self, gpa, words):
        """Write them, one after the other."""
        for number, word in enumerate(words):
            _check(lib.viq_mem_write_u64(self.raw, gpa + 8 * number, word))


class Host:
    """Where invalidations go. invalidate(entries) is given the words of each, and returns how many of them took effect;
    what it raises is a failure of the host. None: the null host."""

    def __init__(self, invalidate=None):
        self._call, self.raw = invalidate, lib.viq_call_null_host()
        if invalidate is None:
            return
        self._invalidate = ffi.callback(
            "int(void *, struct viq_call_request *, struct viq_call_result *)", self._entries, error=-5)  # EIO
        self._ops = _sized("viq_call_host_ops")
        self._ops.report_group, self._ops.invalidate = 1, self._invalidate
        self.raw = ffi.new("struct viq_call_host *", {"ops": self._ops})[0]

    def _entries(self, _opaque, request, result):
        entries = []
        for piece in request.pieces[0:request.piece_count]:
            data = bytes(ffi.buffer(ffi.cast("char *", piece.entries), piece.count * request.entry_size))
            entries += struct.iter_unpack(f"<{request.entry_size // 8}Q", data)
        result.handled = result.suspect = min(self._call(entries), len(entries))
        result.error = lib.VIQ_CALL_NONE if result.handled == len(entries) else lib.VIQ_CALL_ILLEGAL
        result.host_calls = 1
        return 0

    def invalidate(self, commands):
        """The exact call: commands of SMMUv3, two words each. The result is a struct viq_call_result."""
        data = ffi.new("uint64_t[]", [word for command in commands for word in command])
        piece = ffi.new("struct viq_call_piece *", {"entries": data, "count": len(commands)})
        request, result = _sized("viq_call_request"), _sized("viq_call_result")
        request.type, request.entry_size, request.object = lib.VIQ_CALL_SMMUV3, 16, self.raw.object
        request.pieces, request.piece_count = piece, 1
        _check(lib.viq_call_invalidate(ffi.new("struct viq_call_host *", self.raw), request, result))
        return result


class SoftHost(Host):
    """The software SMMUv3's invalidation side: a vIOMMU on the memory, in which devices can be made by way of viq.soft."""

    def __init__(self, memory):
        super().__init__()
        config, s2 = ffi.new("struct viq_soft_config *"), _sized("viq_soft_s2_config")
        soft.viq_soft_config_init(config, ffi.sizeof("struct viq_soft_config"))
        config.mem, s2.identity, self.memory = memory.raw, 1, memory
        out, number, why = ffi.new("struct viq_soft **"), ffi.new("uint32_t *"), ffi.new("struct viq_why *")
        _check(soft.viq_soft_create(config, out, why), why)
        self.soft = ffi.gc(out[0], soft.viq_soft_destroy)
        _check(soft.viq_soft_s2_alloc(self.soft, s2, number, why), why)
        _check(soft.viq_soft_viommu_alloc(self.soft, number[0], number, why), why)
        self.viommu, self.raw = number[0], soft.viq_soft_host(self.soft, number[0])

    def counters(self):
        """A snapshot, a struct viq_soft_counters."""
        out = ffi.new("struct viq_soft_counters *")
        _check(soft.viq_soft_counters(self.soft, out, ffi.sizeof(out[0])))
        return out


class Smmuv3:
    """A guest's SMMUv3. Keyword arguments are members of struct viq_smmuv3_config. trace: a list, to which (command,
    fate) is appended for each that leaves the queue; irqs: a list of the interrupts."""

    def __init__(self, memory, host=None, trace=None, **members):
        self.memory, self.host, self.irqs = memory, host or Host(), []
        ops = _sized("viq_smmuv3_ops")
        self._irq = ffi.callback("void(void *, enum viq_smmuv3_irq)", lambda _opaque, which: self.irqs.append(which))
        ops.irq = self._irq
        if trace is not None:
            self._trace = ffi.callback("void(void *, struct viq_smmuv3_trace *)",
                                       lambda _opaque, what: trace.append((tuple(what.cmd), what.fate)))
            ops.trace = self._trace
        config = ffi.new("struct viq_smmuv3_config *")
        lib.viq_smmuv3_config_init(config, ffi.sizeof("struct viq_smmuv3_config"))
        config.budget, config.mem, config.host, config.ops = lib.VIQ_WORK_UNLIMITED, memory.raw, self.host.raw, ops
        for name, value in members.items():
            setattr(config, name, value)
        out, why = ffi.new("struct viq_smmuv3 **"), ffi.new("struct viq_why *")
        _check(lib.viq_smmuv3_create(config, out, why), why)
        self.raw, self._config = ffi.gc(out[0], lib.viq_smmuv3_destroy), config

    def read(self, offset, size=4):
        """The guest reads a register."""
        return lib.viq_smmuv3_mmio_read(self.raw, offset, size)

    def write(self, offset, value, size=4):
        """The guest writes a register."""
        lib.viq_smmuv3_mmio_write(self.raw, offset, size, value)

    def run(self, budget=0):
        """Go on. True: more is left."""
        return lib.viq_smmuv3_run(self.raw, budget)

    def queue(self, gpa, entries, index=0):
        """Set the command queue up, as a driver does, and enable it."""
        self.write(lib.VIQ_SMMUV3_CR0, 0)
        self.write(lib.VIQ_SMMUV3_CMDQ_BASE, gpa | entries.bit_length() - 1, 8)
        self.write(lib.VIQ_SMMUV3_CMDQ_PROD, index)
        self.write(lib.VIQ_SMMUV3_CMDQ_CONS, index)
        self.write(lib.VIQ_SMMUV3_CR0, lib.VIQ_SMMUV3_CR0_CMDQEN)

    def counters(self):
        """A snapshot, a struct viq_smmuv3_counters."""
        out = ffi.new("struct viq_smmuv3_counters *")
        _check(lib.viq_smmuv3_counters(self.raw, out, ffi.sizeof(out[0])))
        return out

    def _stopped(self, where, prod, entries):
        """Raise what keeps the queue from reaching prod, if anything does."""
        cons = self.read(lib.VIQ_SMMUV3_CMDQ_CONS)
        index = cons & 2 * entries - 1
        if index == prod & 2 * entries - 1:
            return
        command = self.memory.read_words(self.memory.gpa + index % entries * 16, 2)
        code = lib.viq_smmuv3_cerror_name(get(lib.VIQ_SMMUV3_CMDQ_CONS_ERR, cons))
        why = "waits for its host" if lib.viq_smmuv3_waits_for_host(self.raw) else ffi.string(code).decode()
        raise Error(errno.EIO, f"{where}: the queue stops: {why}: {smmuv3_text(command, self._config)}")

    def replay(self, path):
        """What the guest of a capture queued, doorbell by doorbell; the queue is at the begin of memory. Returns how many
        doorbells there were. Its registers are not written: they would want the guest's memory. Where the queue stops
        Error says why. At commands that this one's ID registers forbid, say: they must offer what the guest's did, range
        invalidation by idr3=viq.lib.VIQ_SMMUV3_IDR3_RIL."""
        doorbells, queue = 0, None
        for kind, body in capture(path):
            if kind == "setup":
                entries, size = struct.unpack_from("<IH", body, 8)
                if size != 16:
                    raise ValueError(f"{path}: not of an SMMUv3")
                queue = None
            elif kind in ("entries", "doorbell"):
                prod, first, count = struct.unpack_from("<III", body)
                if queue is None:
                    self.queue(self.memory.gpa, entries, first)
                    queue = entries
                for number in range(count):
                    words = struct.unpack_from("<2Q", body, 16 + 16 * number)
                    self.memory.write_words(self.memory.gpa + (first + number) % queue * 16, words)
                if kind == "doorbell":
                    self.write(lib.VIQ_SMMUV3_CMDQ_PROD, prod)
                    doorbells += 1
                    self._stopped(f"{path}: doorbell {doorbells}", prod, queue)
        return doorbells


def capture(path):
    """(kind, body) of each packet of a capture (docs/capture-format.md), a classic libpcap file."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[0] in (0x4d, 0xd4) else ">"
    at = 24
    while at < len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        packet, at = data[at + 16:at + 16 + length], at + 16 + length
        if packet[:4] != b"VIQ\1":
            raise ValueError(f"{path}: not a capture of this version")
        yield ("setup", "entries", "gap", "doorbell", "read", "write", "end")[packet[5] - 1], packet[8:]
