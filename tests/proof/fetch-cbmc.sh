#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: fetch-cbmc.sh CACHE
# Prints a command that is cbmc, 6 or newer: this system's own if it will do, else Debian 13's, which is kept in the cache
# with the libraries it needs, and does not meet this system's. C is preprocessed by this system's gcc.
set -eu

cache=$(realpath -m "${1:?cache}")
here=$(cd "$(dirname "$0")" && pwd)
archive=$here/../system/kernel/archive.sh suite=trixie

own=$(cbmc --version 2>/dev/null | sed -n 's/^\([0-9]*\)\..*/\1/p')
if [ "${own:-0}" -ge 6 ]; then
	command -v cbmc
	exit
fi

version=$("$archive" "$cache/archive" $suite version cbmc)
result=$cache/cbmc/$version
if [ -e "$result" ]; then
	echo "$result/cbmc"
	exit
fi
mkdir -p "$cache/cbmc"
exec 9>"$cache/cbmc/lock"
flock 9
rm -rf "$cache"/cbmc/unpacking.*
work=$cache/cbmc/unpacking.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/packages" "$work/all" "$work/result/lib"

echo "cbmc: downloading $version" >&2
cd "$work/packages"
"$archive" "$cache/archive" $suite download cbmc libc6 libstdc++6 libgcc-s1 minisat zlib1g >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log" >&2; exit 1; }
for package in ./*.deb; do
	dpkg-deb -x "$package" "$work/all"
done

cd "$work/all"
mv usr/bin/cbmc ../result/cbmc-binary
find usr/lib usr/lib/*-linux-gnu* -maxdepth 1 -name '*.so*' -exec cp -P -t ../result/lib {} +
cat >"$work/result/cbmc" <<-'END'
	#!/bin/sh
	here=$(dirname "$0")
	exec "$here"/lib/ld-linux-*.so.* --library-path "$here/lib" "$here/cbmc-binary" "$@"
END
chmod +x "$work/result/cbmc"
"$work/result/cbmc" --version >/dev/null
mv -T "$work/result" "$result"
echo "$result/cbmc"
