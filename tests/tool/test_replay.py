#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq replay`: what is consumed, what the guest sees, and that devices can tell whether invalidations took effect."""
import collections
import os
import struct
import subprocess
import unittest

from capture_bytes import DOORBELL, ENTRIES, GAP, SMMUV3, Capture, Writer
from replay_client import VIQ, Made, replay, run

SOURCE = os.environ["VIQ_SOURCE"]
STRICT = os.path.join(SOURCE, "captures", "linux-7.3-arm64-smmuv3-strict-nvme.pcap")
ILL, ATC_INV_SYNC = 1, 3
CONTRACTS = ("exact", "linux-7.3", "linux-next")
NAMES = {0x01: "PREFETCH_CONFIG", 0x03: "CFGI_STE", 0x04: "CFGI_STE_RANGE", 0x05: "CFGI_CD", 0x06: "CFGI_CD_ALL",
         0x10: "TLBI_NH_ALL", 0x11: "TLBI_NH_ASID", 0x12: "TLBI_NH_VA", 0x13: "TLBI_NH_VAA", 0x30: "TLBI_NSNH_ALL",
         0x40: "ATC_INV", 0x46: "SYNC"}
SYNC = (0x46, 0)


def nh_va(asid, va, pages=None, granule=4, ttl=3):
    """pages: None, or a number n << s with n at most 32 for a range command."""
    if pages is None:
        return asid << 48 | 0x12, va | 1
    scale = 0
    while pages > 32:
        assert pages % 2 == 0
        scale, pages = scale + 1, pages // 2
    tg = {4: 1, 16: 2, 64: 3}[granule]
    return asid << 48 | scale << 20 | pages - 1 << 12 | 0x12, va | tg << 10 | ttl << 8 | 1


def nh_vaa(va):
    return 0x13, va | 1


def nh_asid(asid):
    return asid << 48 | 0x11, 0


def cfgi_ste(sid):
    return sid << 32 | 0x03, 1


def cfgi_range(sid, log2):
    return sid << 32 | 0x04, log2 - 1


def cfgi_cd(sid, ssid=0):
    return sid << 32 | ssid << 12 | 0x05, 1


def cfgi_cd_all(sid):
    return sid << 32 | 0x06, 0


def atc_inv(sid, va, log2pages, ssid=None):
    substream = 0 if ssid is None else ssid << 12 | 1 << 11
    return sid << 32 | substream | 0x40, va | log2pages


def words(entry):
    return struct.unpack("<QQ", entry)


def name(command):
    return "CFGI_ALL" if command[0] & 0xFF == 4 and command[1] & 31 == 31 else NAMES[command[0] & 0xFF]


class Replay(Made):
    def make(self, *doorbells, size=256, gap_after=None):
        """A capture of these lists of commands, a doorbell each."""
        writer, at = Writer(SMMUV3, size, 16, "made"), 0
        for number, commands in enumerate(doorbells):
            end = (at + len(commands)) % (2 * size)
            writer.events((DOORBELL, at, [struct.pack("<QQ", *c) for c in commands], end))
            at = end
            if number == gap_after:
                writer.events((GAP, at, 3))
                at = (at + 3) % (2 * size)
        writer.save(self.path)
        return self.path

    def assertWitnessed(self, result, at_least):
        """Everything that was to be looked at was cached before and gone after."""
        witnesses = result["witnesses"]
        self.assertGreaterEqual(witnesses["checked"], at_least)
        self.assertEqual(witnesses["cached_before"], witnesses["checked"])
        self.assertEqual(witnesses["gone_after"], witnesses["checked"])
        self.assertEqual([witnesses[k] for k in ("stale", "waiting", "skipped", "lost")], [0, 0, 0, 0])


class Bundled(Replay):
    """The recording of a real guest."""

    @classmethod
    def setUpClass(cls):
        capture = Capture(STRICT)
        cls.commands = [words(entry) for _, entry in capture.entries()]
        cls.doorbells = len(capture.doorbells())
        cls.counts = dict(collections.Counter(name(c) for c in cls.commands))

    def pages(self):
        ranges = [c for c in self.commands if c[0] & 0xFF == 0x12]
        return sum((c[0] >> 12 & 31) + 1 << (c[0] >> 20 & 31) for c in ranges)

    def test_totals_are_those_of_the_bytes(self):
        for options in ((), ("--host", "null"), ("--budget", "1"), ("--budget", "7", "--batch", "5"),
                        ("--contract", "linux-7.3"), ("--contract", "linux-next")):
            with self.subTest(options):
                result = replay(STRICT, *options)
                self.assertEqual(result["recorded"], self.counts)
                self.assertEqual(result["consumed"], self.counts)
                self.assertEqual(result["commands"], len(self.commands))
                self.assertEqual(result["recorded_doorbells"], self.doorbells)
                self.assertEqual((result["error_count"], result["stopped"]), (0, False))
                host = sum(self.counts[n] for n in ("TLBI_NH_VA", "TLBI_NSNH_ALL", "CFGI_CD"))
                self.assertEqual(result["host"]["entries"], host)

    def test_every_invalidated_page_was_cached_and_is_gone(self):
        result = replay(STRICT)
        self.assertWitnessed(result, self.pages())
        # And what the other commands concern: both streams' context descriptors, one page for NSNH_ALL.
        config = self.counts["CFGI_CD"] + self.counts["CFGI_STE"] + 2 * self.counts["CFGI_ALL"]
        self.assertEqual(result["witnesses"]["checked"], self.pages() + config + 1)

    def test_batches_ring_less_often(self):
        result = replay(STRICT, "--batch", "10")
        self.assertEqual(result["doorbells"], -(-self.doorbells // 10))
        self.assertWitnessed(result, self.pages())

    def test_a_bad_command_is_reported_at_its_own_index(self):
        last = len(self.commands) - 1
        for number in (0, 1, 100, 3333, last):
            for kind in ("illegal", "reserved-bit"):
                for batch in ("1", "16"):
                    with self.subTest(number=number, kind=kind, batch=batch):
                        result = replay(STRICT, "--inject", f"{number}:{kind}", "--batch", batch)
                        (error,) = result["errors"]
                        # The recorded queue never wrapped: number and index are the same.
                        self.assertEqual((error["number"], error["cons_rd"]), (number, number))
                        self.assertEqual((error["cons_err"], error["gerror"] ^ error["gerrorn"]), (ILL, 1))
                        self.assertEqual((error["replaced"], result["stopped"]), (True, False))
                        self.assertEqual(result["error_kinds"], {"CERROR_ILL": 1})
                        self.assertEqual(error["before_gone"], error["before"])
                        self.assertEqual(error["own_cached"], error["own"])
                        self.assertEqual(error["after_cached"], error["after"])
                        # In a batch, an earlier command may have named the same page: that one counts.
                        check = self.assertEqual if batch == "1" else self.assertLessEqual
                        check(error["own"], result["witnesses"]["lost"])
                        self.assertEqual(result["witnesses"]["stale"], 0)
                        self.assertEqual(sum(result["consumed"].values()), len(self.commands))

    def test_a_host_that_refuses_an_entry_is_reported_at_its_index(self):
        tlbi = [i for i, c in enumerate(self.commands) if c[0] & 0xFF in (0x12, 0x30, 0x05)]
        for contract in CONTRACTS:
            for number in (tlbi[0], tlbi[4], tlbi[100], tlbi[-1]):
                with self.subTest(contract=contract, number=number):
                    result = replay(STRICT, "--inject", f"{number}:host-illegal", "--contract", contract)
                    self.assertEqual([(e["cons_rd"], e["cons_err"]) for e in result["errors"]], [(number, ILL)])
                    self.assertEqual(result["witnesses"]["stale"], 0)

    def test_a_dropped_invalidation_is_noticed(self):
        for number in (100, 5998):
            result = replay(STRICT, "--inject", f"{number}:drop", status=1)
            command = self.commands[number]
            self.assertEqual(command[0] & 0xFF, 0x12)
            pages = (command[0] >> 12 & 31) + 1 << (command[0] >> 20 & 31)
            self.assertEqual((result["witnesses"]["stale"], result["error_count"]), (pages, 0))

    def test_a_host_that_fails_once_is_tried_again(self):
        for kind in ("no-memory", "hardware"):
            result = replay(STRICT, "--inject", f"100:{kind}")
            self.assertEqual([(e["cons_rd"], e["cons_err"], e["waited"]) for e in result["errors"]], [(100, 0, True)])
            self.assertEqual((result["error_count"], result["wait_count"]), (0, 1))
            self.assertWitnessed(result, self.pages())

    def test_a_host_that_is_gone_completes_no_sync(self):
        result = replay(STRICT, "--inject", "100:gone", status=1)
        self.assertTrue(result["stopped"])
        self.assertEqual({(e["cons_rd"], e["cons_err"], e["waited"]) for e in result["errors"]}, {(100, 0, True)})
        self.assertEqual((result["error_kinds"], result["error_count"], result["wait_count"]), ({}, 0, 9))
        self.assertEqual(sum(result["consumed"].values()), 100)
        self.assertEqual(result["witnesses"]["stale"], 0)


class Made(Replay):
    """Queues with what the bundled recording does not have."""

    def test_every_kind_of_invalidation_has_a_witness(self):
        page, block = 1 << 12, 1 << 21
        for commands, checked in (
                ([nh_va(1, 0x5000)], 1), ([nh_va(1, 0x5000, 7)], 7), ([nh_va(1, 0x5000, 64)], 64),
                ([nh_va(1, 0x10000, 16, granule=16)], 16), ([nh_va(1, 0x100000, 3, granule=64)], 3),
                ([nh_va(1, 5 * block, 512, ttl=2)], 1), ([nh_va(1, 4 * block, 1024, ttl=2)], 2),
                ([nh_va(1, 1 << 30, 1 << 18, ttl=1)], 1), ([nh_va(1, 0x5000, 2, ttl=0)], 2),
                ([nh_asid(1)], 1), ([nh_va(1, page), SYNC, nh_va(1, 2 * page), SYNC, nh_asid(1)], 4),
                ([(0x10, 0)], 0), ([(0x30, 0)], 0), ([nh_va(1, page), nh_va(2, page), (0x10, 0)], 4),
                ([nh_asid(1), nh_asid(2), nh_vaa(0x7000)], 4), ([cfgi_ste(3)], 1), ([cfgi_cd(3)], 1),
                ([cfgi_cd(3, 5)], 1), ([cfgi_cd(3, 1000)], 1), ([cfgi_cd_all(3)], 1),
                ([cfgi_cd(3, 5), SYNC, cfgi_cd_all(3)], 3), ([cfgi_cd(8), cfgi_cd(9), SYNC, cfgi_range(8, 1)], 4),
                ([cfgi_cd(8), cfgi_cd(9), SYNC, (4, 31)], 4), ([cfgi_cd(3), cfgi_cd(3)], 2),
                ([atc_inv(3, 0x5000, 0)], 1), ([atc_inv(3, 0x8000, 3)], 8), ([atc_inv(3, 0, 52)], 1),
                ([atc_inv(3, 0x8000, 2, ssid=7)], 4), ([nh_va(1, 0x8000), SYNC, atc_inv(3, 0x8000, 0)], 2)):
            for contract in CONTRACTS:
                with self.subTest(commands=[name(c) for c in commands], contract=contract):
                    result = replay(self.make(commands + [SYNC]), "--contract", contract)
                    self.assertEqual(result["error_count"], 0)
                    self.assertWitnessed(result, checked)
                    self.assertEqual(result["witnesses"]["checked"], checked)

    def test_a_drop_of_any_kind_is_noticed(self):
        for command, stale in ((nh_va(1, 0x5000), 1), (nh_va(1, 0x5000, 7), 7), (nh_va(1, 0x100000, 3, granule=64), 3),
                               (nh_va(1, 1 << 21, 512, ttl=2), 1), (nh_asid(1), 1), (cfgi_cd(3), 1), (cfgi_cd(3, 5), 1),
                               (cfgi_cd_all(3), 1), (atc_inv(3, 0x8000, 3), 8), (atc_inv(3, 0, 52), 1)):
            with self.subTest(name(command)):
                path = self.make([nh_asid(9), command, nh_asid(8), SYNC])
                result = replay(path, "--inject", "1:drop", status=1)
                self.assertEqual(result["witnesses"]["stale"], stale)

    def test_a_sync_must_follow(self):
        result = replay(self.make([nh_va(1, 0x5000, 4)], [SYNC, nh_va(1, 0x9000, 2)]))
        self.assertEqual((result["witnesses"]["checked"], result["witnesses"]["waiting"]), (4, 2))
        self.assertEqual(result["witnesses"]["stale"], 0)

    def test_the_same_page_again_before_its_sync(self):
        again = nh_va(1, 0x5000)
        result = replay(self.make([again], [again, again, SYNC, again], [SYNC], [again, SYNC, again, SYNC]))
        self.assertEqual((result["witnesses"]["checked"], result["witnesses"]["stale"]), (6, 0))

    def test_indices_have_their_wrap_flag(self):
        doorbells = [[nh_va(1, 0x1000 * i), SYNC] for i in range(40)]
        for number in (6, 7, 8, 14, 15, 16, 17, 31, 32, 79):
            result = replay(self.make(*doorbells, size=8), "--inject", f"{number}:illegal")
            self.assertEqual([(e["number"], e["cons_rd"]) for e in result["errors"]], [(number, number % 16)])
            self.assertEqual(result["witnesses"]["stale"], 0)

    def test_batches_do_not_overrun_the_ring(self):
        doorbells = [[nh_va(1, 0x1000 * i), SYNC] for i in range(40)]
        result = replay(self.make(*doorbells, size=8), "--batch", "1000")
        self.assertEqual(result["consumed"], {"TLBI_NH_VA": 40, "SYNC": 40})
        self.assertWitnessed(result, 40)

    def test_a_refused_entry_in_the_middle_of_a_long_call(self):
        commands = [nh_va(1, 0x1000 * i) for i in range(200)] + [SYNC]
        for contract in CONTRACTS:
            for number in (0, 1, 62, 63, 64, 126, 199):
                with self.subTest(contract=contract, number=number):
                    result = replay(self.make(commands), "--contract", contract, "--inject", f"{number}:host-illegal")
                    self.assertEqual([(e["cons_rd"], e["cons_err"]) for e in result["errors"]], [(number, ILL)])
                    error, witnesses = result["errors"][0], result["witnesses"]
                    self.assertEqual((error["before"], error["before_gone"]), (number, number))
                    self.assertEqual((witnesses["checked"], witnesses["lost"], witnesses["stale"]), (199, 1, 0))

    def test_the_same_command_elsewhere_is_not_refused(self):
        rng = [nh_va(1, 0x1000)] * 5 + [nh_va(1, 0x2000 + 0x1000 * i) for i in range(70)] + [nh_va(1, 0x1000)] * 70
        for contract in CONTRACTS:
            for batch in ("1", "4"):
                for number in (0, 4, 75, 144):
                    with self.subTest(contract=contract, batch=batch, number=number):
                        path = self.make(rng + [SYNC], *[[nh_va(1, 0x1000), SYNC]] * 3, size=512)
                        result = replay(path, "--contract", contract, "--batch", batch,
                                        "--inject", f"{number}:host-illegal")
                        self.assertEqual([(e["number"], e["cons_err"]) for e in result["errors"]], [(number, ILL)])
                        self.assertEqual((result["error_count"], result["witnesses"]["stale"]), (1, 0))

    def test_other_failures_of_a_long_call_leave_nothing_stale(self):
        commands = [nh_va(1, 0x1000 * i) for i in range(200)] + [SYNC]
        for contract in CONTRACTS:
            for kind in ("no-memory", "hardware"):
                for number in (0, 63, 100, 199):
                    with self.subTest(contract=contract, kind=kind, number=number):
                        result = replay(self.make(commands), "--contract", contract, "--inject", f"{number}:{kind}")
                        self.assertFalse(result["stopped"])
                        self.assertEqual((result["witnesses"]["checked"], result["witnesses"]["stale"]), (200, 0))

    def test_a_device_that_times_out_is_reported_at_the_sync(self):
        path = self.make([nh_va(1, 0x5000), SYNC, atc_inv(3, 0x8000, 1), atc_inv(4, 0x8000, 0), SYNC, nh_asid(1), SYNC])
        for contract in CONTRACTS:
            for number in (2, 3):
                result = replay(path, "--inject", f"{number}:atc-timeout", "--contract", contract)
                error = result["errors"][0]
                self.assertEqual((error["cons_rd"], error["cons_err"], error["replaced"]), (4, ATC_INV_SYNC, False))
                self.assertWitnessed(result, 5)

    def test_missing_commands_are_counted_and_passed_over(self):
        result = replay(self.make([nh_va(1, 0x5000), SYNC], [nh_va(1, 0x6000), SYNC], gap_after=0))
        self.assertEqual((result["commands"], result["missing"]), (4, 3))
        self.assertEqual(result["recorded"], {"TLBI_NH_VA": 2, "SYNC": 2})
        self.assertEqual(result["consumed"], {"TLBI_NH_VA": 2, "SYNC": 5})
        self.assertWitnessed(result, 2)

    def test_what_the_guest_itself_did_wrong_is_shown(self):
        result = replay(self.make([nh_va(1, 0x5000), (0xEE, 0), nh_va(1, 0x6000), SYNC]))
        self.assertEqual([(e["cons_rd"], e["cons_err"]) for e in result["errors"]], [(1, ILL)])
        self.assertEqual(result["recorded"]["reserved"], 1)
        self.assertEqual(result["witnesses"]["gone_after"], 2)

    def test_doorbells_that_make_no_sense(self):
        writer = Writer(SMMUV3, 8, 16, "odd")
        sync = struct.pack("<QQ", *SYNC)
        writer.events((DOORBELL, 0, [sync], 1), (DOORBELL, 1, [], 0xFFFFF), (DOORBELL, 1, [], 1), (DOORBELL, 1, [sync], 2),
                      (ENTRIES, 2, [sync]), (DOORBELL, 3, [], 3)).save(self.path)
        result = replay(self.path)
        self.assertEqual(result["error_count"], 0)
        self.assertGreaterEqual(result["consumed"]["SYNC"], 3)


class Words(Replay):
    """Text, and one line for each error."""

    def test_text_names_what_happened(self):
        out = run("--inject", "100:illegal", STRICT).stdout
        for text in ("TLBI_NH_VA", "CERROR_ILL", "CMDQ_CONS.RD 0x64", "stale", "entries per call", "median"):
            self.assertIn(text, out)

    def test_brief_is_short_and_plain(self):
        for options in ((), ("--inject", "100:illegal"), ("--inject", "100:drop"), ("--inject", "100:gone"),
                        ("--host", "null")):
            done = run("--brief", *options, STRICT)
            self.assertEqual(done.stderr, "")
            self.assertLess(len(done.stdout.splitlines()), 12)
            self.assertNotIn("\033", done.stdout)
        self.assertIn("STALE", run("--brief", "--inject", "100:drop", STRICT).stdout)

    def test_the_demo_runs(self):
        build = os.path.dirname(os.path.dirname(os.path.dirname(VIQ)))
        done = subprocess.run([os.path.join(SOURCE, "tools", "demo.sh"), build], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("6402 of 6402 commands consumed", done.stdout)
        self.assertIn("stopped at command 1000", done.stdout)
        self.assertIn("6572 of 6572 descriptors consumed", done.stdout)
        self.assertIn("stopped at descriptor 3334", done.stdout)

    def test_errors_are_one_line(self):
        with open(STRICT, "rb") as file:
            data = file.read()
        with open(self.path, "wb") as file:
            file.write(data[:-100])
        for words_, status, text in (
                ([], 2, "name one capture"), ([STRICT, STRICT], 2, "name one capture"),
                (["/nonexistent"], 1, "/nonexistent"), ([self.path], 1, self.path), ([__file__], 1, __file__),
                (["--host", "x", STRICT], 2, "--host"), (["--contract", "x", STRICT], 2, "--contract"),
                (["--inject", "x", STRICT], 2, "--inject"), (["--inject", "1:x", STRICT], 2, "--inject"),
                (["--inject", "x:illegal", STRICT], 2, "--inject"), (["--inject", "-1:illegal", STRICT], 2, "--inject"),
                (["--inject", "6402:illegal", STRICT], 1, "6402"), (["--inject", "1:drop", STRICT], 1, "command 1 is"),
                (["--inject", "100:atc-timeout", STRICT], 1, "needs an ATC_INV"),
                (["--host", "null", "--inject", "100:drop", STRICT], 2, "--host soft"),
                (["--batch", "0", STRICT], 2, "--batch"), (["--budget", "0", STRICT], 2, "--budget"),
                (["--bogus", STRICT], 2, "--bogus")):
            with self.subTest(words_):
                done = run(*words_)
                self.assertEqual((done.returncode, done.stdout), (status, ""))
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(text, done.stderr)

    def test_an_empty_capture_is_replayed(self):
        result = replay(self.make())
        self.assertEqual((result["commands"], result["doorbells"], result["error_count"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
