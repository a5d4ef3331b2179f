#!/bin/bash
# SPDX-License-Identifier: MIT
# What `make install` installs, and what is built against it as the README says, runs in a system that has nothing else and
# with nothing set: below the two usual prefixes and where a package has it. `make uninstall` leaves nothing.
set -eu
cd "$VIQ_SOURCE"
. tests/release/bare.sh
capture=captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap

# Build an example against a module, with the shared library and as a static program; both say the same, which is printed.
example() {
	local source=$1 module=$2 said
	shift 2
	# shellcheck disable=SC2046 # lists of words
	cc "$source" -o "$root/built" $(pkg-config --cflags --libs "$module") "$@"
	take_libraries "$root/built"
	said=$(enter /built)
	# shellcheck disable=SC2046
	cc -static "$source" -o "$root/built" $(pkg-config --static --cflags --libs "$module")
	[ "$(enter /built)" = "$said" ]
	rm "$root/built"
	echo "$said"
}

files() { find "$root" ! -type d ! -name 'ld.so.*' | sort; }

mkdir "$root/etc"
cp -r /etc/ld.so.conf* "$root/etc"
take_libraries "$VIQ_BUILD/tools/viq/viq"
cp $capture "$root/capture"
for prefix in /usr /usr/local /opt/viq; do
	echo "== $prefix"
	before=$(files)
	make install BUILD="$VIQ_BUILD" PREFIX=$prefix DESTDIR="$root"
	pc=$(find "$root$prefix" -name viq.pc)
	export PKG_CONFIG_PATH=${pc%/*}
	rpath=$(pkg-config --variable=libdir viq)
	export PKG_CONFIG_SYSROOT_DIR=$root
	flags=()
	case $prefix in
	/usr) ! readelf -d "$root$prefix/bin/viq" "$root$rpath"/libviq*.so | grep -E 'RPATH|RUNPATH' ;;
	/usr/local) ldconfig -r "$root" ;;
	*) flags=("-Wl,-rpath,$rpath") ;;
	esac
	enter $prefix/bin/viq --version
	enter $prefix/bin/viq replay --brief /capture
	[ "$(example examples/embed.c viq "${flags[@]}")" = "CMDQ_CONS = 2, confirmed by the host: 1" ]
	example examples/emulated_vtd.c viq-soft -pthread "${flags[@]}"
	unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
	make uninstall BUILD="$VIQ_BUILD" DESTDIR="$root"
	[ "$(files)" = "$before" ] || { diff <(files) <(echo "$before"); exit 1; }
done
