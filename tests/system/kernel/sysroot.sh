#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: sysroot.sh CACHE PACKAGE...
# Prints a folder with the static libraries and headers of these packages of Debian 12 for arm64, and in "pkgconfig" how to
# link them: from Debian's archive, kept in the cache. They link with the C library of whatever cross compiler this system has.
set -eu

cache=$(realpath -m "${1:?cache}") suite=bookworm:arm64
shift
# shellcheck source=tests/system/kernel/cached.sh
. "$(dirname "$0")/cached.sh"

wanted=()
for package; do
	wanted+=("$package=$(archive $suite version "$package")")
done
begin "$cache/sysroot/arm64-$(echo "${wanted[@]}" | sha256sum | cut -c 1-16)"
if [ -z "$found" ]; then
	unpack $suite "${wanted[@]}"
	find . -name '*.so*' -delete
	mkdir pkgconfig
	for file in usr/lib/*/pkgconfig/*.pc usr/share/pkgconfig/*.pc; do
		[ ! -e "$file" ] || sed "s,=/usr,=$result/usr," "$file" >"pkgconfig/${file##*/}"
	done
	# What a static library needs is needed.
	[ ! -e pkgconfig/glib-2.0.pc ] || sed -i 's,^Requires.private:,Requires:,' pkgconfig/glib-2.0.pc
	cd ..
	mv -T all "$result"
fi
echo "$result"
