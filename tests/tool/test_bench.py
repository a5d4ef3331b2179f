#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`viq bench` measures everything it promises and says so in JSON and as a table. How fast anything is is not tested."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import tempfile
import unittest

VIQ = pathlib.Path(sys.argv.pop()).resolve()

# The first points of each axis.
SCALE = (
    ('queue', (16, 256, 4096), ('doorbell',)),
    ('regions', (1, 10, 100), ('doorbell',)),
    ('tlb', (100, 1000, 10000), ('hit', 'tlbi_va', 'tlbi_asid')),
    ('streams', (1, 16, 256), ('hit', 'tlbi_va', 'cfgi_ste')),
    ('pasids', (1, 16, 100), ('hit', 'tlbi_va', 'cfgi_cd')),
    ('guests', (1, 4, 16), ('hit', 'tlbi_va', 'tlbi_asid')),
    ('vtd_queue', (128, 1024), ('doorbell',)),
    ('vtd_tlb', (100, 1000, 10000), ('hit', 'page', 'table')),
    ('vtd_devices', (1, 16, 256), ('hit', 'page', 'context')),
    ('vtd_pasids', (1, 16, 100), ('hit', 'page', 'pasid')),
)
ROWS = {
    'bulk': ['tlbi_va', 'memcpy', 'tlbi_range', 'tlbi_range_mixed', 'tlbi_types',
             'tlbi_va_callbacks'],
    'doorbell': ['null', 'null_msi', 'read', 'soft', 'soft_threads', 'soft_busy_thread'],
    'soft': ['hit_recent', 'hit_spread', 'threads_recent', 'threads_spread', 'threads_invalidate', 'threads_bulk',
             'threads_control', 'invalidate_bulk', 'configure']
            + [f'invalidate_{kind}_{10 ** n}' for kind in ('asid', 'page', 'range') for n in (2, 3, 4)],
    'linux': ['doorbell', 'vtd_doorbell', 'entry_bulk', 'entry_strict']
             + [f'calls_{stream}_{way}' for stream in ('capture', '512', '65536') for way in ('bulk', 'strict', 'each')],
    'memory': ['footprint', 'allocated', 'growth'],
    'qemu': ['qemu', 'front_end', 'device'],
    'vtd_bulk': ['iotlb', 'pasid_iotlb', 'iotlb_callbacks', 'pasid_iotlb_callbacks'],
    'vtd_doorbell': ['iotlb', 'pasid_iotlb', 'read', 'soft'],
    'vtd_soft': [f'invalidate_{kind}_{10 ** n}' for kind in ('page', 'table') for n in (2, 4)],
    'vtd_qemu': ['qemu', 'front_end', 'device'],
    'scale': [f'{axis}_{op}_{n}' for axis, sizes, ops in SCALE for op in ops for n in sizes],
}
# Calls per doorbell and entries per call: counted, so the same everywhere. The front end passes at most 2,048 at once.
CALLS = {
    'calls_capture_bulk': (3195 / 3190, 1),
    'calls_capture_strict': (3195 / 3190, 1),
    'calls_capture_each': (3195 / 3190, 1),
    'calls_512_bulk': (1, 512),
    'calls_512_strict': (9, 512 / 9),
    'calls_512_each': (512, 1),
    'calls_65536_bulk': (32, 2048),
    'calls_65536_strict': (32 * 33, 65536 / 32 / 33),
    'calls_65536_each': (65536, 1),
}
ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYS = {'subject', 'name', 'title', 'unit', 'value', 'figure_name', 'figure', 'target', 'reached', 'skipped'}


def bench(*args):
    return subprocess.run([VIQ, 'bench', *args], capture_output=True, text=True, check=False)


class Bench(unittest.TestCase):
    def check_stat(self, stat):
        self.assertEqual(set(stat), {'median', 'p10', 'p90', 'samples'})
        self.assertGreaterEqual(stat['samples'], 1)
        self.assertLessEqual(stat['p10'], stat['median'])
        self.assertLessEqual(stat['median'], stat['p90'])

    def check_target(self, row):
        """What is said of the target must follow from the numbers."""
        if row['target'] is None or row['skipped']:
            self.assertIsNone(row['reached'])
            return
        (bound, limit), = row['target'].items()
        stat = row['figure'] or row['value']
        self.assertIn(bound, ('at_most', 'at_least'))
        within = stat['median'] <= limit if bound == 'at_most' else stat['median'] >= limit
        self.assertEqual(row['reached'], stat['samples'] > 0 and within)  # noise alone reaches nothing

    def check_row(self, row):
        self.assertEqual(set(row), KEYS)
        if not row['skipped']:
            self.check_stat(row['value'])
            self.assertEqual(row['figure'] is None, row['figure_name'] is None)
            # Where others have the processor, what is left of a short run's differences may all be noise.
            if row['figure'] and (row['figure']['samples'] or row['figure_name'] != 'ns beyond the host'):
                self.check_stat(row['figure'])
                self.assertGreaterEqual(row['figure']['p10'], 0)  # neither a ratio nor what a part leaves is negative
        self.check_target(row)

    def test_json_has_every_row(self):
        out = bench('--quick', '--json')
        self.assertEqual((out.returncode, out.stderr), (0, ''))
        self.assertEqual(out.stdout.count('\n'), 1)
        report = json.loads(out.stdout)
        rows = {}
        for row in report['rows']:
            with self.subTest(row=row['name']):
                self.check_row(row)
            rows.setdefault(row['subject'], []).append(row['name'])
        self.assertEqual(rows, ROWS)
        self.assertTrue(report['quick'])
        self.assertFalse(report['interrupted'])
        # The README's first table is made from these rows.
        with tempfile.NamedTemporaryFile('w') as run:
            run.write(out.stdout)
            run.flush()
            table = subprocess.run([ROOT / 'bench/table.py', run.name], capture_output=True, text=True, check=True).stdout
        cells = [line.split(' | ')[0] for line in table.partition('\n\n')[0].splitlines() if line.startswith('| ')]
        page = (ROOT / 'README.md').read_text(encoding='utf-8').partition('## How fast')[2].partition('\n## ')[0]
        first = page[page.index('\n| '):].strip().partition('\n\n')[0]
        self.assertEqual(cells, [line.split(' | ')[0] for line in first.splitlines()])

    @staticmethod
    def catches(pid, number):
        status = pathlib.Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
        return int(re.search(r'^SigCgt:\s+(\w+)$', status, re.M).group(1), 16) >> (number - 1) & 1

    def interrupted(self, *args, first_row):
        """What a run, interrupted after its first row or as soon as it can be, has printed."""
        with subprocess.Popen([VIQ, 'bench', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            text = ''
            while first_row and 'memcpy' not in text:
                text += run.stdout.readline()
            while not first_row and not self.catches(run.pid, signal.SIGINT):
                time.sleep(0.01)
            run.send_signal(signal.SIGINT)
            rest, error = run.communicate(timeout=60)
        self.assertEqual((run.returncode, error),
                         (130, 'viq bench: interrupted; what was measured until then is whole\n'))
        return text + rest

    def test_interrupted(self):
        """Before its end, as a full run takes minutes: the rows until then are there."""
        text = self.interrupted(first_row=True)
        self.assertIn('x memcpy', text)
        self.assertTrue(text.endswith('\n'))
        report = json.loads(self.interrupted('--json', first_row=False))
        self.assertTrue(report['interrupted'])
        self.assertLess(len(report['rows']), sum(map(len, ROWS.values())))
        for row in report['rows']:
            self.check_row(row)

    def test_calls_are_counted(self):
        out = subprocess.run([VIQ, 'bench', '--quick', '--json', '--only', 'linux'], cwd=ROOT, capture_output=True,
                             text=True, check=True)
        rows = {row['name']: row for row in json.loads(out.stdout)['rows']}
        for name, (calls, entries) in CALLS.items():
            with self.subTest(row=name):
                self.assertAlmostEqual(rows[name]['value']['median'], calls)
                self.assertAlmostEqual(rows[name]['figure']['median'], entries)

    def test_capture_that_is_not_there(self):
        out = subprocess.run([VIQ, 'bench', '--quick', '--json', '--only', 'linux'], cwd='/', capture_output=True,
                             text=True, check=True)
        rows = {row['name']: row for row in json.loads(out.stdout)['rows']}
        self.assertRegex(rows['calls_capture_bulk']['skipped'], r'^no captures/.*\.pcap here$')
        self.assertIsNone(rows['calls_512_bulk']['skipped'])

    def test_table_of_one_subject(self):
        out = bench('--quick', '--only', 'memory')
        self.assertEqual((out.returncode, out.stderr), (0, ''))
        self.assertRegex(out.stdout, r'viq_smmuv3_footprint\(\) .* bytes +<= 262144 +(reached|MISSED)')
        self.assertNotIn('memcpy', out.stdout)

    def test_help_knows_the_subjects(self):
        help_ = json.loads(subprocess.run([VIQ, 'help', '--json'], capture_output=True, text=True, check=True).stdout)
        words, = [option['value'].split('|') for command in help_ if command['name'] == 'bench'
                  for option in command['options'] if option['name'] == 'only']
        self.assertEqual(sorted(words), sorted(ROWS))

    def test_bad_command_lines(self):
        for args in (['--only', 'nothing'], ['--only'], ['--fast'], ['extra']):
            with self.subTest(args=args):
                out = bench(*args)
                self.assertEqual((out.returncode, out.stdout, out.stderr.count('\n')), (2, '', 1))


unittest.main()
