#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: bindgen.sh [OUT]: makes viq-sys/src/bindings.rs from the headers anew, with bindgen 0.60 (Debian 12's).
# tests/release/test_rust.sh sees that what is committed is what this makes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/viq-sys/src/bindings.rs}
include=$here/../../include
bindgen --allowlist-type 'viq_.*' --allowlist-function 'viq_.*' --allowlist-var 'VIQ_.*' --no-layout-tests \
	--no-prepend-enum-name --size_t-is-usize --with-derive-default --rust-target 1.47 \
	--disable-header-comment "$here/viq-sys/wrapper.h" -- -I"$include" >"$out.tmp"
# Masks and other 64-bit values are u64; bindgen chooses by value, and takes bit 63 for a sign.
sed -n 's/^#define \(VIQ_[A-Z0-9_]*\) *\(0x[0-9a-f]*\)UL.*/\1 \2/p' "$include"/viq/*.h >"$out.masks"
{
	echo '/* SPDX-License-Identifier: MIT */'
	echo '// Made by bindgen.sh. Do not edit.'
	awk 'FILENAME == ARGV[1] { mask[$1] = $2; next }
		$1 == "pub" && $2 == "const" { name = $3; sub(":", "", name)
			if (name in mask) { print "pub const " name ": u64 = " mask[name] ";"; next } }
		{ print }' "$out.masks" "$out.tmp"
} | rustfmt --edition 2021 --config max_width=120 >"$out"
rm "$out.tmp" "$out.masks"
