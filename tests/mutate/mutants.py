# SPDX-License-Identifier: MIT
"""Which small changes of a C file could be faults. Text in, changes out; the file is as clang-format leaves it, so that an
operator with two operands has spaces around it, and a statement begins a line."""
import collections
import re

# line counts from 1; old and new are whole lines.
Mutant = collections.namedtuple("Mutant", "path line old new")

# Operators with two operands; each is changed where it stands alone.
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
         "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "|", "&=": "|=", "|=": "&=",
         "+=": "-=", "-=": "+="}
OPERATOR = re.compile(r"(?<= )(" + "|".join(re.escape(op) for op in sorted(SWAPS, key=len, reverse=True)) + r")(?= |$)")
# Others, by what is found and what is put there.
CHANGES = (
    (re.compile(r"\+\+"), lambda found: "--"),
    (re.compile(r"--"), lambda found: "++"),
    (re.compile(r"[!~](?=[\w(*])"), lambda found: ""),
    (re.compile(r"\btrue\b"), lambda found: "false"),
    (re.compile(r"\bfalse\b"), lambda found: "true"),
    (re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F]+|\d+)"), lambda found: another(found[0])),
    (re.compile(r"(?<=return )-E\w+(?=;)"), lambda found: "0"),
)
# The same whatever is put there: the larger or smaller of two that are equal, and the size of any element.
SAME = re.compile(r"(?:(?<== )|(?<=return )|(?<=, )|(?<=\())(\S+) [<>]=? (\S+) \? (?:\1 : \2|\2 : \1)(?=[,;)])|sizeof\(\w+\[0\]\)")
CONDITION = re.compile(r"(?<=\bif \()(.*)(?=\)(?: \{)?$)")
# What asserts is no behaviour, what declares is needed; a loop's head is no statement.
KEPT = re.compile(r"\s*(?:ASSERT|ASSERT_DEBUG|_Static_assert|static_assert|assert_static)\b|#")
DECLARATION = re.compile(r"\t+(?:const|static|struct|enum|union|unsigned|signed|int|char|bool|void|long|size_t|\w+_t)\b[^(]*[;=]"
                         r"|\t+(?:for|case|default|static|typedef)\b")
STATEMENT = re.compile(r"(\t+)[^\t}].*;$")


def another(number):
    """One more, in the same base."""
    return hex(int(number, 16) + 1) if number[:2] in ("0x", "0X") else str(int(number) + 1)


def code(text):
    """The lines, with blanks in the place of comments, strings and preprocessor lines."""
    blank = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*',
                   lambda found: re.sub(r"[^\n]", "\a", found[0]), text, flags=re.DOTALL | re.MULTILINE)
    return blank.splitlines()


def balanced(text):
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def of_line(lines, masked, i):
    """What line i, from 0, could be instead."""
    line, seen = lines[i], SAME.sub(lambda found: "\a" * len(found[0]), masked[i])
    for found in OPERATOR.finditer(seen):
        yield line[:found.start()] + SWAPS[found[0]] + line[found.end():]
    for pattern, new in CHANGES:
        for found in pattern.finditer(seen):
            yield line[:found.start()] + new(found) + line[found.end():]
    for found in CONDITION.finditer(seen):
        # Of a plain comparison or negation that is what another change comes to.
        if balanced(found[0]) and (re.search(r" (?:&&|\|\|) ", found[0]) or not re.search(r" [!=]= |^!", found[0])):
            yield line[:found.start()] + "!(" + line[found.start():found.end()] + ")" + line[found.end():]
    statement = STATEMENT.match(seen)
    before = next((masked[j].rstrip("\a ") for j in range(i - 1, -1, -1) if masked[j].strip("\a \t")), "")
    after = lines[i + 1] if i + 1 < len(lines) else ""
    # A value that is not returned at the end of a function is undefined.
    if statement and before.endswith((";", "{", "}", ")", ":", "else", "do")) and not DECLARATION.match(seen) and not (
            after.startswith("}") and "return" in seen):
        yield statement[1] + ";"


def bodies(lines):
    """[(first, last)]: the lines of each function's braces, from 0; both begin their line."""
    first = None
    for i, line in enumerate(lines):
        if line == "{":
            first = i
        elif line == "}" and first is not None:
            yield first, i
            first = None


def heads(lines):
    """The lines that go on with the head of a function: [4] of a parameter says nothing to the compiler."""
    for first, _ in bodies(lines):
        while lines[first - 1].startswith("\t"):
            first -= 1
            yield first


def of_text(path, text):
    """All mutants of a file; what no function or table has (column 0) is left alone."""
    lines, masked = text.splitlines(), code(text)
    skipped = set(heads(lines))
    for i, seen in enumerate(masked):
        if seen.startswith("\t") and i not in skipped and not KEPT.match(seen):
            for new in dict.fromkeys(of_line(lines, masked, i)):
                yield Mutant(path, i + 1, lines[i], new)


def apply(mutant, text):
    lines = text.split("\n")
    assert lines[mutant.line - 1] == mutant.old
    lines[mutant.line - 1] = mutant.new
    return "\n".join(lines)
