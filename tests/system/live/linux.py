# SPDX-License-Identifier: MIT
"""Debian's stock kernels: the image, and the modules of the devices that the guests have, unpacked once.

Both IOMMU drivers are built into them. Debian 13 compresses modules; a module names what it needs in its ".modinfo".
"""
import gzip
import hashlib
import lzma
import pathlib
import re
import shutil
import subprocess
import tempfile

import machines
import vm

WANTED = ("nvme", "e1000e", "virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "vfio_iommu_type1", "vfio_pci")
SUITES = {"6.1": "bookworm", "6.12": "trixie", "7.3": "trixie-backports"}


def archive(suite, *words, cwd=None):
    """What archive.sh answers; "download" goes to the folder cwd."""
    return machines.output(machines.HERE / "archive.sh", machines.CACHE / "archive", suite, *words, cwd=cwd)


def needs(module):
    """The names of the modules that one needs, from its contents."""
    found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + module)
    return [name for name in found[1].decode().replace("-", "_").split(",") if name] if found else []


def load_order(wanted, contents):
    """The modules to load, each behind those that it needs. contents(name): a module's, None if it is built in."""
    order = {}

    def visit(name):
        data = contents(name)
        if data is None or name in order:
            return
        for other in needs(data):
            visit(other)
        order[name] = data

    for name in wanted:
        visit(name)
    return order


def _module(tree, name):
    for path in tree.rglob(name.replace("_", "[_-]") + ".ko*"):
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data
    return None


def _unpack(packages, result):
    """The folder's files, from packages."""
    with tempfile.TemporaryDirectory(dir=result.parent, prefix="unpacking.") as folder:
        work = pathlib.Path(folder)
        for package in packages:
            subprocess.run(["dpkg-deb", "-x", package, work], check=True)
        new = work / "new"
        (new / "modules").mkdir(parents=True)
        for number, (name, data) in enumerate(load_order(WANTED, lambda name: _module(work, name)).items()):
            (new / "modules" / f"{number:02}-{name}.ko").write_bytes(data)
        image, = work.rglob("vmlinuz*")
        shutil.copy(image, new / "Image")
        (new / "about").write_text(f"Linux {result.name.removeprefix('linux-image-').rsplit('-', 1)[0]}\n")
        new.rename(result)


def fetch(release, architecture):
    """The folder with "Image", "about" and "modules" of a release, such as "6.1", for amd64 or arm64."""
    suite = f"{SUITES[release]}:{architecture}"
    name = next((name for name in archive(suite, "depends", f"linux-image-{architecture}").splitlines()
                 if name.startswith(f"linux-image-{release}.")), None)
    if not name:
        raise vm.VmError(f"{suite} has no Linux {release} any more")
    version = archive(suite, "version", name)
    wanted = hashlib.sha256(" ".join(WANTED).encode()).hexdigest()[:8]
    result = machines.CACHE / "linux" / f"{name}-{version}-{wanted}"
    result.parent.mkdir(parents=True, exist_ok=True)
    if not result.exists():
        with tempfile.TemporaryDirectory(dir=result.parent, prefix="download.") as folder:
            # By 7.3 it is in parts.
            parts = [part for part in archive(suite, "depends", name).splitlines() if re.match("linux-(binary|modules)-", part)]
            archive(suite, "download", *[f"{part}={version}" for part in [name] + parts], cwd=folder)
            _unpack(list(pathlib.Path(folder).glob("*.deb")), result)
    return result


def fetch_xen():
    """The file of Debian 12's Xen for amd64, as QEMU's multiboot loader takes it."""
    name = "xen-hypervisor-4.17-amd64"
    version = archive("bookworm:amd64", "version", name)
    result = machines.CACHE / "linux" / f"{name}-{version}"
    if not result.exists():
        with tempfile.TemporaryDirectory(dir=result.parent, prefix="download.") as folder:
            work = pathlib.Path(folder)
            archive("bookworm:amd64", "download", f"{name}={version}", cwd=work)
            package, = work.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", package, work], check=True)
            (work / "xen").write_bytes(gzip.decompress((work / "boot/xen-4.17-amd64.gz").read_bytes()))
            (work / "xen").rename(result)
    return result
