#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: build-kernel.sh CACHE ARCHITECTURE PACKAGE VERSION [SERIES [DEBUG]]
# Builds a Linux for arm64 or x86_64 from Debian's PACKAGE (linux-source-X.Y) with the options of kernel.config and
# ARCHITECTURE.config, unless the cache has it. Prints the folder with "Image", its "config", and "about", a line that
# says what it is. CACHE is shared by all clones: a folder's name holds a hash of all that goes into it, and it appears
# there only when it is complete.
# With the patches in the folder SERIES, the kernel without them is built on the way: both take little longer than one.
# With the folder DEBUG the options and patches there are added, and that kernel is the only one.
set -eu

cache=$(realpath -m "${1:?cache}") architecture=${2:?architecture} package=${3:?package} version=${4:?version}
series=${5:+$(realpath "$5")} debug=${6:+$(realpath "$6")}
here=$(cd "$(dirname "$0")" && pwd)
fragments=("$here/kernel.config" "$here/$architecture.config" ${debug:+"$debug/kernel.config"})
case $architecture in
arm64) cross=aarch64-linux-gnu- image=arch/arm64/boot/Image ;;
x86_64) cross=x86_64-linux-gnu- image=arch/x86/boot/bzImage ;;
*) echo "kernel: no such architecture here: $architecture" >&2; exit 2 ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that may have called us

say() { echo "kernel: $*" >&2; }
# A log's own end is what there is to say about a failure.
quietly() {
	"$@" >>"$work/log" 2>&1 && return
	tail -n 40 "$work/log" >&2
	say "failed: $*"
	exit 1
}

key=$({ echo "$package=$version"; ${cross}gcc --version; ${cross}ld --version; cat "${fragments[@]}" "$0"; } |
	sha256sum | cut -c 1-16)
plain=$cache/kernel/$package-$version-$architecture-$key result=$plain
patches=(${series:+"$series"/*.patch} ${debug:+"$debug"/*.patch})
[ -z "$series" ] || result=$plain-$(cat "${patches[@]}" "$here"/selftests/sys/* | sha256sum | cut -c 1-16)
if [ -e "$result" ]; then
	echo "$result"
	exit
fi

mkdir -p "$cache/kernel"
exec 9>"$cache/kernel/lock"
flock -n 9 || { say "waiting for another build"; flock 9; }
if [ -e "$result" ]; then
	echo "$result"
	exit
fi
rm -rf "$cache"/kernel/building.* # whoever was killed before it could clean up
work=$cache/kernel/building.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work"
cd "$work"

say "$package $version: downloading"
quietly "$here/archive.sh" "$cache/archive" trixie-backports download "$package=$version"
say "$package $version: unpacking"
quietly dpkg-deb -x "$package"_*.deb deb
rm "$package"_*.deb
mkdir source
# The largest part of it by far is a graphics driver's register names.
quietly tar -C source --strip-components=1 --exclude='*/drivers/gpu/drm/amd/include' -xf "deb/usr/src/$package.tar.xz"
rm -r deb

cat "${fragments[@]}" >options
build() {
	quietly make -C source -s -j"$(nproc)" ARCH=$architecture CROSS_COMPILE=$cross KCONFIG_ALLCONFIG="$work/options" \
		KBUILD_BUILD_USER=viq KBUILD_BUILD_HOST=viq "$@"
}
build allnoconfig
missing=$(grep -E '^CONFIG_' options | grep -vxFf source/.config) || true
if [ -n "$missing" ]; then
	say "$package $version cannot have these options:" $missing
	exit 1
fi
# Compile what is in source; it appears as the folder $1, with the remark $2 and the files that follow.
image() {
	local folder=$1 remark=$2

	shift 2
	build "${image##*/}"
	mkdir result
	cp "source/$image" result/Image
	cp source/.config result/config
	echo "Linux $(cat source/include/config/kernel.release) ($package $version$remark)" >result/about
	[ $# -eq 0 ] || mv "$@" result
	mv result "$folder"
}
say "$package $version: compiling for $architecture (about five minutes on two processors)"
start=$SECONDS
[ -e "$plain" ] || [ -n "$debug" ] || image "$plain" ""
if [ -n "$series" ]; then
	say "$package $version: with ${series##*/integrations/}"
	for patch in "${patches[@]}"; do
		quietly patch -d source -p1 -F0 -i "$patch"
	done
	# Of the headers for user space these two alone; making all of them takes longer than the rest of this.
	mkdir -p headers/linux
	for header in iommufd vfio; do
		sed 's/__user\b//; s/__counted_by(\w*)//' "source/include/uapi/linux/$header.h" >"headers/linux/$header.h"
	done
	for test in iommufd iommufd_fail_nth; do
		quietly ${cross}gcc -static -O2 -w -D_GNU_SOURCE -isystem headers -I "$here/selftests" \
			-I source/tools/testing/selftests -o "selftest-$test" "source/tools/testing/selftests/iommu/$test.c" -lpthread
	done
	image "$result" " with ${series##*/integrations/}${debug:+, ${debug##*/}}" selftest-*
fi
say "$package $version: done in $((SECONDS - start)) s"
echo "$result"
