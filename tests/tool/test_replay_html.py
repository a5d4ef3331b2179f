#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq replay --html`: one file without references, its numbers those of --json, and nothing a capture says can run.

What a browser makes of it: tests/release/test_html.py."""
import base64
import hashlib
import json
import os
import re
import struct
import unittest

from capture_bytes import DOORBELL, GAP, SMMUV3, VTD, Capture, Writer
from replay_client import Made, run

CAPTURES = os.path.join(os.environ["VIQ_SOURCE"], "captures")
STRICT, FIRST, LEGACY = (os.path.join(CAPTURES, f"linux-7.3-{name}-nvme.pcap")
                         for name in ("arm64-smmuv3-strict", "x86-vtd-firststage", "x86-vtd-legacy"))
SYNC = struct.pack("<QQ", 0x46, 0)
PAGE_MAX = 4 << 20


def va(asid, address):
    return struct.pack("<QQ", asid << 48 | 0x12, address | 1)


class Html(Made):
    def setUp(self):
        super().setUp()
        self.page = os.path.join(os.path.dirname(self.path), "page.html")

    def html(self, *words, status=0):
        """The page's data, and the reports that --json has printed beside it."""
        done = run("--json", "--html", self.page, *words)
        self.assertEqual((done.returncode, done.stderr), (status, ""))
        with open(self.page, encoding="utf-8") as file:
            self.text = file.read()
        before, data = self.text.split('<script type="application/json" id="data">')
        data, behind = data.split("</script>", 1)
        self.assertNotIn("<", data)
        self.frame = before + behind
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        page = json.loads(data)
        self.assertEqual({page.pop("schema"), *(report.pop("schema") for report in reports)}, {1})
        self.assertEqual(list(page), ["captures"])
        return page["captures"], reports

    def make(self, doorbells, note="made", times=None, path=None):
        writer, at = Writer(SMMUV3, 1024, 16, note, times), 0
        for entries in doorbells:
            end = (at + len(entries)) % 2048
            writer.events((DOORBELL, at, entries, end))
            at = end
        writer.save(path or self.path)
        return path or self.path

    def test_report_is_that_of_json(self):
        for path in (STRICT, FIRST, LEGACY):
            with self.subTest(path):
                (capture,), (report,) = self.html(path)
                self.assertEqual(capture["report"], report)
                log = capture["log"]
                self.assertEqual({kind: sum(bins) for kind, bins in log["kinds"].items()},
                                 {k: n + report["missing"] * (k == "wait") for k, n in report["recorded"].items()})
                self.assertEqual(sum(log["per_call"]), report["host"]["host_calls"])
                self.assertEqual(log["row_count"], report["commands"] + report["missing"])
                self.assertEqual(log["doorbell_count"], report["doorbells"])
                self.assertLessEqual(sum(log["latencies"]), report["doorbells"])
                self.assertGreater(sum(log["latencies"]), 0.99 * report["doorbells"])
                self.assertLess(len(self.text), PAGE_MAX)
                self.assertTrue(os.path.basename(path) in self.text)

    def test_percentiles_and_histogram_agree(self):
        (capture,), _ = self.html(STRICT)
        bins, time = capture["log"]["latencies"], capture["report"]["time"]
        self.assertLessEqual(time["doorbell_median_ns"], time["doorbell_p90_ns"])
        self.assertLessEqual(time["doorbell_p90_ns"], time["doorbell_p99_ns"])
        self.assertLessEqual(time["doorbell_p99_ns"], time["doorbell_max_ns"])
        for share, key in ((0.5, "median"), (0.9, "p90"), (0.99, "p99")):
            rank, b = int(share * sum(bins)), 0
            while rank >= bins[b]:
                rank, b = rank - bins[b], b + 1
            low, high = (2 ** (i >> 2) * (1 + (i & 3) / 4) for i in (b, b + 1))
            self.assertTrue(low <= time[f"doorbell_{key}_ns"] < high, (key, low, high, time))

    def test_costs_are_those_of_the_bytes(self):
        """Pages of ASID 2, of the capture's range commands: NUM and SCALE (IHI 0070 4.4.1.1)."""
        pages = commands = 0
        for _, entry in Capture(STRICT).entries():
            word = struct.unpack("<QQ", entry)[0]
            if word & 0xFF == 0x12:
                commands, pages = commands + 1, pages + ((word >> 12 & 31) + 1 << (word >> 20 & 31))
        (capture,), _ = self.html(STRICT)
        rows = {row[0]: row[1:4] for row in capture["log"]["costs"]}
        self.assertEqual(rows["ASID 0x2"], [commands, pages, 0])
        self.assertEqual(rows["all ASIDs"], [1, 0, 1])
        self.assertEqual(rows["configuration of stream 0x8"], [4, 0, 4])
        self.assertEqual(len(rows), capture["log"]["subjects"])
        total = capture["report"]["time"]["total_ns"]
        self.assertTrue(0.9 * total < sum(row[4] for row in capture["log"]["costs"]) <= total)

    def test_costs_of_vtd(self):
        pasid_iotlb = (0x36 | 4 << 16 | 7 << 32, 0x100003)  # 8 pages
        entries = [pasid_iotlb, (0x11, 0), (0x31 | 8 << 32, 0), (0x21 | 4 << 16, 0), (0x37, 0), (0x07 | 4 << 16, 0), (0x17 | 4 << 16 | 7 << 32, 0), (0x12, 0), (0x22 | 5 << 16, 0),
                   (0x3 | 8 << 32, 0x100001), (0x8 | 8 << 16 | 7 << 32, 0x100000), (0x4, 0), (0x25 | 1 << 32, 0x40001000)]
        Writer(VTD, 256, 32, "made").events((DOORBELL, 0, [struct.pack("<QQQQ", *e, 0, 0) for e in entries],
                                             32 * len(entries))).save(self.path)
        (capture,), _ = self.html("--host", "null", self.path)
        self.assertEqual({row[0]: row[1:4] for row in capture["log"]["costs"]}, {
            "domain 0x4, PASID 0x7": [1, 8, 0], "everything": [3, 0, 3], "context of device 0x8": [1, 0, 1],
            "contexts of domain 0x4": [1, 0, 1], "PASID entries of domain 0x4": [1, 0, 1],
            "PASID entries of domain 0x4, PASID 0x7": [1, 0, 1], "domain 0x5": [1, 0, 1], "TLB of device 0x8": [1, 2, 0],
            "TLB of device 0x8, PASID 0x7": [1, 1, 0], "interrupt entries": [1, 0, 1]})

    def test_entries_per_call(self):
        self.make([[va(1, n << 12) for n in range(count)] + [SYNC] for count in (1, 2, 3, 4, 31, 32)])
        (capture,), _ = self.html(self.path)
        self.assertEqual(capture["log"]["per_call"][:7], [1, 2, 1, 0, 1, 1, 0])

    def test_times_or_order(self):
        """With a clock the time line is the recording's; without one it is the order of commands."""
        doorbells = [[va(1, 4096), SYNC]] * 40
        self.make(doorbells, times=lambda number: 10**18 + 1000 * number + (10**6 if number > 21 else 0))
        (capture,), _ = self.html(self.path)
        log = capture["log"]
        self.assertTrue(log["clocked"])
        self.assertEqual(log["width"], (10**6 + 40 * 1000) // log["bins"] + 1)
        self.assertEqual((sum(log["kinds"]["SYNC"][:4]), sum(log["kinds"]["SYNC"][4:-8])), (20, 0))
        self.assertEqual([d[0] for d in log["doorbells"]], [1000 * n + (10**6 if n > 20 else 0) for n in range(1, 41)])
        self.make(doorbells)
        (capture,), _ = self.html(self.path)
        self.assertEqual((capture["log"]["clocked"], capture["log"]["width"]), (False, 1))
        self.assertEqual(capture["log"]["kinds"]["SYNC"][:80], [0, 1] * 40)

    def test_two_captures_have_one_axis(self):
        page, reports = self.html(STRICT, LEGACY)
        self.assertEqual([c["report"] for c in page], reports)
        self.assertEqual(page[0]["log"]["width"], page[1]["log"]["width"])
        clocked = self.make([[SYNC]] * 2, times=lambda number: 10**18 + number)
        page, _ = self.html(clocked, STRICT)
        self.assertEqual([c["log"]["clocked"] for c in page], [False, False])

    def test_errors_have_their_place(self):
        (capture,), (report,) = self.html("--inject", "3000:illegal", STRICT)
        log = capture["log"]
        self.assertEqual({name: [b for b, n in enumerate(bins) if n] for name, bins in log["errors"]["bins"].items()},
                         {"CERROR_ILL": [3000 // log["width"]]})
        (error,) = log["errors"]["list"]
        self.assertEqual((error["at"], error["text"][:20]), (3000, "!reserved opcode 0xf"))
        self.assertEqual(report["errors"][0]["number"], 3000)

    def test_each_command_is_counted_once(self):
        """Also where a failure's own call is rung for apart, in the middle of a batch."""
        (capture,), (report,) = self.html("--batch", "16", "--inject", "1000:no-memory", STRICT)
        log = capture["log"]
        self.assertEqual((report["wait_count"], log["doorbell_count"]), (1, report["doorbells"]))
        self.assertEqual([row[0] for row in log["rows"]], list(range(report["commands"])))
        self.assertEqual(sum(d[2] for d in log["doorbells"]), report["commands"])

    def test_stale_is_an_error_with_a_page(self):
        (capture,), _ = self.html("--inject", "100:drop", STRICT, status=1)
        self.assertGreater(capture["report"]["witnesses"]["stale"], 0)

    def test_list_is_capped_and_says_so(self):
        self.make([[va(n % 3, n << 12), SYNC] for n in range(11000)])
        (capture,), _ = self.html("--host", "null", self.path)
        self.assertEqual((len(capture["log"]["rows"]), capture["log"]["row_count"]), (20000, 22000))
        self.assertLess(len(self.text), PAGE_MAX)

    def test_rows(self):
        writer = Writer(SMMUV3, 256, 16, "made").events((DOORBELL, 0, [va(1, 4096), SYNC], 2), (GAP, 2, 1),
                                                        (DOORBELL, 3, [SYNC], 4))
        writer.save(self.path)
        (capture,), _ = self.html(self.path)
        self.assertEqual([[n, d, text.split(" ")[0]] for n, d, text in capture["log"]["rows"]],
                         [[0, 0, "TLBI_NH_VA"], [1, 0, "SYNC"], [2, 1, "(not"], [3, 1, "SYNC"]])
        self.assertEqual([d[2:] for d in capture["log"]["doorbells"]], [[2, 1], [2, 0]])

    def test_hostile_text_stays_text(self):
        evil = '</script><script>alert(1)</script><!--<script>" onload="x \u2028 \u00e9'
        path = os.path.join(os.path.dirname(self.path), "<img src=x onerror=alert(1)>.pcap")
        self.make([[SYNC]], note=evil.replace("\u2028", ""), path=path)
        (capture,), _ = self.html(path)
        self.assertEqual(capture["report"]["note"], evil.replace("\u2028", ""))
        self.assertTrue(self.text.isascii() or "\u00e9" not in self.text)
        self.assertEqual(self.text.count("<script"), 2)

    def test_page_refers_to_nothing_and_allows_only_itself(self):
        self.html(STRICT)
        self.assertEqual(set(re.findall(r"https?://[^\"' ]*", self.frame)), {"http://www.w3.org/2000/svg"})
        self.assertIsNone(re.search(r"<(link|img|iframe|object|embed|base)\b|@import|\bsrc=|url\(", self.frame))
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', self.frame)
        self.assertTrue(policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none';"))
        for tag in ("style", "script"):
            (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", self.frame, re.S)
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            self.assertIn(f"{tag}-src 'sha256-{digest}'", policy)

    def test_no_other_file_is_lost(self):
        """`--html A B` with the page's name forgotten would write over a capture."""
        first = self.make([[SYNC]])
        done = run("--html", first, STRICT)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"{first}: --html: this is there already", done.stderr)
        self.assertEqual(len(Capture(first).entries()), 1)
        self.html(STRICT)
        self.html(LEGACY)  # a page may be replaced

    def test_usage(self):
        for words, status, error in (((), 2, "name one capture, or two"), ((STRICT,) * 3, 2, "name one capture, or two"),
                                     (("/nowhere/at/all.pcap",), 1, "No such file")):
            done = run("--html", self.page, *words)
            self.assertEqual((done.returncode, error in done.stderr), (status, True), done.stderr)
            self.assertFalse(os.path.exists(self.page))
        done = run("--html", "/nowhere/page.html", STRICT)
        self.assertEqual((done.returncode, "/nowhere/page.html: No such file" in done.stderr), (1, True), done.stderr)
        self.assertEqual(run(STRICT, LEGACY).returncode, 2)


if __name__ == "__main__":
    unittest.main()
