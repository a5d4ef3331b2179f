#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: sysroot.sh CACHE PACKAGE...
# Prints a folder with the static libraries and headers of these packages of Debian 12 for arm64, and in "pkgconfig" how to
# link them: from Debian's archive, kept in the cache. They link with the C library of whatever cross compiler this system has.
set -eu

cache=$(realpath -m "${1:?cache}")
shift
here=$(cd "$(dirname "$0")" && pwd)
archive() { "$here/archive.sh" "$cache/archive" bookworm:arm64 "$@"; }

wanted=()
for package; do
	wanted+=("$package=$(archive version "$package")")
done
result=$cache/sysroot/arm64-$(echo "${wanted[@]}" | sha256sum | cut -c 1-16)
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
mkdir -p "$cache/sysroot"
exec 9>"$cache/sysroot/lock"
flock 9
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
rm -rf "$cache"/sysroot/unpacking.*
work=$cache/sysroot/unpacking.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/packages" "$work/result/pkgconfig"

cd "$work/packages"
archive download "${wanted[@]}" >../log 2>&1 || { tail -n 20 ../log >&2; exit 1; }
for package in ./*.deb; do
	dpkg-deb -x "$package" ../result
done
cd ../result
find . -name '*.so*' -delete
for file in usr/lib/*/pkgconfig/*.pc usr/share/pkgconfig/*.pc; do
	[ ! -e "$file" ] || sed "s,=/usr,=$result/usr," "$file" >"pkgconfig/${file##*/}"
done
# What a static library needs is needed.
[ ! -e pkgconfig/glib-2.0.pc ] || sed -i 's,^Requires.private:,Requires:,' pkgconfig/glib-2.0.pc
cd ..
mv -T result "$result"
echo "$result"
