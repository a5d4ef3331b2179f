# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by scripts that keep something of Debian's archive in the cache, $cache. A folder appears there only when it is
# complete, and is made by one script at a time.

here_cached=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# archive SUITE[:ARCHITECTURE] COMMAND...: see archive.sh
archive() { "$here_cached/archive.sh" "$cache/archive" "$@"; }

# begin FOLDER: it is to be made in $work, unless $found says that it is there: before, or when whoever had the lock was done.
begin() {
	result=$1 found=yes
	[ ! -e "$result" ] || return 0
	mkdir -p "${result%/*}"
	exec 9>"${result%/*}/lock"
	flock 9
	[ ! -e "$result" ] || return 0
	found=
	rm -rf "${result%/*}"/unpacking.* # whoever was killed before it could clean up
	work=${result%/*}/unpacking.$$
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	mkdir -p "$work/packages" "$work/all" "$work/result/lib"
}

# unpack SUITE[:ARCHITECTURE] PACKAGE...: all of them to $work/all
unpack() {
	local suite=$1 package

	shift
	cd "$work/packages"
	archive "$suite" download "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
	for package in ./*.deb; do
		dpkg-deb -x "$package" "$work/all"
	done
	cd "$work/all"
}

# command_with_libraries NAME WORDS: the command NAME, of the libraries in $work/result/lib, is WORDS, in which $here is
# the folder
command_with_libraries() {
	cat >"$work/result/$1" <<-END
		#!/bin/sh
		here=\$(dirname "\$0")
		exec "\$here"/lib/ld-linux-*.so.* --library-path "\$here/lib" $2 "\$@"
	END
	chmod +x "$work/result/$1"
}
