#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# What OSS-Fuzz runs in its container, with the compiler, its flags and the folders in the environment: each fuzz target
# goes to $OUT, with its seeds and its options, and the shared libraries that the machine that runs it has not got.
cd "$SRC/viq"
build=$WORK/viq
rm -rf "$build"

# As RPATH, which the libraries' own libraries are found by, too; RUNPATH is not.
# shellcheck disable=SC2016 # the loader's variable
LDFLAGS="${LDFLAGS:-} -Wl,--disable-new-dtags,-rpath,"'$ORIGIN/lib' \
	meson setup "$build" -Ddefault_library=static -Db_lundef=false -Dfuzz=true -Dfuzz_engine="$LIB_FUZZING_ENGINE"
ninja -C "$build" ${JOBS:+-j"$JOBS"} fuzz-targets

mkdir -p "$OUT/lib"
for target in "$build"/tests/fuzz/fuzz_*; do
	[ -f "$target" ] || continue # a folder of objects
	cp "$target" "$OUT"
	tests/fuzz/run_fuzz.py --write "$OUT" "$(basename "$target")"
	ldd "$target" | awk '$2 == "=>" && $1 !~ /^(libc|libdl|libgcc_s|libm|libpthread|libresolv|librt)\.so/ {print $3}' |
		xargs -r cp -t "$OUT/lib"
done
