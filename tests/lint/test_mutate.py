#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/mutate: which changes of a text are tried, and what is said of them in a project of a few lines."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["VIQ_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/mutate"))

import mutants  # noqa: E402  pylint: disable=wrong-import-position
import mutate  # noqa: E402  pylint: disable=wrong-import-position
import together  # noqa: E402  pylint: disable=wrong-import-position


def changes(*lines):
    """What the last of these lines of a function could be."""
    text = "\n".join(("void f(void)", "{", *lines, "\tg();", "}"))
    return [mutant.new.strip() for mutant in mutants.of_text("f.c", text) if mutant.line == 2 + len(lines)]


class Mutants(unittest.TestCase):
    def test_operators(self):
        self.assertEqual(changes("\treturn a <= b && c << d;"), ["return a < b && c << d;", "return a <= b || c << d;",
                                                                 "return a <= b && c >> d;", ";"])
        self.assertEqual(changes("\treturn a &&"), ["return a ||"])
        self.assertEqual(changes("\tstruct s *p = &q, *r = -s;"), [])
        self.assertEqual(changes("\tp->x++;"), ["p->x--;", ";"])
        self.assertEqual(changes("\treturn ~a | !b;"), ["return ~a & !b;", "return a | !b;", "return ~a | b;", ";"])

    def test_constants(self):
        self.assertEqual(changes("\t{0xff, 9, x86, true},"), ["{0xff, 9, x86, false},", "{0x100, 9, x86, true},", "{0xff, 10, x86, true},"])
        self.assertEqual(changes("\treturn -EINVAL;"), ["return 0;", ";"])

    def test_conditions(self):
        self.assertEqual(changes("\tif (a)"), ["if (!(a))"])
        self.assertEqual(changes("\tif (a || b == c) {"), ["if (a && b == c) {", "if (a || b != c) {", "if (!(a || b == c)) {"])
        self.assertEqual(changes("\tif (a == b)"), ["if (a != b)"])
        self.assertEqual(changes("\tif (f(a) && (b ||"), ["if (f(a) || (b ||", "if (f(a) && (b &&"])

    def test_statements(self):
        self.assertEqual(changes("\tf(a);"), [";"])
        self.assertEqual(changes("\tif (a)", "\t\tcontinue;"), [";"])
        self.assertEqual(changes("\tuint64_t a = f(b);"), [])
        self.assertEqual(changes("\ta = f(b,", "\t      c);"), [])
        last = "int f(void)\n{\n\treturn x;\n}"
        self.assertEqual(list(mutants.of_text("f.c", last)), [])

    def test_left_alone(self):
        self.assertEqual(changes("\tASSERT(a < b);"), [])
        self.assertEqual(changes("\t/* a < b, 7 */"), [])
        self.assertEqual(changes('\tf("a < 7");'), [";"])
        self.assertEqual(changes("\treturn a->x > b ? a->x : b;"), [";"])
        self.assertEqual(changes("\tf(p, a < b ? a : b);"), [";"])
        self.assertEqual(changes("\treturn a > b ? a : b + 1;")[0], "return a >= b ? a : b + 1;")
        self.assertEqual(changes("\treturn sizeof(t) / sizeof(t[0]);"), ["return sizeof(t) * sizeof(t[0]);", ";"])
        self.assertEqual(list(mutants.of_text("f.c", "#define A (b < 7)\nint c = 3;\n#define D \\\n\t(e < 7)\n")), [])

        self.assertEqual(list(mutants.of_text("f.c", "void f(int a,\n\tint b[4])\n{\n}\n")), [])

    def test_applied(self):
        text = "int f(void)\n{\n\treturn a < b;\n}\n"
        mutant, = mutants.of_text("f.c", text)
        self.assertEqual(mutants.apply(mutant, text), text.replace("<", "<="))


class Together(unittest.TestCase):
    TEXT = "void f(void)\n{\n\tif (a)\n\t\tgoto out;\nout:\n\tg(a, 1);\n}\nint i;\nint h(void)\n{\n\treturn 2;\n}\n"

    def test_what_returns_nothing(self):
        for head, nothing in (("void f(void)", True), ("static inline void f(int a,\n\t      int b)", True), ("void *f(void)", False),
                              ("static __attribute__((noinline)) void f(void)", True), ("int f(void (*g)(void))", False),
                              ("__attribute__((format(printf, 1, 2))) void f(char *a)", True)):
            lines = f"int a;\n{head}\n{{\n\tg();\n}}\n".splitlines()
            self.assertEqual(together.returns_nothing(lines, lines.index("{")), nothing, head)

    def test_bodies(self):
        """A body for each mutant, with labels of its own; no end without a value; lines and functions are found again."""
        numbered = list(enumerate(mutants.of_text("f.c", self.TEXT), 5))
        made = together.together(self.TEXT, numbered, 3)
        lines = made.text.splitlines()
        self.assertEqual([mutant.new.strip() for _, mutant in numbered], ["if (!(a))", ";", "g(a, 2);", ";", "return 3;"])
        self.assertEqual(made.place, {5: 3, 6: 3, 7: 3, 8: 3, 9: 4})
        self.assertEqual(made.end, 5)
        for number, mutant in numbered:
            own = [line for line, owner in zip(lines, made.owners) if owner == number]
            self.assertIn(mutant.new, own)
            self.assertEqual(own[0], f"case {number}: {{" + (" __label__ out;" if number < 9 else ""))
            self.assertEqual(own[-1], "} return;" if number < 9 else "} __builtin_trap();")
        plain = [line for line, owner in zip(lines, made.owners) if not owner and not re.match(r"extern int viq|if \(viq|\}$", line)]
        self.assertEqual(plain, [line for line in self.TEXT.splitlines() if line != "}"])
        self.assertEqual(together.together(self.TEXT, [], 0).text.splitlines()[1:], self.TEXT.splitlines())


class Explained(unittest.TestCase):
    def test_each_is_still_a_mutant(self):
        """An explanation of what is not there any more goes."""
        for path, old, new in mutate.explained():
            found = {(mutant.old.strip(), mutant.new.strip()) for mutant in mutants.of_text(path, (SOURCE / path).read_text())}
            self.assertIn((old, new), found, path)

    def test_each_has_a_reason(self):
        for block in (SOURCE / "tests/mutate/explained.txt").read_text().strip().split("\n\n"):
            self.assertRegex(block, r"\A# .")


MESON = """
project('tiny', 'c')
lib = shared_library('tiny', 'src/a/tiny.c')
test('tiny', executable('test_tiny', 'tests/unit/a/test_tiny.c', link_with : lib), timeout : 3)
test('project', find_program('false'), suite : 'project')
"""
OLD = """int most(int a, int b);
int most(int a, int b)
{
	return a >= b ? a : b;
}
"""
NEW = """
const int table[2] = {
	4, 5,
};
int until(int n);
int until(int n)
{
	int sum = 7;

	while (n > 2)
		n--;
	return sum + n + (int)(table - table);
}
"""
TEST = """
extern const int table[2];
int most(int a, int b);
int until(int n);
int main(void)
{
	return most(1, 2) != 2 || until(5) < 9 || table[0] != 4;
}
"""


class Tiny(unittest.TestCase):
    """`most` was there before; of what `until` adds the test sees the loop's end, and only that the sum is not too small."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.temporary.name)
        for path, text in (("meson.build", MESON), ("src/a/tiny.c", OLD), ("tests/unit/a/test_tiny.c", TEST),
                           ("tests/mutate/explained.txt", "# None.\n"), (".gitignore", "/build*\n")):
            (cls.root / path).parent.mkdir(parents=True, exist_ok=True)
            (cls.root / path).write_text(text)
        for name in ("mutate.py", "mutants.py", "together.py", "number.c"):
            shutil.copy(SOURCE / "tests/mutate" / name, cls.root / "tests/mutate")
        for words in (("init", "-q"), ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "old")):
            subprocess.run(["git", *words], cwd=cls.root, check=True)
        (cls.root / "src/a/tiny.c").write_text(OLD + NEW)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def mutate(self, *words):
        return subprocess.run(["tests/mutate/mutate.py", *words], cwd=self.root, capture_output=True, text=True, check=False)

    def test_1_what_is_new(self):
        done = self.mutate("HEAD")
        self.assertEqual(done.returncode, 1, done.stderr)
        # Larger sums survive, and what is not looked at; a loop without an end, a smaller sum and none do not.
        self.assertEqual([line for line in done.stdout.splitlines() if line[:1] == "+"],
                         ["+\t4, 6,", "+\tint sum = 8;", "+\twhile (n > 3)", "+\treturn sum + n - (int)(table - table);"])
        # Pointers have no sum.
        self.assertIn("1 of them do not build", done.stdout)
        self.assertIn("1 of them are judges", done.stderr)
        self.assertIn("not done in time", done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "5 killed, 0 explained, 4 survived")

    def test_2_again(self):
        """What is known is not judged again; what is explained is no survivor."""
        (self.root / "tests/mutate/explained.txt").write_text(
            "# More is fine.\nsrc/a/tiny.c\n-int sum = 7;\n+int sum = 8;\n-while (n > 2)\n+while (n > 3)\n")
        done = self.mutate("HEAD")
        self.assertEqual(done.stdout.splitlines()[-1], "5 killed, 2 explained, 2 survived")
        self.assertNotIn(" killed:", done.stderr)

    def test_3_of_all(self):
        done = self.mutate("--whole", "--max", "3", "src/a")
        self.assertRegex(done.stdout.splitlines()[-2], r"^3 mutants")
        done = self.mutate("--whole", "src/b")
        self.assertEqual(done.stdout.splitlines()[-1], "0 killed, 0 explained, 0 survived")
        self.assertEqual(done.returncode, 0)

    def test_4_a_test_that_fails_anyway(self):
        test = self.root / "tests/unit/a/test_tiny.c"
        test.write_text(TEST.replace("!=", "=="))
        done = self.mutate("HEAD")
        self.assertEqual(done.returncode, 2)
        self.assertIn("fail without a fault: tiny", done.stderr)


if __name__ == "__main__":
    unittest.main()
