#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bench/compare.py calls slower, and which law bench/table.py sees, on invented measurements; building and measuring need minutes and are not tested."""
import contextlib
import io
import os
import pathlib
import math
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ['VIQ_SOURCE']) / 'bench'))

import table  # noqa: E402  pylint: disable=wrong-import-position
import compare  # noqa: E402  pylint: disable=wrong-import-position


class Side:
    """A revision whose rows take so long, times what the machine makes of it at that moment."""

    def __init__(self, name, rows, noise=0.0, seed=1):
        self.name, self.rows, self.noise = name, rows, noise
        self.random = random.Random(f'{name}{seed}')
        self.subjects = list(dict.fromkeys(subject for subject, _ in rows))

    def measure(self, *options):
        return [{'subject': subject, 'name': name, 'title': name, 'unit': 'ns', 'skipped': None if value >= 0 else 'no',
                 'value': {'median': value * (1 + self.random.uniform(-self.noise, self.noise))}}
                for (subject, name), value in self.rows.items() if subject == options[-1]]


def run(old, new, only=None, turns=7):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        bad = compare.compare(old, new, only, turns)
    return {'.'.join(key) for key in bad}, out.getvalue()


class Compare(unittest.TestCase):
    ROWS = {('bulk', f'r{i}'): 10.0 + i for i in range(50)} | {('memory', 'growth'): 0.0}

    def test_noise_is_not_slower(self):
        for seed in range(20):
            bad, out = run(Side('old', self.ROWS, 0.1, seed), Side('new', self.ROWS, 0.1, seed))
            self.assertEqual(bad, set(), out)
            self.assertIn('0 of 51 rows slower', out)

    def test_a_tenth_is_slower_in_less_noise(self):
        found = 0
        for seed in range(20):
            bad, out = run(Side('old', self.ROWS, 0.03, seed), Side('new', self.ROWS | {('bulk', 'r7'): 17 * 1.1}, 0.03, seed))
            self.assertLessEqual(bad, {'bulk.r7'}, out)
            found += len(bad)
        self.assertGreaterEqual(found, 19)

    def test_what_was_nothing_and_costs_something_is_slower(self):
        bad, out = run(Side('old', self.ROWS), Side('new', self.ROWS | {('memory', 'growth'): 16.0}))
        self.assertEqual(bad, {'memory.growth'})
        self.assertRegex(out, r'memory\.growth .*SLOWER')

    def test_a_gain_is_not(self):
        self.assertEqual(run(Side('old', self.ROWS), Side('new', {key: value / 2 for key, value in self.ROWS.items()}))[0], set())

    def test_rows_that_only_one_has_are_named(self):
        old = Side('old', {('bulk', 'a'): 1.0, ('bulk', 'gone'): 1.0, ('page', 'x'): 1.0})
        new = Side('new', {('bulk', 'a'): 1.0, ('bulk', 'more'): 1.0, ('bulk', 'skipped'): -1.0, ('scale', 'x'): 1.0})
        bad, out = run(old, new)
        self.assertEqual(bad, set())
        for text in ('bulk.gone +only old', 'bulk.more +only new', r'page\.\* +only old', r'scale\.\* +only new', '0 of 1 rows'):
            self.assertRegex(out, text)
        self.assertNotIn('skipped', out)
        with self.assertRaises(compare.CompareError):
            run(old, new, only=['scale'])


class Law(unittest.TestCase):
    SIZES = (1, 10, 100, 1000, 10000)

    def law(self, cost):
        return table.law([(n, cost(n)) for n in self.SIZES])

    def test_of_known_functions(self):
        self.assertEqual(self.law(lambda n: 20 + n % 3), 'O(1)')
        self.assertEqual(self.law(lambda n: 20 + 5 * math.log(n)), 'O(log n)')
        self.assertEqual(self.law(lambda n: 100 + n), 'O(n)')
        self.assertEqual(self.law(lambda n: 0.1 * n), 'O(n)')
        self.assertEqual(self.law(lambda n: 3 * n ** 1.5), 'n^1.50 at the end')
        self.assertIn('caches', self.law(lambda n: 20 if n < 1000 else 38))
        self.assertEqual(self.law(lambda n: 90 - 5 * math.log(n)), 'O(1)')


if __name__ == '__main__':
    unittest.main()
