#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: install-deps.sh [--name] build|check|release|prove|coverage|kernel|qemu
# Installs what building (build), testing (check), testing what others get (release), proofs (prove), counting what tests run
# (coverage), testing with a real kernel (kernel) or in QEMU (qemu) needs and this machine lacks; with --name it only
# names that, and fails.
# Says nothing if nothing is missing.
set -eu

# Debian package, and how to see that it need not be installed: a command, a pkg-config module, or the package itself.
needs() {
	cat <<-END
	gcc            command gcc
	libc6-dev      package libc6-dev
	make           command make
	meson          command meson
	ninja-build    command ninja
	pkg-config     command pkg-config
	python3        command python3
	libjansson-dev module  jansson
	libpcap-dev    module  libpcap
	liburcu-dev    module  liburcu-memb
	END
	case $1 in
	check) needs_check ;;
	release) needs_release ;;
	prove) echo debian-archive-keyring package debian-archive-keyring ;;
	coverage)
		echo libcmocka-dev module cmocka
		echo gcovr command gcovr
		;;
	kernel) needs_kernel ;;
	qemu) needs_qemu ;;
	esac
}

needs_check() {
	cat <<-END
	abigail-tools    command abidiff
	binutils         command readelf
	g++              command g++
	libcmocka-dev    module  cmocka
	clang            command clang
	codespell        command codespell
	cpio             command cpio
	fish             command fish
	groff-base       command groff
	libclang-rt-dev  runtime libclang_rt.fuzzer-$(uname -m).a
	qemu-system-arm  command qemu-system-aarch64
	qemu-system-x86  command qemu-system-x86_64
	mandoc           command mandoc
	tcpdump          command tcpdump
	xz-utils         command xz
	zsh              command zsh
	END
}

needs_release() {
	cat <<-END
	bindgen                command bindgen
	cargo                  command cargo
	chromium               command chromium
	clang                  command clang
	debhelper              package debhelper
	debian-archive-keyring package debian-archive-keyring
	dpkg-dev               command dpkg-buildpackage
	g++                    command g++
	gcc-aarch64-linux-gnu  command aarch64-linux-gnu-gcc
	libc6-dev-arm64-cross  package libc6-dev-arm64-cross
	libclang-rt-dev        runtime libclang_rt.fuzzer-$(uname -m).a
	libcmocka-dev          module  cmocka
	lintian                command lintian
	musl-tools             command musl-gcc
	python3-cffi           package python3-cffi
	qemu-user-static       command qemu-aarch64-static
	reuse                  command reuse
	rpm                    command rpmbuild
	rustfmt                command rustfmt
	tshark                 command tshark
	END
}

needs_kernel() {
	cat <<-END
	bc                     command bc
	bison                  command bison
	debian-archive-keyring package debian-archive-keyring
	flex                   command flex
	gcc-aarch64-linux-gnu  command aarch64-linux-gnu-gcc
	libc6-dev-arm64-cross  package libc6-dev-arm64-cross
	libelf-dev             module  libelf
	patch                  command patch
	qemu-efi-aarch64       package qemu-efi-aarch64
	xz-utils               command xz
	END
}

needs_qemu() {
	cat <<-END
	debian-archive-keyring package debian-archive-keyring
	dpkg-dev               command dpkg-source
	gcc-aarch64-linux-gnu  command aarch64-linux-gnu-gcc
	libc6-dev-arm64-cross  package libc6-dev-arm64-cross
	libfdt-dev             package libfdt-dev
	libglib2.0-dev         module  glib-2.0
	patch                  command patch
	python3-venv           package python3-venv
	qemu-system-data       package qemu-system-data
	seabios                package seabios
	xz-utils               command xz
	zlib1g-dev             module  zlib
	END
}

have() {
	case $1 in
	command) command -v "$2" >/dev/null ;;
	module) command -v pkg-config >/dev/null && pkg-config --exists "$2" ;;
	# dpkg also knows packages that are not installed, for instance those that others recommend.
	package) ! command -v dpkg-query >/dev/null || dpkg-query -W -f '${Status}\n' "$2" 2>/dev/null |
		grep -q ' installed$' ;;
	# clang names the file alone when it has no such runtime.
	runtime) command -v clang >/dev/null && [ "$(clang -print-file-name="$2")" != "$2" ] ;;
	esac
}

name=
[ "${1-}" != --name ] || { name=yes; shift; }
missing=()
while read -r package kind what; do
	have "$kind" "$what" || missing+=("$package")
done < <(needs "${1:?build, check, release, prove, coverage, kernel or qemu}")
if [ -n "$name" ]; then
	[ ${#missing[@]} -gt 0 ] || exit 0
	echo "To build viq, 'make deps' installs what is missing here: ${missing[*]}" >&2
	exit 1
fi
# Not every release has these; without them the tests of the format and of the analysis are skipped. Not worth a
# password of its own.
optional=()
for tool in clang-format-14 clang-tidy-14; do
	if [ "$1" = check ] && ! have command $tool; then
		[ ${#missing[@]} -eq 0 ] && [ "$(id -u)" -ne 0 ] || optional+=($tool)
	fi
done
[ $((${#missing[@]} + ${#optional[@]})) -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	[ ${#missing[@]} -gt 0 ] || exit 0
	echo "install-deps: this system has no apt-get. Install what it calls these Debian packages: ${missing[*]}" >&2
	exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-deps: as root, run: apt-get install ${missing[*]} ${optional[*]}" >&2
		exit 1
	fi
	sudo=(sudo)
fi
install() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" </dev/null
}

if [ ${#missing[@]} -gt 0 ]; then
	echo "Installing: ${missing[*]}"
	# A new machine has no package lists, an old one outdated ones.
	if ! install "${missing[@]}" >/dev/null 2>&1; then
		"${sudo[@]}" apt-get -q update </dev/null
		if ! install "${missing[@]}"; then
			echo "install-deps: apt-get could not install: ${missing[*]}" >&2
			exit 1
		fi
	fi
fi
if [ ${#optional[@]} -gt 0 ]; then
	install "${optional[@]}" >/dev/null 2>&1 || echo "Going on without: ${optional[*]}"
fi
