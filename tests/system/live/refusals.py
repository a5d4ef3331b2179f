# SPDX-License-Identifier: MIT
"""What cannot work together is refused, at start or when it is plugged, and the message names the remedy."""
import subprocess

import vm

TIMEOUT = 30
Q35, VIRT = ("x86_64", "-machine q35 "), ("aarch64", "-machine virt,iommu=")
# Options, and what is said of them.
AT_START = {
    "two": (Q35, "-device viq-vtd -device viq-vtd", "multiple vIOMMUs"),
    "two-kinds": (Q35, "-device intel-iommu -device viq-vtd", "multiple vIOMMUs"),
    "width": (Q35, "-device viq-vtd,aw-bits=40", "aw-bits=40: must be 39, 48 or 57"),
    "no-stage": (Q35, "-device viq-vtd,first-stage=off,second-stage=off", "scalable-mode=on needs first-stage=on or second-stage=on"),
    "nested": (Q35, "-device viq-vtd,nested=on,first-stage=off", "nested=on needs scalable-mode=on, first-stage=on and second-stage=on"),
    "interrupts": (Q35, "-device viq-vtd,intremap=on", "use intremap=off"),
    "times": (Q35, "-device viq-vtd,inject=1:drop:x", "INDEX and TIMES are numbers"),
    "contract": (Q35, "-device viq-vtd,host-contract=linux-1", "must be exact, linux-7.3 or linux-next"),
    "contract-arm": (VIRT, "viq-smmuv3 -global viq-smmuv3.host-contract=linux-1", "must be exact, linux-7.3 or linux-next"),
    "failure-of-vtd": (VIRT, "viq-smmuv3 -global viq-smmuv3.inject=atc-wrong", "is not [INDEX:]KIND[:TIMES]"),
    "name": (VIRT, "viq", "Valid values are none, smmuv3, viq-smmuv3"),
    "not-of-machine": (VIRT, "none -device viq-smmuv3", "expects a pluggable device type"),
    "dma-alone": (Q35, "-device viq-dma", "-device viq-vtd in front of it"),
    "dma-too-early": (Q35, "-device viq-dma -device viq-vtd", "-device viq-vtd in front of it"),
    "dma-behind-another": (VIRT, "smmuv3 -device viq-dma", "-machine virt,iommu=viq-smmuv3"),
    "dma-past-it": (Q35, "-machine default_bus_bypass_iommu=on -device viq-vtd -device viq-dma", "viq-dma needs an IOMMU of viq's"),
}
# Devices that come late.
PLUGGED = {
    "viq-vtd": ({"driver": "viq-vtd"}, "does not support hotplugging"),
    "viq-dma-on-the-root": ({"driver": "viq-dma", "bus": "pcie.0"}, "does not support hotplugging"),
}


def run_at_start(find):
    """What was taken, or refused by other words; or None."""
    wrong = []
    for name, ((architecture, machine), options, said) in AT_START.items():
        command = [find(f"bin/qemu-system-{architecture}"), *(machine + options).split(), "-accel", "qtest", "-display", "none",
                   "-nodefaults", "-S"]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
            if not done.returncode or said not in done.stderr:
                wrong.append(f"{name}: {done.stderr}")
        except subprocess.TimeoutExpired:
            wrong.append(f"{name}: taken")
    return "; ".join(wrong) or None


def run_plugged(talk, find):
    """The same of devices that come late."""
    wrong = []
    with talk(find("bin/qemu-system-x86_64"), "-machine q35 -device viq-vtd") as (_, monitor):
        for name, (device, said) in PLUGGED.items():
            try:
                monitor.command("device_add", **device)
                wrong.append(f"{name}: taken")
            except vm.VmError as error:
                if said not in str(error):
                    wrong.append(f"{name}: {error}")
    return "; ".join(wrong) or None
