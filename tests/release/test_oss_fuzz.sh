#!/bin/bash
# SPDX-License-Identifier: MIT
# packaging/oss-fuzz/build.sh as OSS-Fuzz runs it; then each target from $OUT, with its seeds and its own libraries.
set -eu -o pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src" "$dir/work" "$dir/out"
ln -s "$VIQ_SOURCE" "$dir/src/viq"
flags='-O1 -fsanitize=address,fuzzer-no-link'
env CC=clang CXX=clang++ CFLAGS="$flags" CXXFLAGS="$flags" SANITIZER=address \
	LIB_FUZZING_ENGINE=-fsanitize=fuzzer SRC="$dir/src" WORK="$dir/work" OUT="$dir/out" \
	"$VIQ_SOURCE/packaging/oss-fuzz/build.sh"
rm -rf "$dir/work"

count=0
for source in "$VIQ_SOURCE"/tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	target=$dir/out/$name
	# A library that is not the loader's or libc's comes from beside the target.
	foreign=$(ldd "$target" | grep -E 'libcmocka|libjansson|libpcap|liburcu|libdbus' | grep -v "$dir/out/lib/" || true)
	if [ -n "$foreign" ] || ! grep -qx 'max_len = [0-9]*' "$target.options"; then
		echo "$name: $foreign"
		exit 1
	fi
	mkdir "$dir/$name"
	python3 -m zipfile -e "${target}_seed_corpus.zip" "$dir/$name"
	"$target" -runs=0 -rss_limit_mb=2560 -timeout=25 "$dir/$name" 2>"$dir/log" || { cat "$dir/log"; exit 1; }
	tail -n 1 "$dir/log"
	count=$((count + 1))
done
echo "$count targets"
[ "$count" -gt 8 ]
