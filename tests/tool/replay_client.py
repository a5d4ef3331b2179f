# SPDX-License-Identifier: MIT
"""`viq replay` as its tests call it, and the harness of the random ones.

VIQ_SEED=N makes other random captures than seed 1; VIQ_ROUNDS is how many there are (20)."""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

VIQ = os.environ["VIQ_TOOL"]
SEED = int(os.environ.get("VIQ_SEED") or 1)
ROUNDS = int(os.environ.get("VIQ_ROUNDS") or 20)


def run(*words, timeout=60):
    return subprocess.run([VIQ, "replay", *words], capture_output=True, text=True, timeout=timeout)


def replay(path, *options, status=0):
    done = run("--json", *options, path)
    assert done.returncode == status, (done.returncode, done.stderr, done.stdout)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


class Made(unittest.TestCase):
    """With a place for a capture."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "made.pcap")


class RandomGuest:
    """What a random guest has queued; a recording's gap counts as (0, 0)."""

    ATC_WEIGHT = 1  # how often a silent device is drawn, where it can be

    def __init__(self, rng):
        self.rng = rng
        self.queued = []

    def failure(self):
        """An --inject that can be done, or none."""
        r = self.rng
        number = r.randrange(len(self.queued)) if self.queued else 0
        if not self.queued or self.queued[number] == (0, 0):
            return []
        kinds = ["illegal", "reserved-bit"]
        if self.goes_to_host(self.queued[number][0]):
            kinds += ["host-illegal", "hardware", "no-memory", "gone"]
        if self.goes_to_device(self.queued[number][0]):
            kinds += ["atc-timeout"] * self.ATC_WEIGHT
        return ["--inject", f"{number}:{r.choice(kinds)}"]


class RandomReplay:
    """Nothing is stale behind a completed wait, and everything that was looked at is accounted for."""

    GUEST = None  # a RandomGuest
    CONTRACTS = ()

    def replay(self, rng, path, failure):
        options = rng.choice([[], ["--batch", "4"], ["--budget", "1"], ["--budget", "3", "--batch", "3"]])
        if self.CONTRACTS:
            options = options + ["--contract", rng.choice(self.CONTRACTS)]
        done = run("--json", *options, *failure, path, timeout=100)
        self.assertEqual(done.stderr, "", (options, failure))
        result = json.loads(done.stdout)
        self.assertEqual(done.returncode, int(result["stopped"] or result["witnesses"]["stale"] > 0))
        return result

    def test_nothing_is_stale(self):
        checked = busy = completed = 0
        for number in range(ROUNDS):
            rng = random.Random(f"{SEED}/{number}")
            with self.subTest(seed=SEED, capture=number), tempfile.TemporaryDirectory() as folder:
                path, orderly = os.path.join(folder, "random.pcap"), rng.random() < 0.5
                guest = self.GUEST(rng)
                guest.capture(path, orderly)
                failure = guest.failure() if rng.random() < 0.6 else []
                result = self.replay(rng, path, failure)
                witnesses = result["witnesses"]
                checked += witnesses["checked"]
                busy += witnesses["checked"] > 0
                completed += result["completed"]
                self.assertEqual(witnesses["stale"], 0, failure)
                self.assertEqual((witnesses["cached_before"], witnesses["gone_after"]), (witnesses["checked"],) * 2)
                self.check_end(result, failure)
                if orderly and not result["stopped"]:
                    self.check_consumed(sum(result["consumed"].values()), len(guest.queued))
                    self.assertEqual(sum(result["recorded"].values()), len(guest.queued))
        print(f"{checked} translations checked in {busy} of {ROUNDS} captures, {completed} waits completed")
        self.assertGreater(checked, 500 * ROUNDS)
        self.assertGreater(busy, ROUNDS // 2)
        self.assertGreater(completed, 5 * ROUNDS)


def main():
    print(f"VIQ_SEED={SEED}", file=sys.stderr)
    unittest.main()
