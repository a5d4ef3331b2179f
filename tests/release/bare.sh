# SPDX-License-Identifier: MIT
# A system in $root that has nothing but what a test puts there.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Run a program there, with nothing set.
enter() {
	local as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(unshare --map-root-user)
	env -i PATH="$PATH" "${as_root[@]}" chroot "$root" "$@"
}

# The libraries of this system, but for viq's own, that a program needs.
take_libraries() {
	ldd "$1" | grep -v libviq | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
}
