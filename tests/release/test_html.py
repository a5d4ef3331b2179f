#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of `viq replay --html` in a browser: no error, no request, the numbers of --json, search, sorting, keys."""
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
VIQ = pathlib.Path(os.environ["VIQ_BUILD"]) / "tools" / "viq" / "viq"
CAPTURES = {name: SOURCE / "captures" / f"linux-7.3-{name}-nvme.pcap"
            for name in ("arm64-smmuv3-strict", "x86-vtd-legacy", "x86-vtd-firststage")}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"]
sys.path.append(str(SOURCE / "tests" / "tool"))
from capture_bytes import DOORBELL, SMMUV3, Writer  # pylint: disable=wrong-import-position


class Browser:
    """Chromium by its debugging protocol: JSON messages that end with a zero byte, on file descriptors 3 and 4."""

    def __init__(self, folder):
        to_browser, self.send_fd = os.pipe()
        self.receive_fd, from_browser = os.pipe()
        self.log = open(pathlib.Path(folder) / "log", "wb")  # pylint: disable=consider-using-with
        command = ["bash", "-c", f'exec 3<&{to_browser} 4>&{from_browser} && exec chromium "$@"', "chromium", *FLAGS,
                   f"--user-data-dir={folder}/profile"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        pass_fds=(to_browser, from_browser))
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session, self.seen = b"", 0, None, []

    def close(self):
        self.session = None
        self.call("Browser.close")  # it waits for its children, which after a signal would go on writing
        self.process.wait(30)
        self.log.close()
        os.close(self.send_fd)
        os.close(self.receive_fd)

    def receive(self, seconds):
        """The next message, or None."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.receive_fd], [], [], max(end - time.monotonic(), 0))[0]:
                return None
            more = os.read(self.receive_fd, 1 << 20)
            if not more:
                raise EOFError("the browser has ended")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        """Its result; events on the way are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.send_fd, json.dumps(message).encode() + b"\0")
        while answer := self.receive(60):
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.seen.append(answer)
        raise TimeoutError(method)

    def open(self, path):
        """Load the page; wait until it has drawn itself."""
        self.session, self.seen = None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=f"file://{path}")
        for _ in range(300):
            if self.run("document.readyState === 'complete' && document.querySelectorAll('figure svg, #main > section > p').length > 2"):
                return
            time.sleep(0.1)
        raise TimeoutError(f"not drawn: {self.complaints()}")

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.seen if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        return [e for e in self.seen
                if e.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]


class Html(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # pylint: disable=consider-using-with
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.browser = Browser(folder.name)
        cls.addClassCleanup(cls.browser.close)

    def page(self, *words):
        """Opened; the reports of --json. Nothing was asked of anybody, nothing complained."""
        path = self.folder / "page.html"
        done = subprocess.run([VIQ, "replay", "--json", "--html", path, *words], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        self.browser.open(path)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual({url for url in self.browser.requests() if url != "about:blank"},
                         {f"file://{self.folder}/page.html"})

    def texts(self, selector):
        return self.browser.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((n) => n.textContent)")

    def search(self, words, kind=""):
        self.browser.run(f"search.value = {json.dumps(words)}; only.value = {json.dumps(kind)}; filter(); "
                         "search.dispatchEvent(new Event('input'))")
        return self.texts("#list tr td:nth-child(2)"), self.texts("#found")[0]

    def check_numbers(self, reports):
        shown = self.browser.run("[...document.querySelectorAll('[data-metric]')].map((n) => "
                                 "[n.dataset.metric, +n.dataset.capture, +n.dataset.value, n.textContent])")
        self.assertEqual(len(shown), 13 * len(reports))
        for key, capture, value, text in shown:
            want = reports[capture]
            for part in key.split("."):
                want = want[part]
            self.assertAlmostEqual(value, want, msg=key)
            if isinstance(want, int) and not key.endswith("_ns"):
                self.assertIn(f"{want:,}", text)

    def test_each_capture(self):
        for name, path in CAPTURES.items():
            with self.subTest(name):
                reports = self.page(path)
                self.check_numbers(reports)
                self.assertIn(path.name, self.texts("#captures h2")[0])
                self.assertEqual(self.texts(".verdict.good"), self.texts(".verdict"))
                self.assertEqual(self.browser.run("document.querySelectorAll('figure svg').length"), 3)

    def test_two_captures(self):
        reports = self.page(CAPTURES["x86-vtd-legacy"], CAPTURES["x86-vtd-firststage"])
        self.check_numbers(reports)
        self.assertEqual(self.texts(".capture .badge"), ["A", "B"])
        self.assertEqual(self.browser.run("document.querySelectorAll('figure svg').length"), 6)
        axes = self.browser.run("[...document.querySelectorAll('figure svg')].map((s) => [...s.querySelectorAll('text')]"
                                ".filter((t) => !t.classList.length).map((t) => t.textContent).join(' '))")
        self.assertEqual(axes[0::2], axes[1::2])
        self.browser.run("which.value = 1; which.dispatchEvent(new Event('change'))")
        self.assertIn("pasid-iotlb", " ".join(self.texts("#list")))

    def test_search_and_kind(self):
        (report,) = self.page(CAPTURES["arm64-smmuv3-strict"])
        lines = subprocess.run([VIQ, "decode", CAPTURES["arm64-smmuv3-strict"]], capture_output=True, text=True,
                               timeout=60, check=True).stdout.splitlines()
        lines = [line.split(None, 1)[1] for line in lines if line.split()[0].isdigit()]
        for words in ("tlbi_nh_va", "VA=0xffff", "leaf=0x1"):
            rows, said = self.search(words)
            want = [line for line in lines if words.lower() in line.lower()]
            self.assertEqual(rows, want[:100])
            self.assertIn(f"of {len(want):,} that match", said)
        rows, said = self.search("", "CFGI_CD")
        self.assertEqual(len(rows), report["recorded"]["CFGI_CD"])
        self.assertEqual(self.search("no such thing")[0], [])
        self.assertEqual(self.search("#3000")[0], [lines[3000]])
        self.search("")
        self.browser.run("next.click()")
        self.assertEqual(self.texts("#list tr td:nth-child(2)"), lines[100:200])

    def test_keys_and_pointer(self):
        self.page(CAPTURES["arm64-smmuv3-strict"])
        self.browser.run("document.querySelector('figure svg').focus()")
        for _ in range(3):
            self.browser.key("ArrowRight")
        value = self.browser.run("document.querySelector('figure svg').getAttribute('aria-valuenow')")
        said = self.browser.run("document.querySelector('figcaption').textContent")
        self.assertEqual((value, said[:10]), ("2", "82 to 122:"))

    def test_table_sorts(self):
        self.page(CAPTURES["arm64-smmuv3-strict"])
        self.assertEqual(self.texts("#costs td:first-child")[0], "ASID 0x2")
        self.browser.run("document.querySelectorAll('#costs th button')[1].click()")
        self.browser.run("document.querySelectorAll('#costs th button')[1].click()")
        self.assertEqual(self.texts("#costs td:first-child")[-1], "ASID 0x2")
        self.assertEqual(self.texts("#costs [aria-sort=ascending]"), ["commands"])

    def test_tables_have_what_the_charts_have(self):
        (report,) = self.page(CAPTURES["x86-vtd-legacy"])
        self.browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
        time.sleep(0.5)
        cells = self.browser.run("[...document.querySelectorAll('details')[2].querySelectorAll('td.n')].map((n) => n.textContent)")
        self.assertEqual(sum(int(cell.replace(",", "")) for cell in cells), report["host"]["host_calls"])

    def test_errors(self):
        self.page("--inject", "3000:illegal", CAPTURES["arm64-smmuv3-strict"])
        self.assertEqual(len(self.texts(".verdict.warn")), 1)
        self.assertEqual(self.browser.run("document.querySelectorAll('circle.error').length"), 1)
        self.assertIn("CERROR_ILL", self.texts("td")[1])

    def test_stale_is_said_first(self):
        self.page("--inject", "100:drop", CAPTURES["arm64-smmuv3-strict"])
        self.assertTrue(self.texts(".verdict.bad")[0].startswith("STALE: devices still used"))

    def test_hostile_text_does_not_run(self):
        evil = "</script><script>document.title='broken'</script><!--<script>"
        path = self.folder / "<img src=x onerror=document.title=1>.pcap"
        Writer(SMMUV3, 256, 16, evil).events((DOORBELL, 0, [b"\x46" + bytes(15)], 1)).save(path)
        self.page(path)
        self.assertEqual(self.texts(".capture p")[0], evil)
        self.assertEqual(self.browser.run("document.title"), f"viq replay: {path.name}")
        self.assertEqual(self.browser.run("document.querySelectorAll('img').length"), 0)

    def test_nothing_is_wider_than_a_phone(self):
        self.page(CAPTURES["x86-vtd-legacy"], CAPTURES["x86-vtd-firststage"])
        self.browser.call("Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=False)
        time.sleep(0.5)
        wide = self.browser.run("[...document.querySelectorAll('*')].filter((n) => n.getBoundingClientRect().right > 360 && "
                                "!n.closest('.scroll')).map((n) => n.outerHTML.slice(0, 100))")
        self.assertEqual(wide, [])
        self.assertLessEqual(self.browser.run("document.documentElement.scrollWidth"), 360)


if __name__ == "__main__":
    unittest.main()
