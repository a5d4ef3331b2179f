#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: check.sh             every stage below; ends with a summary, fails if anything failed
#        check.sh fuzz SECS   only the fuzz targets, SECS seconds each
# Every stage has a build directory of its own; a stage goes on where the one before it failed.
set -u
cd "$(dirname "$0")/.." || exit

werror=${WERROR:-true}
stages=build-stages.txt # one line per stage: directory, suites that must run, and what went wrong if it was not a test
export CLICOLOR=0
export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:abort_on_error=1

# stage NAME DIR SUITES "meson options" "meson test options". Warnings are errors where no sanitizer adds false ones.
stage() {
	local name=$1 dir=$2 suites=$3 options=$4 tests=$5 log=$2.log verb=setup

	echo
	echo "== $name: building (output in $log)"
	[ ! -e "$dir/build.ninja" ] || verb=configure
	rm -f "$dir/meson-logs/testlog.json"
	# shellcheck disable=SC2086 # the options are lists of words
	if ! meson $verb "$dir" $options >"$log" 2>&1 || ! ninja -C "$dir" >>"$log" 2>&1; then
		tail -n 60 "$log"
		echo "$dir $suites does not build" >>"$stages"
		return
	fi
	# shellcheck disable=SC2086
	if meson test -C "$dir" --no-rebuild --print-errorlogs $tests; then
		echo "$dir $suites" >>"$stages"
	else
		echo "$dir $suites test failures" >>"$stages"
	fi
}

fuzz() {
	export VIQ_FUZZ_TIME=$1
	CC=clang stage "fuzz targets, $1 s each (clang, ASan, UBSan)" build-fuzz fuzz \
		"-Dwerror=$werror -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false" "--suite fuzz -t 0"
}

: >"$stages"
if [ "${1:-}" = fuzz ]; then
	fuzz "${2:-600}"
else
	# Time limits are there for what hangs, not for what is slow.
	stage "tests" build differential,project,threads "-Dwerror=$werror -Dtests=true" "-t 4"
	stage "tests, ASan and UBSan" build-asan differential,threads \
		"-Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false" "--no-suite project -t 10"
	stage "thread tests, TSan" build-tsan threads \
		"-Dwerror=false -Db_sanitize=thread -Db_lundef=false" "--suite threads -t 10"
	fuzz "${VIQ_FUZZ_TIME:-10}"
fi
exec python3 tools/check-summary.py "$stages"
