#!/bin/bash
# SPDX-License-Identifier: MIT
# viq builds as those want it who take only parts of it: other compilers, another libc, parts of the options, a subproject
# of a Meson project.
set -eu -o pipefail
dir=$VIQ_CACHE/options
rm -rf "$dir"
mkdir -p "$dir"

build() { # NAME SOURCE OPTION...
	local name=$1 source=$2
	shift 2
	echo "== $name"
	meson setup "$dir/$name" "$source" -Dwerror=true "$@" >"$dir/$name.log" || { cat "$dir/$name.log"; exit 1; }
	ninja -C "$dir/$name" | tail -n 30
}

CC=clang build pedantic "$VIQ_SOURCE" -Dwarning_level=3 -Dtests=false -Dtool=false
CC=musl-gcc build musl "$VIQ_SOURCE" -Dtests=false -Dsoft=false -Ddefault_library=static
musl-gcc -static -I"$VIQ_SOURCE/include" "$VIQ_SOURCE/examples/embed.c" "$dir/musl/src/libviq.a" -o "$dir/embed"
"$dir/embed"

# Without the software host there is no tool, but nearly all tests.
build no-soft "$VIQ_SOURCE" --buildtype=plain -Dsoft=false
meson test -C "$dir/no-soft" --no-rebuild --quiet -t 4 smmuv3-config vtd-config call-exact
DESTDIR=$dir/root meson install -C "$dir/no-soft" --no-rebuild --quiet
[ -z "$(find "$dir/root" -name '*soft*')" ]

mkdir -p "$dir/super/subprojects"
ln -s "$VIQ_SOURCE" "$dir/super/subprojects/viq"
cp "$VIQ_SOURCE/examples/embed.c" "$VIQ_SOURCE"/examples/emulated* "$dir/super"
cat >"$dir/super/meson.build" <<-'END'
	project('super', 'c', default_options : ['c_std=c11'])
	executable('embed', 'embed.c', dependencies : dependency('viq', fallback : 'viq'))
	executable('soft', 'emulated_smmuv3.c', dependencies : [dependency('viq-soft', fallback : 'viq'), dependency('threads')])
	END
build subproject "$dir/super" --force-fallback-for=viq,viq-soft
"$dir/subproject/embed"
"$dir/subproject/soft"
[ ! -e "$dir/subproject/subprojects/viq/tools" ]
