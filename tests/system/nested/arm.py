#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the tests of tests/system/kernel with viq's own SMMUv3 as the hardware: Linux's driver nests a guest on it.

The last line is "N passed, N failed[, N skipped]". See README.md in this folder.
"""
import argparse
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "live"))

# pylint: disable=wrong-import-position
import live  # noqa: E402
import machines  # noqa: E402
import tap  # noqa: E402
import vm  # noqa: E402

SMMU = ["-machine", "virt,iommu=viq-smmuv3,gic-version=3,acpi=on", "-global", "viq-smmuv3.stage=nested"]
REST = ["-cpu", "max", "-m", "512", "-net", "none", "-bios", vm.FIRMWARE]
# QEMU's device first, as on QEMU's own SMMUv3; then viq's.
DEVICES = {"edu": "edu,dma_mask=0xffffffffffff", "viq-dma": "viq-dma"}
# The tests that may be skipped: the kernel's own are not of an SMMU, and bare-hardware takes a kernel for debugging.
MAY_SKIP = {"bare-hardware", "selftests", "selftests-fail-nth"}
# And what a kernel without our patches has not to show.
UNPATCHED = {"bare-pair", "bare-groups", "bare-report"}
TIMEOUT = 400  # seconds


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", metavar="PREFIX", help="run only the tests whose names begin so")
    parser.add_argument("--device", choices=DEVICES, help="run only with this device")
    parser.add_argument("--kernel", metavar="FOLDER", help="run only this built kernel")
    parser.add_argument("--property", metavar="NAME=VALUE", action="append", default=[],
                        help="a property more of the SMMU")
    return parser.parse_args()


def run(options, qemu, kernel, device):
    machine = vm.Vm(qemu, kernel, machines.program(), machines.CACHE, [*SMMU, "-device", DEVICES[device], *REST])
    machine.options += [word for one in options.property for word in ("-global", f"viq-smmuv3.{one}")]
    machine.files["replay"] = machines.replay.flatten(machines.CAPTURE.read_bytes())
    log = machines.BUILD / f"console-nested-{pathlib.Path(kernel).name}-{device}.log"
    print(f"\n== {machine.about()}, {device}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    lines = machine.run("viq.run=tests" + (f" viq.only={options.only}" if options.only else ""), log, TIMEOUT)
    patched = "linux/series" in machine.about()
    results, notes = tap.parse(lines, MAY_SKIP if patched else MAY_SKIP | UNPATCHED)
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s")
    return results


def main():
    options = arguments()
    qemu = str(live.qemu() / "bin" / "qemu-system-aarch64")
    kernels = [options.kernel] if options.kernel else [machines.kernel(which) for which in machines.kernels()]
    results = []
    for kernel in kernels:
        for device in [options.device] if options.device else DEVICES:
            try:
                results += run(options, qemu, kernel, device)
            except machines.TROUBLE as error:
                print(f"   FAILED: {error}")
                results.append(("failed", f"{kernel}, {device}", str(error)))
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main)
