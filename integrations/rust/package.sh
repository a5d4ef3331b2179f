#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: package.sh OUT: makes the crates' packages in the folder OUT. viq-sys carries a copy of the C sources, made here.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
rm -rf "$out/stage"
mkdir "$out/stage"
cp -R "$here/Cargo.toml" "$here/Cargo.lock" "$here/viq-sys" "$here/viq" "$out/stage"
mkdir "$out/stage/viq-sys/c"
cp -R "$here/../../include" "$here/../../src" "$here/../../LICENSE" "$out/stage/viq-sys/c"
cd "$out/stage"
# The registry knows no viq-sys yet: its place is taken by the folder.
for crate in viq-sys viq; do
	cargo package --offline --no-verify --allow-dirty -p $crate --target-dir "$out/target" \
		--config "patch.crates-io.viq-sys.path = '$out/stage/viq-sys'"
done
mv "$out"/target/package/*.crate "$out"
