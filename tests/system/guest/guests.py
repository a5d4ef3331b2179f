# SPDX-License-Identifier: MIT
"""The machine that viq-vmm runs on, with all that it and its guest need; and how to tell their lines apart.

Host and guest run the same kernel. Importing this module makes those of tests/system/kernel importable, behind those here.
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "kernel"))

# pylint: disable=wrong-import-position
import initrd  # noqa: E402
import machines  # noqa: E402
import vm  # noqa: E402

MEMORY = 1024  # MiB: the host's, 256 of it the guest's
DISK = 64  # MiB: an NVMe disk's
GUEST, VMM = "G| ", "V| "  # what vmm.c puts before a line of the guest's console, and of viq-vmm's


def machine(memory=MEMORY):
    """Host, VMM and guest, ready to run."""
    kernel = pathlib.Path(machines.kernel(machines.kernels()[0]))
    build = machines.build()
    disk = build / "disk.img"
    with open(disk, "wb") as file:
        file.truncate(DISK << 20)
    # Sixteen interrupts: more are for more processors than there are here, and each takes a while to make.
    nvme = ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", "nvme,serial=viq,drive=disk,msix_qsize=16"]
    new = vm.Vm(machines.qemu(), kernel, build / "tests/system/guest/run", machines.CACHE,
                vm.machine(memory, virtualization=True) + nvme)
    new.files["viq-vmm"] = (build / "examples/vmm/viq-vmm").read_bytes()
    new.files["guest.cpio"] = initrd.build({"init": (build / "tests/system/guest/work").read_bytes()})
    new.files["Image"] = (kernel / "Image").read_bytes()
    return new


def host_lines(lines):
    """Without what guest and VMM said, which the program in the host has judged already."""
    return [text for text in lines if not text.startswith((GUEST, VMM))]
