#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: fetch-qemu.sh CACHE [SUITE:ARCHITECTURE]
# Prints a command that is qemu-system-aarch64, 9.1 or newer (before that, its SMMU has no nested stages): this system's
# own if it will do, else one from Debian's archive that is kept in the cache with every library it needs, and does not
# meet this system's. With a suite, the QEMU of that, for that architecture, which need not run here.
set -eu

cache=$(realpath -m "${1:?cache}")
here=$(cd "$(dirname "$0")" && pwd)
needed=9.1 suite=${2:-bookworm-backports}
architecture=${suite#*:}
[ "$architecture" != "$suite" ] || architecture=$(dpkg --print-architecture)

say() { echo "qemu: $*" >&2; }

own=$(qemu-system-aarch64 --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
if [ -z "${2:-}" ] && [ -n "$own" ] && [ "$(printf '%s\n' "$own" $needed | sort -V | head -n 1)" = $needed ]; then
	command -v qemu-system-aarch64
	exit
fi

version=$("$here/archive.sh" "$cache/archive" "$suite" version qemu-system-arm)
result=$cache/qemu/${version#*:}-$architecture # no epoch: a colon would separate library paths
if [ -e "$result" ]; then
	echo "$result/qemu-system-aarch64"
	exit
fi
mkdir -p "$cache/qemu"
exec 9>"$cache/qemu/lock"
flock 9
rm -rf "$cache"/qemu/unpacking.*
work=$cache/qemu/unpacking.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/packages" "$work/all" "$work/result/lib"

say "downloading $version"
closure=$("$here/archive.sh" "$cache/archive" "$suite" closure qemu-system-arm)
cd "$work/packages"
# shellcheck disable=SC2086 # a list of words
"$here/archive.sh" "$cache/archive" "$suite" download $closure >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log" >&2; exit 1; }
for package in ./*.deb; do
	dpkg-deb -x "$package" "$work/all"
done

cd "$work/all"
mv usr/bin/qemu-system-aarch64 ../result/qemu
mv usr/share/qemu ../result/share
shopt -s nullglob # from Debian 13 on there is no lib beside usr/lib
find lib/*-linux-gnu* usr/lib/*-linux-gnu* -maxdepth 1 -name '*.so*' -exec cp -P -t ../result/lib {} +
cat >"$work/result/qemu-system-aarch64" <<-'END'
	#!/bin/sh
	here=$(dirname "$0")
	exec "$here"/lib/ld-linux-*.so.* --library-path "$here/lib" "$here/qemu" -L "$here/share" "$@"
END
chmod +x "$work/result/qemu-system-aarch64"
[ -n "${2:-}" ] || "$work/result/qemu-system-aarch64" --version >&2
mv -T "$work/result" "$result"
echo "$result/qemu-system-aarch64"
