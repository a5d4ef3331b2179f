#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-qemu: Debian's Linux kernels in QEMU, with viq as their IOMMU; the last line is "N passed, N failed".

What is missing is fetched and built first. See README.md in this folder.
"""
import argparse
import functools
import re
import time
import typing

import live
import machines
import qtests
import tap

X86 = "q35,kernel-irqchip=split"
ARM = "virt,gic-version=3,iommu=viq-smmuv3"
MODES = {
    # With caching mode Linux is always strict on second-stage tables.
    "legacy": live.Mode("x86_64", X86, "viq-vtd,scalable-mode=off", "intel_iommu=on iommu.strict=0", "DMA-FQ"),
    "legacy-caching": live.Mode("x86_64", X86, "viq-vtd,scalable-mode=off,caching-mode=on", "intel_iommu=on", "DMA"),
    "second": live.Mode("x86_64", X86, "viq-vtd,first-stage=off,caching-mode=on", "intel_iommu=on,sm_on", "DMA"),
    "second-lazy": live.Mode("x86_64", X86, "viq-vtd,first-stage=off", "intel_iommu=on,sm_on iommu.strict=0", "DMA-FQ"),
    "first-strict": live.Mode("x86_64", X86, "viq-vtd", "intel_iommu=on,sm_on iommu.strict=1", "DMA"),
    "first-caching": live.Mode("x86_64", X86, "viq-vtd,caching-mode=on", "intel_iommu=on,sm_on iommu.strict=1", "DMA"),
    "first-57": live.Mode("x86_64", X86, "viq-vtd,aw-bits=57", "intel_iommu=on,sm_on iommu.strict=1", "DMA"),
    "second-57": live.Mode("x86_64", X86, "viq-vtd,aw-bits=57,first-stage=off", "intel_iommu=on,sm_on iommu.strict=1", "DMA"),
    "first-lazy": live.Mode("x86_64", X86, "viq-vtd,second-stage=off", "intel_iommu=on,sm_on iommu.strict=0", "DMA-FQ"),
    "arm-strict": live.Mode("aarch64", ARM, None, "iommu.strict=1", "DMA"),
    "arm-lazy": live.Mode("aarch64", ARM, None, "iommu.strict=0", "DMA-FQ"),
    "arm-stage2": live.Mode("aarch64", ARM, "viq-smmuv3,stage=2", "iommu.strict=1", "DMA"),
    "arm-nested": live.Mode("aarch64", ARM, "viq-smmuv3,stage=nested", "iommu.strict=0", "DMA-FQ"),
    "xen": live.Mode("x86_64", X86, "viq-vtd", "", "", "iommu=force,no-intremap,verbose dom0_mem=512M noreboot"),
}
# What CI has time for: each kernel, each mode, each job at least once. --all is the rest.
CI = {("6.1", "legacy-caching", "work"), ("6.1", "first-lazy", "work"), ("6.12", "second", "work"), ("6.12", "arm-lazy", "work"),
      ("7.3", "first-caching", "work"), ("7.3", "legacy", "crash"), ("6.12", "arm-strict", "work"),
      ("6.12", "arm-strict", "reset"), ("7.3", "first-lazy", "migrate"), ("6.1", "arm-strict", "migrate"),
      ("6.1", "xen", "dom0"), ("6.12", "second-lazy", "lost"), ("6.1", "first-caching", "failures"),
      ("7.3", "arm-strict", "failures"), ("6.12", "first-strict", "ats"), ("6.12", "arm-strict", "ats-arm"),
      ("6.12", "first-57", "work"), ("6.12", "second-57", "work"), ("6.12", "arm-stage2", "work"),
      ("6.1", "arm-nested", "work"), ("6.12", "first-lazy", "vhost"), ("7.3", "arm-strict", "vhost")}
# The words that a job wants on the kernel's command line.
JOBS = {"work": "", "reset": "", "migrate": "", "crash": "crashkernel=256M", "lost": "", "dom0": "",
        "failures": "", "ats": "", "ats-arm": "", "vhost": ""}
# A property of the IOMMU that a job wants, with any kernel (None) or with one. However a host reports its failures, it is
# not seen by a guest.
UNIT = {("ats", None): "device-iotlb=on", ("ats-arm", None): "ats=on",
        ("failures", "6.1"): "host-contract=linux-next", ("failures", "7.3"): "host-contract=linux-7.3"}
# Seconds of real time, for one guest and without a line. It takes a tenth of the first on two processors; a guest that
# unpacks its kernel says nothing.
TIMEOUT, SILENCE = 600, 200
# What a guest says when its IOMMU stopped an access, or did not do as it was told. None of these guests asks for that.
FAULT = re.compile(r"\[VT-D\].*([Ff]ault|[Ee]rror)|DMAR: .*(fault|error|Invalidation|time)|DMAR: \[|"
                   r"arm-smmu-v3 .*(event|error|timeout)|nvme.*(timeout|I/O)")
# What its driver may say when the IOMMU fails, and what it must, by job, architecture and failure.
FAILING = re.compile(r"DMAR: .*Invalidation (Queue|Time-out|Completion) Error|"
                     r"arm-smmu-v3 .*(CMDQ error|CMD_SYNC timeout|retrying command fetch|skipping command)")
TOLD = {
    ("failures", "x86_64"): {"refused": "Invalidation Queue Error"},
    ("failures", "aarch64"): {"refused": "CMDQ error.*Illegal", "abort": "CMDQ error.*Abort"},
    ("ats", "x86_64"): {"timeout": "Invalidation Time-out Error", "wrong": "Invalidation Completion Error"},
    ("ats-arm", "aarch64"): {"timeout": "CMDQ error.*ATC invalidate timeout", "abort": "CMDQ error.*Abort"},
}
# What is known of a guest's kernel: these tests of it may fail, and are skipped then.
SLOT = "on Arm, Linux 7.3 leaves a slot that was just emptied empty for minutes, with QEMU's own SMMUv3 as well"
KNOWN = {
    ("6.1", "first-lazy", "work"): (("dma", "machine"), "Linux 6.1 rounds the address of a PASID-IOTLB invalidation down "
                                    "(qi_flush_piotlb(), with a warning) and misses the range's last page"),
    **{("7.3", mode, "work"): (("hotplug",), SLOT) for mode in MODES if mode.startswith("arm-")},
}


class Scenario(typing.NamedTuple):
    """One life of a guest."""
    release: str
    mode: str
    job: str

    def __str__(self):
        return f"{self.release}-{self.mode}-{self.job}"


def can_be(release, mode, job):
    """Debian's arm64 kernels cannot load another one from a file (kexec_file_load), and 6.1 asks no device tree for ATS.

    A VT-d without caching mode looks at a new device's tables by itself: that it was not told (config-drop) changes nothing.
    """
    arm = MODES[mode].architecture == "aarch64"
    untold = job == "failures" and not arm and "caching-mode=on" not in (MODES[mode].device or "")
    return (not untold and not (arm and job in ("crash", "ats")) and not (job == "ats-arm" and (not arm or release == "6.1")) and
            (job == "dom0") == (mode == "xen"))


SCENARIOS = [Scenario(release, mode, job) for release in live.linux.SUITES for mode in MODES for job in JOBS
             if can_be(release, mode, job)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true", help="each kernel in each mode with each job; CI has a selection")
    parser.add_argument("--only", metavar="WORD", help="of all, run only the guests whose names have this word")
    parser.add_argument("--console", action="store_true", help="show the consoles as they run")
    return parser.parse_args()


def chosen(options):
    """The guests to run."""
    if options.only:
        return [one for one in SCENARIOS if options.only in str(one)]
    return SCENARIOS if options.all else [one for one in SCENARIOS if one in CI]


# What a guest says that has read other bytes than it wrote.
STALE = re.compile(r"/dev/\S+ at 0x.*: 0x[0-9a-f]+, not 0x|viq-dma, round \d+: .* stale")


def noticed(results):
    """Those of the job "lost", the other way round: its test must have failed, and because of stale bytes."""
    return [(kind, test, reason) if test != "lost" else
            ("passed", test, None) if kind == "failed" and STALE.search(reason) else
            ("failed", test, f"an invalidation was lost, and nothing came of it: {reason or kind}")
            for kind, test, reason in results]


def judge(name, lines, told=None):
    """The results of a guest by its console, with its name. told: its IOMMU fails, and its driver must say these."""
    results, notes = tap.parse([text for text in lines if not (told and FAILING.search(text))])
    results = noticed(results)
    faults = [text.strip() for text in lines if FAULT.search(text)]
    for failure, words in (told or {}).items():
        said = any(re.search(words, text) for text in lines)
        results.append(("passed" if said else "failed", f"told-{failure}",
                        None if said else f"the guest's driver has not said \"{words}\""))
    if not told:
        results.append(("failed" if faults else "passed", "no-fault", "; ".join(faults[:3]) or None))
    return [(kind, f"{name}-{test}", reason) for kind, test, reason in results], notes


def excused(scenario, results):
    """The results, those that are known to fail as skipped ones."""
    tests, why = KNOWN.get(tuple(scenario), ((), None))
    return [("skipped", name, why) if kind == "failed" and name.removeprefix(f"{scenario}-") in tests else (kind, name, reason)
            for kind, name, reason in results]


def run_one(options, folder, scenario):
    """The results of one guest."""
    guest = live.Guest(folder, MODES[scenario.mode], scenario.release)
    guest.second, guest.moves = scenario.job == "crash", scenario.job == "migrate"
    guest.outside = scenario.job == "vhost"
    guest.unit = UNIT.get((scenario.job, None), UNIT.get((scenario.job, scenario.release)))
    log = live.BUILD / f"console-{scenario}.log"
    print(f"\n== {scenario}: {guest.about()}\n   console in {log.relative_to(machines.SOURCE)}", flush=True)
    start = time.monotonic()
    lines = guest.run(f"{JOBS[scenario.job]} viq.run={scenario.job}", log, TIMEOUT, silence=SILENCE,
                      line=functools.partial(print, flush=True) if options.console else None)
    results, notes = judge(scenario, lines, TOLD.get((scenario.job, guest.mode.architecture)))
    results = excused(scenario, results)
    tap.report(results, notes)
    print(f"   {time.monotonic() - start:.0f} s", flush=True)
    return results


def own_tests(options, folder):
    """The results of QEMU's own tests."""
    if options.only and options.only not in "qtests":
        return []
    print("\n== qtests: QEMU's own", flush=True)
    results = qtests.run(folder)
    tap.report(results)
    return results


def main():
    options = arguments()
    results = []
    try:
        folder = live.qemu()
        results += own_tests(options, folder)
        for scenario in chosen(options):
            try:
                results += run_one(options, folder, scenario)
            except machines.TROUBLE as error:
                print(f"   FAILED: {scenario}: {error}")
                results.append(("failed", str(scenario), str(error)))
    except machines.TROUBLE as error:
        print(f"FAILED: {error}")
        results.append(("failed", "preparation", str(error)))
    return tap.total(results)


if __name__ == "__main__":
    machines.script(main)
