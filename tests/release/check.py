#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-release: what others get works for them. The last line is "N passed, N failed[, N skipped]".

Runs each executable test_* of this folder: status 0 passes, 77 skips. They find the project in VIQ_SOURCE, a release build
of it in VIQ_BUILD (the tool: tools/viq/viq), and may keep what is slow to make or to fetch in VIQ_CACHE.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests" / "system" / "kernel"))
import tap  # pylint: disable=wrong-import-position,import-error

RELEASE = SOURCE / "build-release"
BUILD = RELEASE / "viq"
MAKE = """[ -e "$VIQ_BUILD/build.ninja" ] || meson setup --buildtype=release -Dtests=false "$VIQ_BUILD"
ninja -C "$VIQ_BUILD"
"""
# The tests that may be skipped, and why. Any other skip is a failure.
MAY_SKIP = {}
# Seconds, for one test and for the build before them; they take a tenth of that.
TIMEOUT, BUILD_TIMEOUT = int(os.environ.get("VIQ_RELEASE_TIMEOUT", "1800")), 900


def run(name, command, seconds):
    """Run one command with its output in a log: what tap.total() counts. It and all that it started end in time."""
    log = RELEASE / f"{name}.log"
    print(f"{name:20} ", end="", flush=True)
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as out:
        env = os.environ | {"VIQ_SOURCE": str(SOURCE), "VIQ_BUILD": str(BUILD), "VIQ_CACHE": str(RELEASE / "cache")}
        with subprocess.Popen(command, cwd=SOURCE, env=env, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                status = process.wait(seconds)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                status = f"not done in {seconds} s"
    kind, why = "failed", f"status {status}" if isinstance(status, int) else status
    if status == 0:
        kind, why = "passed", ""
    elif status == 77:
        kind, why = ("skipped", MAY_SKIP[name]) if name in MAY_SKIP else (kind, "may not be skipped")
    print(f"{time.monotonic() - start:5.0f} s  {kind}" + (f": {why}" if why else ""), flush=True)
    if kind == "failed":
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]:
            print(f"    {line}", flush=True)
    return kind, name, why


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("name", nargs="*", help="run only these: install, rust")
    names = parser.parse_args().name
    (RELEASE / "cache").mkdir(parents=True, exist_ok=True)
    tests = {path.stem.removeprefix("test_"): path for path in sorted((SOURCE / "tests" / "release").glob("test_*"))}
    if idle := [path.name for path in tests.values() if not os.access(path, os.X_OK)]:
        sys.exit(f"not executable, so never run: {', '.join(idle)}")
    if unknown := set(names) - set(tests):
        parser.error(f"no such test: {', '.join(sorted(unknown))}")
    results = [run("build", ["sh", "-ec", MAKE], BUILD_TIMEOUT)]
    if results[0][0] == "passed":
        results += [run(name, [tests[name]], TIMEOUT) for name in names or tests]
    return tap.total(results)


if __name__ == "__main__":
    sys.exit(main())
