#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: fetch-qemu.sh CACHE [SUITE:ARCHITECTURE]
# Prints a command that is qemu-system-aarch64, 9.1 or newer (before that, its SMMU has no nested stages): this system's
# own if it will do, else one from Debian's archive that is kept in the cache with every library it needs, and does not
# meet this system's. With a suite, the QEMU of that, for that architecture, which need not run here.
set -eu

cache=$(realpath -m "${1:?cache}")
# shellcheck source=tests/system/kernel/cached.sh
. "$(dirname "$0")/cached.sh"
needed=9.1 suite=${2:-bookworm-backports}
architecture=${suite#*:}
[ "$architecture" != "$suite" ] || architecture=$(dpkg --print-architecture)

say() { echo "qemu: $*" >&2; }

own=$(qemu-system-aarch64 --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
if [ -z "${2:-}" ] && [ -n "$own" ] && [ "$(printf '%s\n' "$own" $needed | sort -V | head -n 1)" = $needed ]; then
	command -v qemu-system-aarch64
	exit
fi

version=$(archive "$suite" version qemu-system-arm)
begin "$cache/qemu/${version#*:}-$architecture" # no epoch: a colon would separate library paths
if [ -z "$found" ]; then
	say "downloading $version"
	closure=$(archive "$suite" closure qemu-system-arm)
	# shellcheck disable=SC2086 # a list of words
	unpack "$suite" $closure
	mv usr/bin/qemu-system-aarch64 ../result/qemu
	mv usr/share/qemu ../result/share
	shopt -s nullglob # from Debian 13 on there is no lib beside usr/lib
	find lib/*-linux-gnu* usr/lib/*-linux-gnu* -maxdepth 1 -name '*.so*' -exec cp -P -t ../result/lib {} +
	# shellcheck disable=SC2016 # for the command
	command_with_libraries qemu-system-aarch64 '"$here/qemu" -L "$here/share"'
	[ -n "${2:-}" ] || "$work/result/qemu-system-aarch64" --version >&2
	mv -T "$work/result" "$result"
fi
echo "$result/qemu-system-aarch64"
