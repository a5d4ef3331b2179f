# SPDX-License-Identifier: MIT
"""Reading what the virtual machine's tests said on its console, in the midst of what the kernel says there."""
import collections
import re

PLAN = re.compile(r"1\.\.(\d+)$")
RESULT = re.compile(r"(not )?ok (\d+) ([\w-]+)(?:: (.*)| # SKIP (.*))?$")
THE_END = "viq: the end"
# What a kernel in good health does not say.
TROUBLE = re.compile(r"WARNING: |BUG: |Oops|Internal error|Unable to handle|Kernel panic|Call trace:|rcu: INFO|"
                     r"refcount_t: |leaked|arm-smmu-v3.*(CMDQ|timeout|timed out)|^viq: (killed|QEMU)|"
                     r"^qemu-system-\S+ warning: viq.* is refused")


def parse(lines, may_skip=()):
    """([(kind, name, reason)], [note]): kind is "passed", "failed" or "skipped". A last result judges the whole run.

    Only the tests in may_skip may be skipped."""
    results, notes, complaints = [], [], []
    planned = None
    for text in lines:
        if plan := PLAN.match(text):
            complaints += ["two plans"] if planned is not None else []
            planned = int(plan[1])
        elif match := RESULT.match(text):
            if int(match[2]) != len(results) + 1:
                complaints.append(f"result {match[2]} came after {len(results)}")
            kind, reason = "failed" if match[1] else "passed", match[4]
            if match[5] is not None:
                allowed = match[3] in may_skip
                kind, reason = "skipped" if allowed else "failed", match[5] if allowed else f"may not skip: {match[5]}"
            results.append((kind, match[3], reason))
        elif text.startswith("# "):
            notes.append(text[2:])
        elif TROUBLE.search(text):
            complaints.append(text.strip())
    if planned is None:
        complaints.append("no test began")
    elif not planned:
        complaints.append("no test has such a name")
    elif planned != len(results):
        complaints.append(f"only {len(results)} of {planned} tests ended")
    elif all(kind == "skipped" for kind, _, _ in results):
        complaints.append("every test was skipped")
    if THE_END not in lines:
        complaints.append("the machine did not come to its end")
    results.append(("failed" if complaints else "passed", "machine", "; ".join(complaints[:4]) or None))
    return results, notes


def report(results, notes=()):
    """Print what is worth reading of one run."""
    for note in notes:
        print(f"   {note}")
    for kind, name, reason in results:
        if kind == "failed":
            print(f"   FAILED: {name}: {reason}")
        elif kind == "skipped":
            print(f"   skipped: {name}: {reason}")
    count = collections.Counter(kind for kind, _, _ in results)
    print("   " + ", ".join(f"{count[kind]} {kind}" for kind in ("passed", "failed", "skipped")))


def total(results):
    """Print the last line of all; the exit status."""
    count = collections.Counter(kind for kind, _, _ in results)
    print()
    print(f"{count['passed']} passed, {count['failed']} failed" +
          (f", {count['skipped']} skipped" if count["skipped"] else ""))
    return 1 if count["failed"] or not count["passed"] else 0
