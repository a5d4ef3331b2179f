#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: fetch-libfdt.sh CACHE
# Prints a folder with "include" and "lib" of a static libfdt for arm64: from Debian's archive, kept in the cache. It is
# that of Debian 12, so that it links with the C library of whatever cross compiler this system has.
set -eu

cache=$(realpath -m "${1:?cache}")
here=$(cd "$(dirname "$0")" && pwd)
suite=bookworm:arm64

version=$("$here/archive.sh" "$cache/archive" $suite version libfdt-dev)
result=$cache/libfdt/$version
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
mkdir -p "$cache/libfdt"
exec 9>"$cache/libfdt/lock"
flock 9
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
rm -rf "$cache"/libfdt/unpacking.*
work=$cache/libfdt/unpacking.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/result/lib" "$work/result/include"

cd "$work"
"$here/archive.sh" "$cache/archive" $suite download "libfdt-dev=$version" >log 2>&1 || { tail -n 20 log >&2; exit 1; }
dpkg-deb -x libfdt-dev_*.deb all
mv all/usr/lib/*/libfdt.a result/lib
mv all/usr/include/*fdt*.h result/include
mv -T result "$result"
echo "$result"
