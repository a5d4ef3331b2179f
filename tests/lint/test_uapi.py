#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
src/host/linux/iommufd/uapi.h declares what is used of <linux/iommufd.h> and <linux/vfio.h> in our own words. Each number, and
size and offset of each member of each struct, is what the kernel's own headers say. If this system's are too old,
Debian's newest are unpacked in the cache, beside the system's.
"""
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["VIQ_SOURCE"]
CACHE = os.environ.get("VIQ_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "viq")
SUITE = "trixie-backports"
OURS = os.path.join(SOURCE, "src", "host", "linux", "iommufd", "uapi.h")

# Numbers whose names differ by more than our prefix; those of <viq/linux.h> too, which are passed on as they are.
NUMBERS = {
    "UAPI_VFIO_BIND_IOMMUFD": "VFIO_DEVICE_BIND_IOMMUFD",
    "UAPI_VFIO_ATTACH_IOMMUFD_PT": "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    "UAPI_VFIO_DETACH_IOMMUFD_PT": "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    "VIQ_LINUX_NEST_PARENT": "IOMMU_HWPT_ALLOC_NEST_PARENT",
    "VIQ_LINUX_DIRTY_TRACKING": "IOMMU_HWPT_ALLOC_DIRTY_TRACKING",
    "VIQ_LINUX_PASID": "IOMMU_HWPT_ALLOC_PASID",
    "VIQ_LINUX_VTD_SRE": "IOMMU_VTD_S1_SRE",
    "VIQ_LINUX_VTD_EAFE": "IOMMU_VTD_S1_EAFE",
    "VIQ_LINUX_VTD_WPE": "IOMMU_VTD_S1_WPE",
    "VIQ_LINUX_HW_NONE": "IOMMU_HW_INFO_TYPE_NONE",
    "VIQ_LINUX_HW_VTD": "IOMMU_HW_INFO_TYPE_INTEL_VTD",
    "VIQ_LINUX_HW_SMMUV3": "IOMMU_HW_INFO_TYPE_ARM_SMMUV3",
    "VIQ_LINUX_HW_AMD": "IOMMU_HW_INFO_TYPE_AMD",
    "VIQ_LINUX_CAP_DIRTY_TRACKING": "IOMMU_HW_CAP_DIRTY_TRACKING",
    "VIQ_LINUX_CAP_PASID_EXEC": "IOMMU_HW_CAP_PCI_PASID_EXEC",
    "VIQ_LINUX_CAP_PASID_PRIV": "IOMMU_HW_CAP_PCI_PASID_PRIV",
    "VIQ_LINUX_CAP_NO_ATS": "IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED",
    "VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI": "IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI",
}
HELPERS = {"UAPI_SIZE", "UAPI_IOMMUFD", "UAPI_VFIO", "UAPI_VFIO_ATTACH_NO_PASID", "UAPI_VFIO_DETACH_NO_PASID"}


def declared():
    """({our number: the kernel's}, {struct: its members}) of uapi.h."""
    with open(OURS, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    names = set(re.findall(r"^#define (UAPI_\w+)", text, re.M)) - HELPERS
    numbers = {name: name[len("UAPI_"):] for name in names} | NUMBERS
    structs = {}
    for name, body in re.findall(r"^struct uapi_(\w+) \{(.*?)^\};", text, re.M | re.S):
        declarators = re.findall(r"^\t\w+ ([^;]+);$", body, re.M)
        structs[name] = [re.match(r"\w+", d.strip())[0] for line in declarators for d in line.split(",")]
    return numbers, structs


def assertions(numbers, structs):
    yield '#include <linux/iommufd.h>\n#include <linux/vfio.h>\n#include <stddef.h>\n#include <viq/linux.h>\n'
    yield '#include "host/linux/iommufd/uapi.h"\n'
    yield "#define BYTES(s, m) sizeof(((struct s *)0)->m)\n"
    for ours, theirs in sorted(numbers.items()):
        yield f'static_assert(0ul + {ours} == 0ul + {theirs}, "{theirs}");\n'
    for name, members in structs.items():
        yield f'static_assert(sizeof(struct uapi_{name}) == sizeof(struct {name}), "{name}");\n'
        for m in members:
            yield (f'static_assert(offsetof(struct uapi_{name}, {m}) == offsetof(struct {name}, {m}) &&\n'
                   f'\tBYTES(uapi_{name}, {m}) == BYTES({name}, {m}), "{name}.{m}");\n')


def recent(include, numbers):
    """Do the headers there know all that is used?"""
    try:
        text = "".join(open(os.path.join(include, "linux", name), encoding="utf-8").read()
                       for name in ("iommufd.h", "vfio.h"))
    except OSError:
        return False
    return all(re.search(rf"\b{name}\b", text) for name in numbers.values())


def fetch(numbers):
    """Debian's newest headers: their folder, or None if they cannot be had."""
    folder = os.path.join(CACHE, "linux-libc-dev")
    include = os.path.join(folder, "usr", "include")
    if recent(include, numbers):
        return include
    script = os.path.join(SOURCE, "tests", "system", "kernel", "archive.sh")
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        archive = subprocess.run([script, os.path.join(CACHE, "archive"), SUITE, "download", "linux-libc-dev"],
                                 cwd=work, capture_output=True, text=True)
        packages = [name for name in os.listdir(work) if name.endswith(".deb")]
        if archive.returncode or not packages:
            print(archive.stdout + archive.stderr)
            return None
        unpacked = os.path.join(work, "unpacked")
        subprocess.run(["dpkg-deb", "-x", os.path.join(work, packages[0]), unpacked], check=True)
        if os.path.exists(folder):  # too old by now, or of another run at this moment: neither is missed
            os.rename(folder, os.path.join(work, "before"))
        os.rename(unpacked, folder)
    return include


def compile_alone(include, program):
    # asm/ is the machine's own: the system's will do.
    command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-fsyntax-only", "-x", "c", "-",
               "-isystem", include, "-I", os.path.join(SOURCE, "include"), "-I", os.path.join(SOURCE, "src")]
    return subprocess.run(command, input=program, capture_output=True, text=True)


def main():
    numbers, structs = declared()
    include = "/usr/include"
    if not recent(include, numbers):
        include = fetch(numbers)
        if not include:
            print("NOT CHECKED: this system's <linux/iommufd.h> is too old, and Debian's newest linux-libc-dev cannot "
                  "be had (no network?)")
            return 77
    program = "".join(assertions(numbers, structs))
    count = program.count("static_assert")
    result = compile_alone(include, program)
    if result.returncode:
        print(f"uapi.h differs from {include}:\n{result.stderr}")
        return 1
    print(f"{count} assertions hold: {len(numbers)} numbers, {len(structs)} structs; {include}")
    # That they can fail: a number and an offset that are wrong.
    for wrong in (program.replace("+ IOMMU_DESTROY,", "+ IOMMU_DESTROY + 1,"),
                  program.replace("sizeof(struct iommu_destroy)", "sizeof(struct iommu_ioas_map)")):
        if wrong == program or compile_alone(include, wrong).returncode == 0:
            print("a wrong assertion was not noticed")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
