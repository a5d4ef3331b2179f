#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: archive.sh DIR SUITE[:ARCHITECTURE] COMMAND
#   kernels             "NAME VERSION" of the current linux-source package, then of the newest other one from 6.13 on
#   version PACKAGE     the newest version there
#   depends PACKAGE     the packages that it depends on, a name a line
#   closure PACKAGE     it and all that it depends on, "NAME=VERSION" a line
#   download PACKAGE... into the current directory
#   source PACKAGE      the files of a source package, into the current directory
# Debian's archive through apt, with lists and caches of its own below DIR: this system's are neither used nor changed.
# Signatures are checked as apt always does. Nothing is installed; root is not needed. Lists are fetched once a day.
set -eu

suite=${2%:*} architecture=$(dpkg --print-architecture)
[ "$suite" = "$2" ] || architecture=${2#*:}
dir=$(realpath -m "${1:?directory}")/${2/:/-} type=deb
shift 2
# Lists of sources are needed by few.
[ "${1:?command}" != source ] || dir=$dir-source type=deb-src
mirror=${VIQ_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

options=(-q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
	-o Dir::State::Lists="$dir/lists" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache"
	-o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache= -o Acquire::GzipIndexes=true
	-o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=
	-o APT::Default-Release="$suite" -o APT::Install-Recommends=false -o Acquire::Languages=none
	-o Acquire::Retries=1 -o Debug::NoLocking=true)

# Lists that cannot be renewed are still good for what the cache holds.
update() {
	[ -z "$(find "$dir/updated" -mmin -1440 2>/dev/null)" ] || return 0
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >>"$dir/status" # nothing is installed
	{
		echo "$type [signed-by=$keyring] $mirror $suite main"
		# A backports suite is complete only with the release it belongs to.
		[ "${suite%-backports}" = "$suite" ] || echo "$type [signed-by=$keyring] $mirror ${suite%-backports} main"
	} >"$dir/sources.list"
	if apt-get "${options[@]}" update -o APT::Update::Error-Mode=any >"$dir/log" 2>&1; then
		touch "$dir/updated"
	elif [ -e "$dir/updated" ]; then
		echo "archive: $mirror cannot be reached; going on with older lists of $suite" >&2
	else
		cat "$dir/log" >&2
		echo "archive: no package lists of $suite from $mirror" >&2
		exit 1
	fi
}

version() {
	apt-cache "${options[@]}" policy "$1" | sed -n 's/^ *Candidate: //p' | grep -v '^(none)$'
}

depends() {
	apt-cache "${options[@]}" depends --important "$1" | sed -n 's/^ *Depends: //p'
}

kernels() {
	local current name
	current=$(depends linux-source | head -n 1)
	[ -n "$current" ] || { echo "archive: $suite has no linux-source" >&2; return 1; }
	echo "$current $(version "$current")"
	apt-cache "${options[@]}" pkgnames linux-source- | grep -E '^linux-source-[0-9]+\.[0-9]+$' | grep -vx "$current" |
		sort -rV | while read -r name; do
			# The first kernel that invalidates for a nested SMMUv3.
			[ "$(printf '%s\n' "${name#linux-source-}" 6.13 | sort -V | head -n 1)" = 6.13 ] || break
			echo "$name $(version "$name")"
			break
		done
}

# The archive may have moved on since the lists were fetched. "download" or "source --download-only", and of what.
download() {
	apt-get "${options[@]}" "$@" && return
	rm -f "$dir/updated"
	echo "archive: no success with $*; the next run fetches the package lists anew" >&2
	exit 1
}

mkdir -p "$dir"
exec 8>"$dir/lock"
flock 8
update
case $1 in
kernels) kernels ;;
version) version "$2" ;;
closure) apt-get "${options[@]}" --simulate install "$2" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p' ;;
depends) depends "$2" ;;
download) download download "${@:2}" ;;
source) download source --download-only "$2" ;;
*) echo "archive: unknown command: $1" >&2; exit 2 ;;
esac
