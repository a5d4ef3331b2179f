#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: run_fuzz.py TARGET               run it from its seeds and the inputs kept in corpus/
       run_fuzz.py --write FOLDER NAME  put NAME_seed_corpus.zip, all of these, and NAME.options there, for OSS-Fuzz
       run_fuzz.py --keep TARGET [FOLDER...]  keep the fewest inputs, of these folders and those kept so far, that take
                                        all the branches that any of them takes and the seeds do not;
                                        not of a run that goes on

The exit status of a run is 0 or 1: Meson takes others for no failure.

A fixed number of inputs by default, so that a run costs the same everywhere: FUZZ_RUNS changes it, VIQ_FUZZ_TIME (in
seconds) asks for a time instead. An input that fails is kept in the directory of the build and named.
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import zipfile

from seeds import SEEDS

CORPUS = pathlib.Path(__file__).resolve().with_name('corpus')
# Bytes of an input, where they are not 768; inputs, where they are not 4,000.
LONGEST = {'fuzz_capture': 4096, 'fuzz_device': 2048, 'fuzz_differential': 2048, 'fuzz_doctor': 2048, 'fuzz_linux': 2048,
           'fuzz_record': 4096}
RUNS = {'fuzz_differential': 1000, 'fuzz_linux': 2000}
MARGIN = 300  # seconds, for what a target does besides running inputs


def executed(report):
    """How many inputs libFuzzer says that it ran."""
    found = re.search(r'^stat::number_of_executed_units:\s*(\d+)$', report, re.M)
    return int(found[1]) if found else 0


def kept(name):
    """Inputs that fuzzing has found."""
    path = CORPUS / f'{name}.zip'
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as corpus:
        return [corpus.read(member) for member in corpus.namelist()]


def put_zip(path, inputs):
    """The same inputs are the same file."""
    with zipfile.ZipFile(path, 'w') as corpus:
        for i, data in enumerate(inputs):
            corpus.writestr(zipfile.ZipInfo(f'{i}'), data, zipfile.ZIP_DEFLATED, 9)


def put_files(folder, inputs):
    for i, data in enumerate(inputs):
        pathlib.Path(folder, f'{i}').write_bytes(data)


def options(name):
    return [f'-max_len={LONGEST.get(name, 768)}', '-rss_limit_mb=2048']


def write(folder, name):
    put_zip(pathlib.Path(folder, f'{name}_seed_corpus.zip'), SEEDS[name]() + kept(name))
    pathlib.Path(folder, f'{name}.options').write_text(f'[libfuzzer]\nmax_len = {LONGEST.get(name, 768)}\n', encoding='ascii')
    return 0


def keep(program, *folders):
    target = pathlib.Path(program).resolve()
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as before:
        # What the folder of the result has from the beginning stays: the seeds.
        put_files(out, SEEDS.get(target.name, list)())
        made = set(os.listdir(out))
        put_files(before, kept(target.name))
        done = subprocess.run([str(target), '-set_cover_merge=1', '-use_counters=0', *options(target.name), out, before, *folders], check=False,
                              capture_output=True, text=True, errors='replace')
        if done.returncode:
            sys.stderr.write(done.stderr)
            return 1
        found = [pathlib.Path(out, name).read_bytes() for name in set(os.listdir(out)) - made]
    path = CORPUS / f'{target.name}.zip'
    path.unlink(missing_ok=True)
    if found:
        CORPUS.mkdir(exist_ok=True)
        put_zip(path, sorted(found))
    print(f'{target.name}: {len(found)} inputs kept')
    return 0


def main():
    if sys.argv[1] == '--write':
        return write(*sys.argv[2:])
    if sys.argv[1] == '--keep':
        return keep(*sys.argv[2:])
    target = pathlib.Path(sys.argv[1]).resolve()
    seeds = SEEDS.get(target.name, list)() + kept(target.name)
    noise = random.Random(1)
    seeds += [bytes(noise.randrange(256) for _ in range(size)) for size in (16, 64, 256, 1024)]
    seconds, runs = os.environ.get('VIQ_FUZZ_TIME'), int(os.environ.get('FUZZ_RUNS', RUNS.get(target.name, 4000)))
    # libFuzzer's own status of a failure is 77, which Meson takes for a skip.
    command = [str(target), f'-max_total_time={seconds}' if seconds else f'-runs={runs}', '-error_exitcode=1',
               '-print_final_stats=1', '-seed=1', '-timeout=20', *options(target.name), f'-artifact_prefix={target}-']
    with tempfile.TemporaryDirectory() as corpus:
        put_files(corpus, seeds)
        with tempfile.TemporaryFile('w+', errors='replace') as said:
            done = subprocess.run(command + [corpus], check=False, stderr=said,
                                  timeout=2 * int(seconds) + MARGIN if seconds else None)
            said.seek(0)
            report = said.read()
    sys.stderr.write(report)
    if done.returncode:
        return 1
    # The seeds are run whatever the time.
    least = len(seeds) if seconds else runs
    if executed(report) < least:
        print(f'{target.name}: {executed(report)} inputs were run, at least {least} were to be')
        return 1
    return 0


sys.exit(main())
