# SPDX-License-Identifier: MIT
"""Initial RAM disks: "newc" cpio archives (Documentation/driver-api/early-userspace/buffer-format.rst)."""
import gzip


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


def _member(name, mode, data, inode):
    fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name.encode() + b"\0") + _padded(data)


def archive(files):
    """A cpio archive of {path: contents}; every file is executable, folders come before what is in them."""
    members, folders = [], set()
    for path, data in files.items():
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                members.append((folder, 0o040755, b""))
        members.append((path, 0o100755, data))
    members.append(("TRAILER!!!", 0, b""))
    return b"".join(_member(*member, inode + 1) for inode, member in enumerate(members))


def build(files, acpi_tables=None):
    """An initrd with the files; {name: contents} of ACPI tables replace the firmware's (uncompressed, in front)."""
    early = b""
    if acpi_tables:
        early = archive({f"kernel/firmware/acpi/{name}.aml": table for name, table in acpi_tables.items()})
        early += b"\0" * (-len(early) % 512)
    return early + gzip.compress(archive(files), 1, mtime=0)
