#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: archive.sh LD OBJCOPY AR OUTPUT OBJECT...
# A static library of one object, in which hidden symbols are local: they cannot clash with the embedder's.
set -eu
ld=$1 objcopy=$2 ar=$3 out=$4
shift 4
"$ld" -r -o "$out.o" "$@"
"$objcopy" --localize-hidden "$out.o"
rm -f "$out"
"$ar" rcsD "$out" "$out.o"
rm -f "$out.o"
