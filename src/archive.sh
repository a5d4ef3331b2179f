#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: archive.sh OBJCOPY AR OUTPUT OBJECT... -- CC...
# A static library of one object, in which hidden symbols are local: they cannot clash with the embedder's.
set -eu
objcopy=$1 ar=$2 out=$3
shift 3
objects=
while [ "$1" != -- ]; do
	objects="$objects $1"
	shift
done
shift
# shellcheck disable=SC2086 # a list of words
"$@" -r -nostdlib -o "$out.o" $objects
"$objcopy" --localize-hidden "$out.o"
rm -f "$out"
"$ar" rcsD "$out" "$out.o"
rm -f "$out.o"
