#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: test_cross.sh [arm64|s390x]
# Built for another machine, and unit tests run under QEMU's user emulation. What they link comes from Debian's archive and
# does not meet this system's. s390x (gcc-s390x-linux-gnu) is for the order of bytes, by hand.
set -eu -o pipefail
machine=${1:-arm64}
case $machine in
arm64) cpu=aarch64 endian=little ;;
s390x) cpu=s390x endian=big ;;
esac
dir=$VIQ_CACHE/$machine root=$VIQ_CACHE/$machine/root
mkdir -p "$dir"
archive() { "$VIQ_SOURCE/tests/system/kernel/archive.sh" "$VIQ_CACHE/archive" "bookworm:$machine" "$@"; }

if [ ! -e "$root" ]; then
	rm -rf "$dir/packages"
	mkdir -p "$dir/packages/root"
	cd "$dir/packages"
	# shellcheck disable=SC2046 # lists of words
	archive download $({ archive closure libcmocka-dev; archive closure liburcu-dev; } | sort -u)
	for package in ./*.deb; do
		dpkg-deb -x "$package" root
	done
	mv root "$root"
fi

cat >"$dir/cross" <<-END
	[binaries]
	c = '$cpu-linux-gnu-gcc'
	ar = '$cpu-linux-gnu-ar'
	objcopy = '$cpu-linux-gnu-objcopy'
	strip = '$cpu-linux-gnu-strip'
	pkgconfig = 'pkg-config'
	exe_wrapper = ['qemu-$cpu-static', '-L', '$root']
	[properties]
	sys_root = '$root'
	pkg_config_libdir = '$root/usr/lib/$cpu-linux-gnu/pkgconfig'
	[host_machine]
	system = 'linux'
	cpu_family = '$cpu'
	cpu = '$cpu'
	endian = '$endian'
	END
rm -rf "$dir/build"
meson setup "$dir/build" "$VIQ_SOURCE" --cross-file "$dir/cross" --buildtype=release -Dwerror=true -Dtool=false
# Tables, commands and saved states in memory, and a host of each kind. What takes long under emulation is left out.
tests=(spec-smmuv3-command spec-smmuv3-tables spec-vtd-descriptor spec-vtd-tables smmuv3-command vtd-descriptor mem-access
	walk-s1 vtd-walk-oracle linux-invalidate p7-saved-formats p7-freeze-and-thaw-smmuv3 soft-backend call-exact)
meson test -C "$dir/build" --print-errorlogs --timeout-multiplier 20 "${tests[@]}"
