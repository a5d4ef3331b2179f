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
exit $failed
