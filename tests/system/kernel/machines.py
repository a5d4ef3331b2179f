# SPDX-License-Identifier: MIT
"""What a run needs: the program for the machine, QEMU, and the kernels, each built or fetched unless it is there."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing

import iort
import replay
import vm

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
BUILD = SOURCE / "build-kernel"
CACHE = pathlib.Path(os.environ.get("VIQ_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "viq")
CAPTURE = SOURCE / "captures" / "linux-7.3-arm64-smmuv3-strict-nvme.pcap"
SUITE = "trixie-backports"
# The patches for Linux, and the package that they are for.
SERIES = SOURCE / "integrations" / "linux" / "series"
SERIES_FOR = "linux-source-7.3"
DEBUG = HERE / "debug"  # what makes it watch itself
# What can go wrong on the way, each with a message for people.
TROUBLE = (vm.VmError, iort.IortError, replay.CaptureError, OSError)


def output(*command, cwd=None):
    """A script's answer, with what it says on the way left to be seen."""
    done = subprocess.run([str(word) for word in command], check=False, stdout=subprocess.PIPE, text=True, cwd=cwd)
    if done.returncode:
        raise vm.VmError(f"{command[0].name} failed; what it said is above")
    return done.stdout.strip()


def _configure(log):
    """The build folder; one that was configured otherwise, or not to the end, is begun anew."""
    libfdt = output(HERE / "sysroot.sh", CACHE, "libfdt-dev")  # Debian has no cross package of it
    setup = ["meson", "setup", BUILD, "--cross-file", HERE / "aarch64.cross", "--buildtype=release",
             "-Ddefault_library=static", "-Dtool=false", "-Dtests=false", "-Dsoft=false", "-Dvm=true",
             f"-Dc_args=-I{libfdt}/usr/include", f"-Dc_link_args=-static -L{libfdt}/usr/lib/aarch64-linux-gnu"]
    wanted = "\n".join(str(word) for word in setup)
    done = BUILD / "setup"
    if done.exists() and done.read_text() == wanted:
        return
    # Meson would remember what the compiler did not find.
    shutil.rmtree(BUILD, ignore_errors=True)
    _quietly(setup, log)
    done.write_text(wanted)


def _quietly(command, log):
    with open(log, "a", encoding="utf-8") as out:
        if subprocess.run(command, stdout=out, stderr=out, check=False, cwd=SOURCE).returncode:
            raise vm.VmError(f"the program for the machine does not build:\n{log.read_text()[-4000:]}")


def build():
    """Everything for the machine, with the cross compiler, linked statically; the build folder."""
    log = SOURCE / "build-kernel.log"
    log.unlink(missing_ok=True)
    _configure(log)
    _quietly(["ninja", "-C", BUILD], log)
    return BUILD


def program():
    """Its /init for check-kernel; the path."""
    return build() / "tests" / "system" / "kernel" / "init"


def qemu():
    """A qemu-system-aarch64 that is new enough."""
    return output(HERE / "fetch-qemu.sh", CACHE)


class Kernel(typing.NamedTuple):
    architecture: str
    package: str
    version: str
    series: bool = False
    debug: bool = False

    def __str__(self):
        return self.package + ("-series" if self.series else "") + ("-debug" if self.debug else "")


def kernels(architecture="arm64"):
    """Those to run: the current one first, an older one if there is any, and one of them with our patches."""
    lines = output(HERE / "archive.sh", CACHE / "archive", SUITE, "kernels").splitlines()
    plain = [Kernel(architecture, *line.split()) for line in lines]
    return plain + [one._replace(series=True) for one in plain if one.package == SERIES_FOR]


def pair(architecture):
    """The one with our patches first, as the one without them is built on the way."""
    return sorted((one for one in kernels(architecture) if one.package == SERIES_FOR), key=lambda one: not one.series)


def kernel(which):
    """The folder of a built kernel."""
    return output(HERE / "build-kernel.sh", CACHE, which.architecture, which.package, which.version,
                  *([SERIES] if which.series else []), *([DEBUG] if which.debug else []))


def machine(which):
    """All of it, ready to run."""
    # Two processors, so that the SMMU's error interrupt is handled while its command's issuer polls.
    options = vm.machine(memory=1024, processors=2) if which.debug else None
    new = vm.Vm(qemu(), kernel(which), program(), CACHE, options)
    new.files["replay"] = replay.flatten(CAPTURE.read_bytes())
    for selftest in new.kernel.glob("selftest-*"):
        new.files[selftest.name] = selftest.read_bytes()
    return new


def script(main, name=None):
    """Run main() as a program of its own; whoever interrupts it knows why it has ended.

    With a name (of make's target): trouble is told, and the status is 1.
    """
    try:
        sys.exit(main())
    except TROUBLE as error:
        if not name:
            raise
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
