#!/bin/bash
# SPDX-License-Identifier: MIT
# `meson install` gives a copy that the README's example builds and runs against, through pkg-config.
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

meson install -C "$VIQ_BUILD" --no-rebuild --quiet --destdir "$root"
pc=$(find "$root" -name viq.pc)
libs=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=$libs

# Every public header is installed.
for header in "$VIQ_SOURCE"/include/viq/*.h; do
	[ -n "$(find "$root" -path "*/include/viq/${header##*/}")" ] || { echo "$header is not installed"; exit 1; }
done

compile() { # SOURCE MODULE: builds, then runs
	# shellcheck disable=SC2046 # a list of words
	cc -std=c11 -Wall -Wextra -Werror "$1" -o "$root/program" $(pkg-config --cflags --libs "$2")
	"$root/program"
}

output=$(compile "$VIQ_SOURCE/examples/embed.c" viq)
echo "$output"
[ "$output" = "CMDQ_CONS = 2, confirmed by the host: 1" ]
# The archive alone does as well.
cc -std=c11 -I"$VIQ_SOURCE/include" "$VIQ_SOURCE/examples/embed.c" "$VIQ_BUILD/src/libviq.a" -o "$root/static"
[ "$("$root/static")" = "$output" ]

# The module of the software host brings the library's along.
cat >"$root/soft.c" <<-END
	#include <viq/smmuv3.h>
	#include <viq/soft_smmuv3.h>
	int main(void)
	{
		uint64_t page[512];
		struct viq_mem_region region = {.gpa = 0, .size = sizeof(page), .host = page};
		struct viq_soft_config config;
		struct viq_soft *soft;
		struct viq_mem *mem;

		if (viq_mem_create(&region, 1, 0, 0, &mem, NULL) != 0)
			return 1;
		viq_soft_config_init(&config, sizeof(config));
		config.mem = mem;
		if (viq_soft_create(&config, &soft, NULL) != 0)
			return 1;
		viq_soft_destroy(soft);
		viq_mem_destroy(mem);
		return 0;
	}
END
compile "$root/soft.c" viq-soft
