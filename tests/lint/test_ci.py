#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`.ci/run` and the scripts under it notice each kind of failure. They run here on a project of a few lines and on
invented consoles: a failed check, a finding of each sanitizer, a leak, a broken build, tests that are skipped, missing,
dead or hanging."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
SCRIPTS = (".ci/run", "tools/check.sh", "tools/check-summary.py", "tests/fuzz/run_fuzz.py", "tests/fuzz/seeds.py",
           "tests/system/kernel/tap.py", "tests/release/check.py")
# Without what the build that runs this test has set.
ENV = {name: value for name, value in os.environ.items()
       if name in ("PATH", "HOME", "TMPDIR", "LANG", "CCACHE_DIR")} | {"VIQ_CI_LIMIT": "300", "VIQ_FUZZ_TIME": "1"}

MAKEFILE = """
check:
	@bash tools/check.sh
check-release:
	@python3 tests/release/check.py
prove check-kernel check-guest check-qemu check-nested check-chain:
	@python3 machine.py
"""
MACHINE = """
import sys
sys.path.append("tests/system/kernel")
import tap
sys.exit(tap.total(tap.parse(["1..1", "ok 1 a", tap.THE_END])[0]))
"""
MESON = """
project('tiny', 'c', default_options : ['b_ndebug=false'])
tiny = executable('tiny', 'tiny.c', dependencies : dependency('threads'))
foreach suite : ['', 'threads', 'project', 'differential']
  test(suite == '' ? 'alone' : 'of-' + suite, tiny, args : suite, suite : suite == '' ? [] : [suite], timeout : 2)
endforeach
test('format', tiny, args : 'format', suite : 'project')
if get_option('fuzz')
  test('fuzz-tiny', find_program('tests/fuzz/run_fuzz.py'), suite : 'fuzz',
    args : executable('fuzz_tiny', 'fuzz_tiny.c', c_args : '-fsanitize=fuzzer-no-link', link_args : '-fsanitize=fuzzer'))
endif
"""
# What goes wrong: TINY holds words "STAGE.TEST=WHAT".
TINY = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define STAGE "asan"
#elif defined(__SANITIZE_THREAD__)
#define STAGE "tsan"
#else
#define STAGE "plain"
#endif
#ifdef BROKEN
#error broken
#endif

static int shared;
static void *volatile sink;

static void *thread(void *opaque)
{
	shared++;
	return opaque;
}

int main(int argc, char **argv)
{
	const char *tiny = getenv("TINY");
	char key[64], what[64] = "";
	pthread_t other;

	snprintf(key, sizeof(key), "%s.%s=", STAGE, argv[1][0] ? argv[1] : "alone");
	if (tiny && strstr(tiny, key))
		sscanf(strstr(tiny, key) + strlen(key), "%63[a-z]", what);
	if (!strcmp(what, "oracle"))
		return 1;
	if (!strcmp(what, "skip"))
		return 77;
	if (!strcmp(what, "hang"))
		pause();
	if (!strcmp(what, "kill"))
		kill(getppid(), SIGKILL);
	if (!strcmp(what, "leak")) {
		sink = malloc(7);
		sink = NULL;
	}
	if (!strcmp(what, "overflow")) {
		volatile int most = 0x7fffffff;

		most++;
	}
	if (!strcmp(what, "race")) {
		pthread_create(&other, NULL, thread, NULL);
		shared++;
		pthread_join(other, NULL);
	}
	return 0;
}
"""
FUZZ = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *volatile sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *what = getenv("TINY_FUZZ");
	volatile int most = 0x7fffffff;
	char *volatile bytes;

	if (!what || size < 10)
		return 0;
	/* Nobody comes upon that in a hundred tries. */
	if (data[0] == 'k' && data[1] == 'e' && data[2] == 'p' && data[3] == 't') {
		if (!strcmp(what, "kept"))
			abort();
	} else if (data[0] == 'a') {
		sink = NULL;
	}
	if (!strcmp(what, "oracle"))
		abort();
	if (!strcmp(what, "exit"))
		exit(0);
	if (!strcmp(what, "skip"))
		_Exit(77);
	if (!strcmp(what, "overflow"))
		most++;
	if (!strcmp(what, "leak")) {
		sink = malloc(7);
		sink = NULL;
	}
	if (!strcmp(what, "beyond")) {
		bytes = malloc(7);
		sink = bytes + bytes[7];
		free(bytes);
	}
	return 0;
}
"""
PROJECT = {"Makefile": MAKEFILE, "machine.py": MACHINE, "meson.build": MESON, "tiny.c": TINY, "fuzz_tiny.c": FUZZ,
           "meson_options.txt": "option('fuzz', type : 'boolean', value : false)\n"
                                "option('tests', type : 'boolean', value : true)\n",
           "tests/release/test_tiny": "#!/bin/sh\nexec \"$VIQ_BUILD/tiny\" release\n"}


class Tree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # pylint: disable=consider-using-with
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tree = pathlib.Path(cls.folder.name)
        for name in SCRIPTS:
            (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, cls.tree / name)
        for name, text in PROJECT.items():
            (cls.tree / name).write_text(text, encoding="utf-8")
        (cls.tree / "tests/release/test_tiny").chmod(0o755)

    def run_all(self, **env):
        """Run .ci/run: its exit status, and its lines."""
        done = subprocess.run([self.tree / ".ci/run"], env=ENV | env, check=False, text=True, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.splitlines()


class Run(Tree):
    """.ci/run on targets that only print."""

    GOOD = "@echo 3 passed, 0 failed"

    def check(self, recipe, **env):
        """With that recipe in the place of make check: the status, the last line, and what is said of make check."""
        makefile = f"check:\n\t{recipe}\ncheck-kernel check-release check-qemu prove check-nested check-chain:\n\t{self.GOOD}\n"
        makefile += "check-guest:\n\t@echo 1 passed, 0 failed, 2 skipped\n"
        (self.tree / "Makefile").write_text(makefile, encoding="utf-8")
        status, lines = self.run_all(**env)
        return status, lines[-1], [line for line in lines if line.startswith("make check:")]

    def test_all_is_well(self):
        self.assertEqual(self.check(self.GOOD), (0, "22 passed, 0 failed, 2 skipped", []))

    def test_failures_are_counted(self):
        self.assertEqual(self.check("@echo 5 passed, 2 failed, 1 skipped; false"), (1, "24 passed, 2 failed, 3 skipped", []))
        self.assertEqual(self.check("@echo 5 passed, 2 failed"), (1, "24 passed, 2 failed, 2 skipped", []))

    def fails(self, why, recipe, passed=19, **env):
        self.assertEqual(self.check(recipe, **env),
                         (1, f"{passed} passed, 1 failed, 2 skipped", [f"make check: {why}"]), recipe)

    def test_a_target_that_dies(self):
        self.fails("ended without a total", "@kill -9 $$$$")
        self.fails("ended without a total", "@exit 3")
        self.fails("ended without a total", "@true")
        self.fails("ended without a total", "@echo 5 passed, 0 failed; echo Killed")
        self.fails("ended with status 2", "@echo 5 passed, 0 failed; false", passed=24)

    def test_a_target_that_hangs(self):
        self.fails("not done in 1", "@sleep 60", VIQ_CI_LIMIT="1")

    def test_a_target_that_runs_nothing(self):
        self.fails("no test ran", "@echo 0 passed, 0 failed")
        (self.tree / "Makefile").write_text("check check-release prove check-kernel check-guest check-qemu check-nested check-chain:\n\t@echo 0 passed, 0 failed, 9 skipped\n",
                                            encoding="utf-8")
        status, lines = self.run_all()
        self.assertEqual((status, lines[-1]), (1, "0 passed, 8 failed, 72 skipped"))


class Check(Tree):
    """The same over make check's real stages of a project of a few lines."""

    def judge(self, **env):
        """The exit status, the total, and what the summary says of each stage."""
        status, lines = self.run_all(**env)
        start = max(i for i, line in enumerate(lines) if line.startswith("== fuzz targets"))
        said = [line for line in lines[start:] if line.startswith(("build", "make "))]
        return status, lines[-1], said, "\n".join(lines)

    def test_1_all_is_well(self):
        status, total, said, log = self.judge(TINY="plain.format=skip")
        self.assertEqual(total, "23 passed, 0 failed, 1 skipped", log)
        self.assertEqual(status, 0)
        self.assertEqual([line for line in said if "format" in line],
                         ["build: SKIP: format (not every release has clang-format 14, and other versions format differently)"])

    def test_2_findings(self):
        status, total, said, log = self.judge(
            TINY="plain.alone=oracle plain.project=hang asan.alone=leak asan.threads=overflow tsan.threads=race",
            TINY_FUZZ="oracle")
        self.assertEqual(total, "18 passed, 6 failed", log)
        self.assertEqual(status, 1)
        for line in ("build: FAIL: alone", "build: TIMEOUT: of-project", "build-asan: FAIL: alone",
                     "build-asan: FAIL: of-threads", "build-tsan: FAIL: of-threads", "build-fuzz: FAIL: fuzz-tiny"):
            self.assertIn(line, said)

    def test_3_nothing_runs(self):
        broken = TINY.replace("#else", "#else\n#define BROKEN")
        (self.tree / "tiny.c").write_text(broken, encoding="utf-8")
        status, _, said, log = self.judge(TINY="asan.alone=kill tsan.threads=skip", TINY_FUZZ="skip")
        self.assertEqual(status, 1, log)
        for line in ("build: does not build", "build-tsan: SKIP: of-threads may not be skipped",
                     "build-tsan: no test ran", "build-fuzz: does not build"):
            self.assertIn(line, said, log)
        self.assertTrue(any(line.startswith("build-asan: ") for line in said), log)


class Release(Tree):
    """tests/release/check.py on scripts of a line."""

    def check(self, *scripts):
        """The status, the total, and what is said of each."""
        folder = self.tree / "tests" / "release"
        for old in folder.glob("test_*"):
            old.unlink()
        for number, script in enumerate(scripts):
            path = folder / f"test_{number}.sh"
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        done = subprocess.run([sys.executable, folder / "check.py"], check=False, text=True, stdout=subprocess.PIPE,
                              env=ENV | {"VIQ_RELEASE_TIMEOUT": "5"})
        *said, _, total = done.stdout.splitlines()
        return done.returncode, total, [line.split(None, 3)[3] for line in said if not line.startswith(" ")]

    def test_good(self):
        self.assertEqual(self.check("true", 'test -x "$VIQ_BUILD/tiny" && test -d "$VIQ_CACHE"'),
                         (0, "3 passed, 0 failed", ["passed"] * 3))

    def test_bad(self):
        self.assertEqual(self.check("exit 3", "exit 77", "sleep 60 & sleep 60", "true"),
                         (1, "2 passed, 3 failed",
                          ["passed", "failed: status 3", "failed: may not be skipped", "failed: not done in 5 s", "passed"]))

    def test_broken_build(self):
        (self.tree / "tiny.c").write_text("#error broken\n", encoding="utf-8")
        self.assertEqual(self.check("true")[:2], (1, "0 passed, 1 failed"))
        (self.tree / "tiny.c").write_text(TINY, encoding="utf-8")


class Summary(Tree):
    """check-summary.py on logs that are written here."""

    GOOD = (("viq:project / a", "OK"), ("viq:fuzz+threads / b", "EXPECTEDFAIL"), ("c", "OK"))

    def summary(self, tests, stage="build project,threads", tail=""):
        logs = self.tree / "build" / "meson-logs"
        logs.mkdir(parents=True, exist_ok=True)
        text = "".join(f'{{"name": "{name}", "result": "{result}"}}\n' for name, result in tests)
        (logs / "testlog.json").write_text(text + tail, encoding="utf-8")
        (self.tree / "stages").write_text(stage + "\n", encoding="utf-8")
        done = subprocess.run([sys.executable, "tools/check-summary.py", "stages"], cwd=self.tree, check=False, text=True,
                              stdout=subprocess.PIPE)
        *said, _, total = done.stdout.splitlines()
        self.assertEqual(done.returncode, int(", 0 failed" not in total))
        return total, [line for line in said if line]

    def test_good(self):
        self.assertEqual(self.summary(self.GOOD), ("3 passed, 0 failed", []))

    def test_results(self):
        for result in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS", "SKIP", "what"):
            self.assertEqual(self.summary(self.GOOD + (("d", result),))[0], "3 passed, 1 failed")

    def test_skips(self):
        for name in ("viq:project / uapi", "format"):
            total, said = self.summary(self.GOOD + ((name, "SKIP"),))
            self.assertEqual(total, "3 passed, 0 failed, 1 skipped")
            self.assertRegex(said[0], r"^build: SKIP: \w+ \(.+\)$")
        self.assertEqual(self.summary((("viq:project / uapi", "SKIP"),), "build project"),
                         ("0 passed, 2 failed, 1 skipped", [
                             "build: SKIP: uapi (the kernel's headers may be too old here, and newer ones need the network)",
                             "build: no test ran", "build: no test of the suite project ran"]))

    def test_a_suite_is_missing(self):
        self.assertEqual(self.summary(self.GOOD, "build differential,project"),
                         ("3 passed, 1 failed", ["build: no test of the suite differential ran"]))

    def test_the_runner_died(self):
        self.assertEqual(self.summary(self.GOOD, "build project test failures"),
                         ("3 passed, 1 failed", ["build: test failures"]))
        self.assertEqual(self.summary(self.GOOD, tail='{"name": "d"'),
                         ("3 passed, 1 failed", ["build: CUT SHORT: a line of testlog.json"]))
        self.assertEqual(self.summary((), "build project does not build"), ("0 passed, 1 failed", ["build: does not build"]))


class Fuzz(Tree):
    """run_fuzz.py's status, which Meson reads: 0 or 1, nothing else."""

    RUNS = {name: value for name, value in ENV.items() if name != "VIQ_FUZZ_TIME"} | {"FUZZ_RUNS": "100"}

    def test_findings(self):
        target = self.tree / "fuzz_tiny"
        subprocess.run(["clang", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-o", target,
                        self.tree / "fuzz_tiny.c"], check=True)
        for what, status in (("nothing", 0), ("oracle", 1), ("overflow", 1), ("beyond", 1), ("leak", 1), ("skip", 1),
                             ("exit", 1)):
            done = subprocess.run([sys.executable, "tests/fuzz/run_fuzz.py", target], cwd=self.tree, check=False, text=True,
                                  env=self.RUNS | {"TINY_FUZZ": what}, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, status, f"{what}: {done.stderr}")

    def test_what_is_kept(self):
        """Of three inputs two, as one says nothing new; which are run first from then on."""
        target, found = self.tree / "fuzz_tiny", self.tree / "found"
        run = [sys.executable, "tests/fuzz/run_fuzz.py"]
        subprocess.run(["clang", "-fsanitize=fuzzer", "-o", target, self.tree / "fuzz_tiny.c"], check=True)
        found.mkdir()
        for name, data in (("1", b"kept......"), ("2", b"a........."), ("3", b"a..........")):
            (found / name).write_bytes(data)
        env = self.RUNS | {"TINY_FUZZ": "kept"}
        self.assertEqual(subprocess.run([*run, target], cwd=self.tree, check=False, env=env, stderr=subprocess.DEVNULL).returncode, 0)
        for folders in ([found], []):
            done = subprocess.run([*run, "--keep", target, *folders], cwd=self.tree, check=False, text=True, capture_output=True,
                                  env=self.RUNS | {"TINY_FUZZ": "nothing"})
            self.assertEqual((done.returncode, done.stdout), (0, "fuzz_tiny: 2 inputs kept\n"), done.stderr)
        self.assertEqual(subprocess.run([*run, target], cwd=self.tree, check=False, env=env, stderr=subprocess.DEVNULL).returncode, 1)

    def test_a_target_that_runs_nothing(self):
        script = self.tree / "idle"
        script.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        script.chmod(0o755)
        done = subprocess.run([sys.executable, "tests/fuzz/run_fuzz.py", script], cwd=self.tree, check=False, text=True,
                              env=self.RUNS, stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (1, "idle: 0 inputs were run, at least 100 were to be\n"))


if __name__ == "__main__":
    unittest.main()
