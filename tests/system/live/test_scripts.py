#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The parts of make check-qemu that need no virtual machine."""
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import check
import demo
import linux
import live
import machines
import qmp
import qtests
import tap
import vm

GOOD = ["1..1", "ok 1 nvme", tap.THE_END]


class Kernels(unittest.TestCase):
    MODULES = {"a": b"x\0depends=b-b,c\0y", "b_b": b"depends=c\0", "c": b"depends=\0", "d": b"nothing"}

    def test_what_a_module_needs(self):
        self.assertEqual([linux.needs(self.MODULES[name]) for name in ("a", "b_b", "c", "d")], [["b_b", "c"], ["c"], [], []])

    def test_each_is_loaded_behind_what_it_needs(self):
        self.assertEqual(list(linux.load_order(["a", "d", "c"], self.MODULES.get)), ["c", "b_b", "a", "d"])

    def test_what_is_built_in_is_not_loaded(self):
        modules = {name: data for name, data in self.MODULES.items() if name != "c"}
        self.assertEqual(list(linux.load_order(["a", "d"], modules.get)), ["b_b", "a", "d"])


class Selection(unittest.TestCase):
    def test_ci_has_each_kernel_mode_and_job_once_at_least(self):
        self.assertLessEqual(check.CI, set(check.SCENARIOS))
        for place, whole in enumerate((linux.SUITES, check.MODES, check.JOBS)):
            self.assertEqual(set(whole) - {one[place] for one in check.CI}, set())


class Judgement(unittest.TestCase):
    def failed(self, lines, told=None):
        return [name for kind, name, _ in check.judge("x", lines, told)[0] if kind == "failed"]

    def test_good(self):
        self.assertEqual(self.failed(GOOD + ["[ 0.1] DMAR: Intel(R) Virtualization Technology for Directed I/O"]), [])

    def test_faults(self):
        for line in ("DMAR: DRHD: handling fault status reg 2", "DMAR: VT-d detected Invalidation Time-out Error: SID 0",
                     "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x0",
                     "arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:", "nvme nvme0: I/O 3 QID 1 timeout, aborting"):
            self.assertEqual(self.failed(GOOD + ["[ 3.1] " + line]), ["x-no-fault"], line)

    def test_what_is_known_is_skipped(self):
        name = check.Scenario("6.1", "first-lazy", "work")
        for test, kind in (("dma", "skipped"), ("net", "failed")):
            self.assertEqual(check.excused(name, [("failed", f"{name}-{test}", "x")])[0][0], kind)
        self.assertEqual(check.excused(name, [("passed", f"{name}-dma", None)])[0][0], "passed")

    def test_a_failure_must_be_told(self):
        vtd, arm = (check.TOLD["failures", machine] for machine in ("x86_64", "aarch64"))
        self.assertEqual(self.failed(GOOD, vtd), ["x-told-refused"])
        self.assertEqual(self.failed(GOOD + ["[ 3.1] DMAR: VT-d detected Invalidation Queue Error: Reason 4"], vtd), [])
        said = ["arm-smmu-v3 a: CMD_SYNC timeout at 0x1 [hwprod 0x2, hwcons 0x1]",
                "arm-smmu-v3 a: CMDQ error (cons 0x1): Illegal command"]
        self.assertEqual(self.failed(GOOD + said, arm), ["x-told-abort"])
        self.assertEqual(self.failed(GOOD + said + ["arm-smmu-v3 a: CMDQ error (cons 0x2): Abort on command fetch"], arm), [])
        self.assertEqual(self.failed(GOOD + said), ["x-machine", "x-no-fault"])

    def test_a_loss_must_be_seen(self):
        for line, failed in (("ok 1 lost", ["x-lost"]), ("not ok 1 lost: no answer", ["x-lost"]),
                             ("not ok 1 lost: disk.c:57: /dev/nvme0n1 at 0x0 + 0x8 of 0x1000: 0x1, not 0x2", [])):
            self.assertEqual(self.failed(["1..1", line, tap.THE_END]), failed, line)

    def test_what_the_guest_has_seen(self):
        self.assertEqual(self.failed(["1..1", "not ok 1 nvme: nothing came here", tap.THE_END]), ["x-nvme"])
        self.assertEqual(self.failed(GOOD[:-1]), ["x-machine"])


class Qtests(unittest.TestCase):
    """QEMU's own tests, by what programs in their place say."""

    def run_all(self, script):
        """The results; each program is this script."""
        with tempfile.TemporaryDirectory() as folder:
            for case in qtests.CASES:
                program = pathlib.Path(folder, "tests/qtest", case.program)
                program.parent.mkdir(parents=True, exist_ok=True)
                program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
                program.chmod(0o755)
            return {name: kind for kind, name, _ in qtests.run(folder)}

    def test_a_program_that_passes(self):
        good = self.run_all("echo ok 1 /x86_64/test")
        self.assertEqual({good[case.name] for case in qtests.CASES if not case.fails}, {"passed"})
        self.assertEqual({good[case.name] for case in qtests.CASES if case.fails}, {"failed"})
        self.assertEqual({good[name] for name in qtests.MACHINES}, {"failed"}, "there is no QEMU")

    def test_programs_that_do_not(self):
        for script in ("", "echo not ok 1 x; echo ok 2 y", "echo ok 1 x '# SKIP no machine'", "echo ok 1 x; exit 1",
                       "echo ok 1 x; kill -ABRT $$", "echo 1..0"):
            self.assertEqual(set(self.run_all(script).values()), {"failed"}, script)

    def test_one_that_must_fail(self):
        said = next(case.fails for case in qtests.CASES if case.fails)
        for script, kind in ((f"echo '{said}'; exit 134", "passed"), (f"echo '{said}'; exit 0", "failed"), ("exit 1", "failed")):
            results = self.run_all(script)
            self.assertEqual({results[case.name] for case in qtests.CASES if case.fails}, {kind}, script)


class Monitor(unittest.TestCase):
    """Against a QEMU that answers from a list."""

    def talk(self, answers, use):
        """What it was told while use(qmp) ran."""
        heard = []

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as file:
                for lines in [[{"QMP": {}}], [{"return": {}}], *answers]:
                    if "QMP" not in lines[0]:
                        heard.append(json.loads(file.readline()))
                    for line in lines:
                        file.write(json.dumps(line) + "\n")
                    file.flush()

        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(folder + "/qmp")
            listener.listen()
            thread = threading.Thread(target=serve)
            thread.start()
            monitor = qmp.Qmp(folder + "/qmp", timeout=10)
            use(monitor)
            monitor.close()
            thread.join()
        return heard[1:]

    def test_an_event_before_the_answer_is_kept(self):
        def use(monitor):
            self.assertEqual(monitor.command("a", x=1), 7)
            self.assertEqual(monitor.await_event("E"), {"event": "E"})

        self.assertEqual(self.talk([[{"event": "D"}, {"event": "E"}, {"return": 7}]], use),
                         [{"execute": "a", "arguments": {"x": 1}}])

    def test_errors(self):
        def use(monitor):
            with self.assertRaisesRegex(vm.VmError, "a: no such thing"):
                monitor.command("a")

        self.talk([[{"error": {"desc": "no such thing"}}]], use)


class Asked(unittest.TestCase):
    """What a guest asks for on its console."""

    def answer(self, what):
        guest = object.__new__(live.Guest)
        guest.state = None
        guest.do_fail = lambda *words: "/".join(words)
        reader, guest.answers = os.pipe()
        guest.answer(what)
        os.close(guest.answers)
        with open(reader, encoding="utf-8") as file:
            return file.read()

    def test_answers(self):
        for what, said in (("fail 0:drop 3", "0:drop/3"), ("fail 0:dr[   46.8] arm-smmu-v3: error", "again"),
                           ("struck[   46.8] x", "again")):
            self.assertEqual(self.answer(what), said + "\n")


class Apply(unittest.TestCase):
    """integrations/qemu/apply.sh on a tree of a few lines, with hooks of one."""

    HOOKS = ("--- a/hw/Kconfig\n+++ b/hw/Kconfig\n@@ -1,2 +1,3 @@\n one\n+{}\n two\n"
             "--- a/meson.build\n+++ b/meson.build\n@@ -1 +1,2 @@\n one\n+two\n")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.ours, self.tree = pathlib.Path(folder.name, "ours"), pathlib.Path(folder.name, "tree")
        for path, text in {"ours/hw/viq/a.c": "a", "ours/x86_64.mak": "x", "ours/aarch64.mak": "y",
                           "ours/hooks.patch": self.HOOKS.format("hook"), "tree/hw/Kconfig": "one\ntwo\n",
                           "tree/meson.build": "one\n", "tree/VERSION": "10.0.99\n"}.items():
            pathlib.Path(folder.name, path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(folder.name, path).write_text(text)
        shutil.copy(machines.SOURCE / "integrations/qemu/apply.sh", self.ours)

    def apply(self):
        """Its exit status and what it said."""
        done = subprocess.run([self.ours / "apply.sh", self.tree], check=False, text=True, stderr=subprocess.STDOUT,
                              stdout=subprocess.PIPE)
        return done.returncode, done.stdout

    def files(self):
        """All of the tree."""
        return {str(path.relative_to(self.tree)): (path.read_text(), path.stat().st_mtime_ns)
                for path in self.tree.rglob("*") if path.is_file()}

    def test_applied_once(self):
        self.assertEqual(self.apply(), (0, ""))
        before = self.files()
        self.assertEqual(before["hw/Kconfig"][0], "one\nhook\ntwo\n")
        self.assertEqual(before["hw/viq/a.c"][0], "a")
        self.assertEqual(before["configs/devices/aarch64-softmmu/viq.mak"][0], "y")
        self.assertEqual(self.apply(), (0, ""))
        self.assertEqual(self.files(), before)

    def test_renewed(self):
        self.apply()
        (self.ours / "hooks.patch").write_text(self.HOOKS.format("other"))
        (self.ours / "hw/viq/a.c").rename(self.ours / "hw/viq/b.c")
        build = self.files()["meson.build"]
        self.assertEqual(self.apply(), (0, ""))
        self.assertEqual(self.files()["meson.build"], build, "it would have everything built again")
        after = {path: text for path, (text, _) in self.files().items()}
        self.assertEqual(after["hw/Kconfig"], "one\nother\ntwo\n")
        self.assertEqual({path for path in after if path.startswith("hw/viq/")}, {"hw/viq/b.c", "hw/viq/hooks.patch"})

    def test_nothing_changes_if_new_hooks_do_not_fit(self):
        self.apply()
        before = self.files()
        (self.ours / "hooks.patch").write_text(self.HOOKS.format("other").replace("\n two", "\n three"))
        self.assertEqual(self.apply()[0], 1)
        self.assertEqual(self.files(), before)

    def test_nothing_changes_where_it_does_not_fit(self):
        for path, text in (("hw/Kconfig", "two\none\n"), ("VERSION", None)):
            (self.tree / path).write_text(text) if text else (self.tree / path).unlink()
            before = self.files()
            status, said = self.apply()
            self.assertEqual(status, 1)
            self.assertIn("no place in 10.0.99" if text else "is no source tree of QEMU", said)
            self.assertEqual(self.files(), before)


class Demo(unittest.TestCase):
    def test_descriptors_are_counted_up_to_each_result(self):
        trace = io.StringIO("viq_vtd_descriptor iqh 0x20 fate 3 iqei 0: wait DATA=0x2\n"
                            "viq_vtd_read offset 0x0 size 4 value 0x10\n"
                            "viq_vtd_descriptor iqh 0x40 fate 3 iqei 0: wait DATA=0x3\n"
                            "viq_vtd_descriptor iqh 0x60 fate 1 iqei 0: pasid-iotlb G=0x2\n")
        out = io.StringIO()
        show = demo.Show(trace, out)
        for text in GOOD + ["ok 2 other"]:
            show.line(text)
        self.assertEqual(out.getvalue().splitlines(), [
            "guest | nvme: ok", "viq   | 2 wait, 1 pasid-iotlb", "viq   |   at 0x00040: wait DATA=0x3",
            "viq   |   at 0x00060: pasid-iotlb G=0x2", "guest | other: ok", "viq   | nothing"])
        self.assertEqual(demo.counted(show.total), "2 wait, 1 pasid-iotlb")


if __name__ == "__main__":
    unittest.main()
