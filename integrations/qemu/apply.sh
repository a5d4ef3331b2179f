#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: apply.sh TREE
# Puts viq's devices into the source tree of a QEMU 10.0: hw/viq, the lists of devices of a small build (configure
# --with-devices-x86_64=viq --with-devices-aarch64=viq), and the few lines elsewhere that hook them in. Run again, it
# brings what it put there up to date, and touches no file that is as it should be. Nothing is changed if the lines
# find no place.
set -eu

tree=$(realpath "${1:?source tree of QEMU}")
here=$(cd "$(dirname "$0")" && pwd)
applied=$tree/hw/viq/hooks.patch # what is in the tree, to be taken out again

hook() { patch -d "$tree" -p1 -s -F0 -N "$@"; }
# What is as it was, in the end, is not built again.
settle() {
	(cd "$keep" && find . -type f) | while read -r file; do
		! cmp -s "$keep/$file" "$tree/$file" || touch -r "$keep/$file" "$tree/$file"
	done
	rm -rf "$keep"
}
refresh() { cmp -s "$1" "$2" || install -D -m 644 "$1" "$2"; }

if [ ! -e "$tree/hw/Kconfig" ] || [ ! -e "$tree/VERSION" ]; then
	echo "apply: $tree is no source tree of QEMU" >&2
	exit 1
fi
if ! cmp -s "$here/hooks.patch" "$applied"; then
	keep=$(mktemp -d)
	trap settle EXIT
	(cd "$tree" && sed -n 's|^+++ b/||p' "$here/hooks.patch" | xargs -r stat -c %n 2>/dev/null | xargs -r cp -p --parents -t "$keep")
	[ ! -e "$applied" ] || hook -R -i "$applied"
	if ! hook --dry-run -r - -i "$here/hooks.patch"; then
		[ ! -e "$applied" ] || hook -i "$applied"
		echo "apply: the hooks are for QEMU 10.0, and find no place in $(cat "$tree/VERSION")" >&2
		exit 1
	fi
	hook -i "$here/hooks.patch"
	refresh "$here/hooks.patch" "$applied"
fi
for file in "$here"/hw/viq/*; do
	refresh "$file" "$tree/hw/viq/${file##*/}"
done
for file in "$tree"/hw/viq/*; do
	[ -e "$here/hw/viq/${file##*/}" ] || [ "$file" = "$applied" ] || rm "$file"
done
for arch in x86_64 aarch64; do
	refresh "$here/$arch.mak" "$tree/configs/devices/$arch-softmmu/viq.mak"
done
