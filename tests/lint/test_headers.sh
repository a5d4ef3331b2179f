#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C11 and as C++11, and twice in one file, without a warning.
set -u
cd "$VIQ_SOURCE/include" || exit
failed=0
for header in viq/*.h; do
	for language in "c -std=c11" "c++ -std=c++11"; do
		# shellcheck disable=SC2086 # two words
		printf '#include <%s>\n#include <%s>\nint nothing;\n' "$header" "$header" |
			cc -I. -x $language -Wall -Wextra -pedantic -Werror -fsyntax-only - && continue
		echo "$header does not compile alone: $language"
		failed=1
	done
done
# A 32-bit host is refused by name, not by what breaks first.
if cc -I. -m32 -E -x c viq/export.h 2>&1 >/dev/null | grep -q 'only 64-bit hosts'; then :; else
	echo "a 32-bit host is not refused"
	failed=1
fi
exit $failed
