#!/bin/bash
# SPDX-License-Identifier: MIT
# The Rust crates build from source offline, work, and can be packaged; their bindings are those of the headers.
set -eu
cd "$VIQ_SOURCE/integrations/rust"
export CARGO_HOME=$VIQ_CACHE/cargo CARGO_TARGET_DIR=$VIQ_CACHE/rust CARGO_NET_OFFLINE=true
mkdir -p "$CARGO_HOME"

# Other versions of bindgen write the same in another way.
if bindgen --version | grep -q ' 0\.60\.'; then
	./bindgen.sh "$VIQ_CACHE/bindings.rs"
	diff viq-sys/src/bindings.rs "$VIQ_CACHE/bindings.rs"
fi
cargo fmt --check
cargo test --locked --features viq/soft # without it: below
for example in vmm traits; do
	cargo run --locked -p viq --features soft --example $example
done

# The system's library, here that of the release build.
prefix=$VIQ_CACHE/rust-prefix
DESTDIR='' meson install -C "$VIQ_BUILD" --destdir "$prefix" --no-rebuild --quiet
pc=$(dirname "$(find "$prefix" -name viq.pc)")
VIQ_SYS_SYSTEM=1 PKG_CONFIG_PATH=$pc PKG_CONFIG_SYSROOT_DIR=$prefix LD_LIBRARY_PATH=$(dirname "$pc") \
	CARGO_TARGET_DIR=$VIQ_CACHE/rust-system cargo test --locked -p viq-sys

# What is packaged needs nothing beside it.
rm -rf "$VIQ_CACHE/rust-package"
./package.sh "$VIQ_CACHE/rust-package"
cd "$VIQ_CACHE/rust-package"
mkdir apart
for crate in viq-sys viq; do
	tar -xzf $crate-[0-9]*.crate -C apart
	mv apart/$crate-[0-9]* apart/$crate
done
cd apart/viq
cargo build --config "patch.crates-io.viq-sys.path = '../viq-sys'"
