# SPDX-License-Identifier: MIT
"""All mutants of a file in one text, so that one build has them all: each function has its body once for each of its
mutants, and takes that of the number which the process was started with (number.c)."""
import collections
import re

import mutants

# text; owners: for each of its lines, the number of the mutant that it belongs to, or 0; place: {number: the function}, as
# these are counted through all files, so that end is the next file's first.
Text = collections.namedtuple("Text", "text owners place end")
DECLARED = "extern int viq_mutant; extern unsigned char *viq_mutated;"


def returns_nothing(lines, first):
    head = first
    while head and re.match(r"[\t\w]", lines[head - 1]) and not lines[head - 1].endswith(";"):
        head -= 1
    return re.match(r"(?:static |inline |__attribute__\(\(.*?\)\) )*void \w+\(", " ".join(lines[head:first])) is not None


def together(text, numbered, function):
    """numbered: [(number, mutant)] of a file; function: what its first one is counted as. What no function has is left out."""
    lines = text.splitlines()
    out, owners, place = [DECLARED], [0], {}

    def put(line, number=0):
        out.append(line)
        owners.append(number)

    done = 0
    for first, last in mutants.bodies(lines):
        own = [(number, mutant) for number, mutant in numbered if first < mutant.line - 1 < last]
        if not own:
            continue
        for line in lines[done:first + 1]:
            put(line)
        body = lines[first + 1:last]
        labels = [found[1] for found in map(re.compile(r"(\w+):$").match, body) if found]
        # The end of a function with a value is not reached, unless its return is what was taken away.
        end = "} return;" if returns_nothing(lines, first) else "} __builtin_trap();"
        put(f"if (viq_mutated) viq_mutated[{function}] = 1; switch (viq_mutant) {{")
        for number, mutant in own:
            place[number] = function
            put(f"case {number}: {{{' __label__ ' + ', '.join(labels) + ';' if labels else ''}", number)
            for i, line in enumerate(body, first + 2):
                put(mutant.new if i == mutant.line else line, number)
            put(end, number)
        put("}")
        done, function = first + 1, function + 1
    for line in lines[done:]:
        put(line)
    return Text("\n".join(out) + "\n", owners, place, function)
