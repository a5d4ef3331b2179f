#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's real Intel driver nests on viq-vtd, and viq's host for it is judged by a device's DMA.

The last line is "N passed, N failed[, N skipped]". See README.md here.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "kernel"))

# pylint: disable=wrong-import-position
import initrd  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

BUILD = machines.SOURCE / "build-nested"
SETUP = ["meson", "setup", BUILD, "--buildtype=release", "-Ddefault_library=static", "-Dtool=false", "-Dtests=false",
         "-Dsoft=false", "-Dvm=true", "-Dc_link_args=-static"]
TIMEOUT = 300  # seconds for one boot; it takes a tenth of that
# A device with ATS has translations of its own, which the kernel must reach, too; and this one has PASIDs.
MACHINES = {
    "plain": ["-device", "viq-vtd,nested=on", "-device", "viq-dma,ats=off,pasid=off"],
    "ats": ["-device", "viq-vtd,nested=on,device-iotlb=on,pri=on", "-device", "viq-dma,pri=on"],
}
MAY_SKIP = {"pasids", "entries", "requests"}  # without PASIDs and PRI


def program(name):
    """Of this folder, linked statically; the path."""
    if not (BUILD / "build.ninja").exists():
        subprocess.run(SETUP, check=True, cwd=machines.SOURCE, stdout=subprocess.DEVNULL)
    path = f"tests/system/nested/{name}"
    if subprocess.run(["ninja", "-C", BUILD, "--quiet", path], check=False, stdout=subprocess.DEVNULL).returncode:
        raise vm.VmError("the program for the machine does not build")
    return BUILD / path


def boot(init, kernel, machine, words, log, *, more=(), **how):
    """The console's lines of this one of the MACHINES, with more of QEMU's options; how: as vm.watch()."""
    qemu = pathlib.Path(os.environ.get("VIQ_QEMU") or machines.output(machines.SOURCE / "integrations/qemu/build.sh"))
    words = f"console=ttyS0 panic=-1 oops=panic no_timer_check intel_iommu=on,sm_on iommufd.allow_unsafe_interrupts=1 {words}"
    with tempfile.NamedTemporaryFile(prefix="viq-initrd-") as disk:
        disk.write(initrd.build({"init": program(init).read_bytes()}, None))
        disk.flush()
        command = [qemu / "bin/qemu-system-x86_64", "-machine", "q35", "-cpu", "max,la57=off", "-m", "512", *MACHINES[machine],
                   "-nodefaults", "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", *more,
                   "-kernel", kernel / "Image", "-initrd", disk.name, "-append", words]
        return vm.watch([str(word) for word in command], log, TIMEOUT, **how)


def run(options, kernel, name):
    """The results on one machine."""
    log = BUILD / f"console-{kernel}-{name}.log"
    folder = pathlib.Path(machines.kernel(kernel))
    print(f"\n== {name}: {(folder / 'about').read_text().strip()}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    words = "loglevel=5 viq.run=tests" + (" viq.pasids=yes" if name == "ats" else "") + \
            (f" viq.only={options.only}" if options.only else "")
    lines = boot("nested", folder, name, words, log, line=print if options.console else None)
    results, notes = tap.parse(lines, MAY_SKIP if name == "plain" else ())
    tap.report(results, notes)
    return results


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--console", action="store_true", help="show the machine's console as it runs")
    return parser.parse_args(words)


def results_of(options):
    """The results of all that was asked for."""
    results = []
    for kernel in machines.pair("x86_64"):
        for name in MACHINES:
            results += run(options, kernel, name)
    return results


def main():
    return tap.total(results_of(arguments()))


if __name__ == "__main__":
    machines.script(main)
