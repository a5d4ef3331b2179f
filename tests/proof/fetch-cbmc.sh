#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: fetch-cbmc.sh CACHE
# Prints a command that is cbmc, 6 or newer: this system's own if it will do, else Debian 13's, which is kept in the cache
# with the libraries it needs, and does not meet this system's. C is preprocessed by this system's gcc.
set -eu

cache=$(realpath -m "${1:?cache}") suite=trixie
# shellcheck source=tests/system/kernel/cached.sh
. "$(dirname "$0")/../system/kernel/cached.sh"

own=$(cbmc --version 2>/dev/null | sed -n 's/^\([0-9]*\)\..*/\1/p')
if [ "${own:-0}" -ge 6 ]; then
	command -v cbmc
	exit
fi

version=$(archive $suite version cbmc)
begin "$cache/cbmc/$version"
if [ -z "$found" ]; then
	echo "cbmc: downloading $version" >&2
	unpack $suite cbmc libc6 libstdc++6 libgcc-s1 minisat zlib1g
	mv usr/bin/cbmc ../result/cbmc-binary
	find usr/lib usr/lib/*-linux-gnu* -maxdepth 1 -name '*.so*' -exec cp -P -t ../result/lib {} +
	# shellcheck disable=SC2016 # for the command
	command_with_libraries cbmc '"$here/cbmc-binary"'
	"$work/result/cbmc" --version >/dev/null
	mv -T "$work/result" "$result"
fi
echo "$result/cbmc"
