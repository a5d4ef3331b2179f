#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: build.sh [arm64]
# Builds Debian's QEMU 10.0 with viq's devices, unless the cache has it. Prints the folder with bin/qemu-system-x86_64
# and bin/qemu-system-aarch64, which have only the devices of x86_64.mak and aarch64.mak, and with QEMU's own tests of a
# VT-d in tests/qtest. The cache, $VIQ_CACHE or
# ~/.cache/viq, is shared by all clones: the folder's name holds a hash of all that goes into it, and it appears there
# only when it is complete. A tree for a version and a way to configure it is kept beside, so that a change in viq or in
# hw/viq costs a few objects.
# With arm64: bin/qemu-system-aarch64 alone, for an Arm machine with KVM, made by the cross compiler, and in lib what it loads.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
viq=$(cd "$here/../.." && pwd)
cache=${VIQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/viq}
archive() { "$viq/tests/system/kernel/archive.sh" "$cache/archive" "$@"; }
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that may have called us

targets=x86_64-softmmu,aarch64-softmmu accel=tcg
programs=(qemu-system-x86_64 qemu-system-aarch64) tests=(tests/qtest/intel-iommu-test tests/qtest/viq-vtd-test)
prefix='' cross=() meson=()
case ${1-} in
'') ;;
arm64)
	targets=aarch64-softmmu accel=kvm programs=(qemu-system-aarch64) tests=() prefix=aarch64-linux-gnu-
	sysroot=$("$viq/tests/system/kernel/sysroot.sh" "$cache" libfdt-dev libffi-dev libglib2.0-0 libglib2.0-dev libpcre2-dev \
		liburcu-dev zlib1g-dev)
	cross=(--disable-tcg "--cross-prefix=$prefix" "--extra-cflags=-I$sysroot/usr/include"
		"--extra-ldflags=-L$sysroot/usr/lib/aarch64-linux-gnu")
	meson=(--cross-file "$viq/tests/system/kernel/aarch64.cross" --cross-file "$here/pkgconfig.cross")
	export PKG_CONFIG=pkg-config PKG_CONFIG_LIBDIR=$sysroot/pkgconfig
	;;
*) echo "Usage: build.sh [arm64]" >&2; exit 2 ;;
esac
configure=("--target-list=$targets" --without-default-features --without-default-devices
	--with-devices-x86_64=viq --with-devices-aarch64=viq --enable-viq "--enable-$accel" --enable-system --enable-fdt=system
	--enable-vhost-user --disable-docs --disable-download --disable-install-blobs --disable-debug-info
	--extra-cflags=-Wno-error "${cross[@]}")
# Firmware that QEMU looks for in its own folder, from the packages seabios and qemu-system-data.
firmware=(/usr/share/seabios/bios-256k.bin /usr/share/qemu/linuxboot_dma.bin /usr/share/qemu/multiboot_dma.bin
	/usr/share/qemu/kvmvapic.bin)

say() { echo "qemu: $*" >&2; }
# A log's own end is what there is to say about a failure.
quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	say "failed: $*"
	exit 1
}
hash() { sha256sum | cut -c 1-16; }

version=$(archive trixie version qemu-system-x86)
case $version in
1:10.0.*) version=${version#*:} ;;
*) say "Debian trixie has QEMU $version, not 10.0"; exit 1 ;;
esac
way=$({ echo "${configure[@]}"; "${prefix:+${prefix}g}cc" --version; } | hash)
sources=$(cd "$viq" && find integrations/qemu src include meson.build meson_options.txt -type f | LC_ALL=C sort |
	xargs sha256sum | hash)
result=$cache/qemu-viq/$version-$(echo "$way $sources $(cat "${firmware[@]}" | hash)" | hash)
if [ -e "$result" ]; then
	touch "$result"
	echo "$result"
	exit
fi

tree=$cache/qemu-viq/tree-$version-$way log=$tree.log
mkdir -p "$cache/qemu-viq"
exec 9>"$tree.lock"
flock -n 9 || { say "waiting for another build"; flock 9; }
: >"$log"
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
# Whoever was killed in the midst of a change leaves a tree that nobody knows.
[ ! -e "$tree/changing" ] || rm -rf "$tree"

# Debian's source with Debian's patches. Two of them are needed: no firmware images to unpack, no python3-pycotap. And
# the Meson that it wants, which Debian 12 has in its backports only.
if [ ! -e "$tree" ]; then
	work=$tree.unpacking
	rm -rf "$work"
	mkdir -p "$work/packages"
	cd "$work/packages"
	say "$version: downloading"
	quietly archive trixie source "qemu=1:$version"
	quietly archive bookworm-backports download meson
	say "$version: unpacking"
	quietly dpkg-source --no-check -x ./*.dsc ../source
	quietly dpkg-deb -x meson_*.deb ../tools
	rm -r "$work/packages"
	mv -T "$work" "$tree"
fi

cd "$tree"
touch changing
quietly "$here/apply.sh" source
rm changing

say "$version: building viq"
export PKG_CONFIG_PATH=$tree/viq/lib/pkgconfig:${PKG_CONFIG_PATH-}
own=$viq/build-qemu${1:+-$1}
[ -e "$own/build.ninja" ] || quietly meson setup "$own" "$viq" --libdir=lib --buildtype=release -Ddefault_library=static \
	-Dtool=false -Dtests=false "${meson[@]}"
quietly meson configure "$own" --prefix="$tree/viq"
quietly ninja -C "$own"
quietly meson install -C "$own" --no-rebuild --only-changed

export PATH=$tree/tools/usr/bin:$PATH PYTHONPATH=$tree/tools/usr/lib/python3/dist-packages
cc=${prefix:+${prefix}g}cc
! command -v ccache >/dev/null || cc="ccache $cc"
if [ ! -e build/configured ]; then
	rm -rf build
	mkdir build
	cd build
	say "$version: configuring"
	quietly ../source/configure --python=/usr/bin/python3 --cc="$cc" "${configure[@]}"
	touch configured
	cd ..
fi
say "$version: compiling (about ten minutes on two processors the first time)"
start=$SECONDS
quietly ninja -C build "${programs[@]}" "${tests[@]}"
rm -rf result
mkdir -p result/bin result/share/qemu result/tests/qtest
install -s --strip-program="${prefix}strip" -t result/bin "${programs[@]/#/build/}"
cp -t result/share/qemu "${firmware[@]}"
if [ -n "$prefix" ]; then
	mkdir result/lib
	for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6; do
		cp -L -t result/lib "$("${prefix}gcc" -print-file-name="$library")"
	done
else
	install -s -t result/tests/qtest "${tests[@]/#/build/}"
	for program in result/bin/*; do
		quietly "$program" --version
	done
fi
mv -T result "$result"
say "$version: done in $((SECONDS - start)) s"
# Those that nobody has used for a month.
find "$cache/qemu-viq" -mindepth 1 -maxdepth 1 -name "1*" -mtime +30 -exec rm -rf {} +
echo "$result"
