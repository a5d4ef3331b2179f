#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: check.sh TREE FOLDER: does what a maintainer's robots do with series/. TREE is a git repository of Linux 7.3; FOLDER
# gets a work tree of it (4 GiB in all), and keeps what was built for another time.
#
# After each patch drivers/iommu is built for arm64 and x86_64, with W=1 and sparse. The unpatched tree is built first: only
# warnings that it has not are complaints. Then checkpatch and kernel-doc, and in the end the kernel's own tests are compiled
# for both. Needs aarch64-linux-gnu-gcc, gcc, flex, bison, bc, libelf-dev, sparse, perl, python3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(realpath "${1:?a git repository of Linux 7.3}")
work=$(realpath -m "${2:?a folder to build in}")
source=$work/source
unset MAKEFLAGS MFLAGS MAKELEVEL
complaints=0

complain() {
	echo "check.sh: $*" >&2
	complaints=$((complaints + 1))
}
cross() {
	[ "$1" != arm64 ] || echo aarch64-linux-gnu-
}
build() { # ARCH TARGET...
	local arch=$1
	shift
	make -C "$source" -s -j"$(nproc)" O="$work/$arch" ARCH="$arch" CROSS_COMPILE="$(cross "$arch")" "$@"
}
configure() { # ARCH OPTION...
	local arch=$1
	shift
	printf 'CONFIG_%s=y\n' "$@" | cat - "$work/common" >"$work/$arch.config"
	build "$arch" KCONFIG_ALLCONFIG="$work/$arch.config" allnoconfig prepare
	if printf 'CONFIG_%s=y\n' "$@" | grep -vxFf "$work/$arch/.config"; then
		complain "$arch cannot have these options"
	fi
}
# Without the numbers of lines, which patches move.
unnumbered() {
	sed -E 's,^.*/(drivers|include)/,\1/,; s/:[0-9]+(:[0-9]+)?:?/:/' | sort -u
}
# What compiler and sparse say of drivers/iommu for an architecture, or what kernel-doc says.
warnings() {
	if [ "$1" = doc ]; then
		(cd "$source" && scripts/kernel-doc -none -Wall include/uapi/linux/iommufd.h include/linux/iommu.h 2>&1) | unnumbered
		return
	fi
	# Linux takes no sparse that does not know this word (0.6.4), and goes on without.
	if ! build "$1" W=1 C=1 CHECK="sparse -D__typeof_unqual__=__typeof__" drivers/iommu/ >"$work/$1.log" 2>&1; then
		tail -n 20 "$work/$1.log" >&2
		echo "$1: does not build"
	fi
	grep -E 'warning|error|not up to date' "$work/$1.log" | unnumbered || true
}

mkdir -p "$work"
git -C "$tree" worktree prune
[ -e "$source" ] || git -C "$tree" worktree add -q --detach "$source" HEAD
base=$(git -C "$tree" rev-parse HEAD)
trap 'git -C "$source" reset -q --hard "$base"' EXIT
git -C "$source" checkout -q -f "$base"

sed '/^#/d' "$here/../../tests/system/kernel/kernel.config" >"$work/common"
configure arm64 TEGRA241_CMDQV
sed -i -E '/^CONFIG_(IOMMUFD_TEST|.*(ARM|SMMU|GIC|PL011|KVM|EFI|VIRTUALIZATION|HOST_GENERIC|ACPI_TABLE).*)=/d' "$work/common"
configure x86_64 64BIT X86_X2APIC INTEL_IOMMU INTEL_IOMMU_SVM IRQ_REMAP IOMMUFD_TEST IOMMU_PT_VTDSS IOMMU_PT_X86_64
for of in arm64 x86_64 doc; do
	warnings $of >"$work/$of.before"
done

# A header that user space has, too, has no BIT(). Only a tree with its history knows what "Fixes:" names.
ignore=BIT_MACRO
git -C "$tree" cat-file -e d68beb276ba2 2>/dev/null || ignore+=,UNKNOWN_COMMIT_ID
for patch in "$here"/series/*.patch; do
	echo "${patch##*/}"
	git -C "$source" apply --index "$patch" || complain "does not apply"
	for of in arm64 x86_64 doc; do
		if warnings $of | comm -13 "$work/$of.before" - | grep .; then
			complain "new warnings: $of"
		fi
	done
	(cd "$source" && scripts/checkpatch.pl --strict --no-signoff --terse --no-summary --ignore "$ignore" "$patch") ||
		complain "checkpatch"
done

cd "$source"
for arch in arm64 x86_64; do
	build $arch headers_install INSTALL_HDR_PATH="$work/$arch/user"
	for test in iommufd iommufd_fail_nth; do
		"$(cross $arch)gcc" -static -O2 -Wall -D_GNU_SOURCE -isystem "$work/$arch/user/include" -Itools/testing/selftests \
			-o "$work/$arch/$test" tools/testing/selftests/iommu/$test.c || complain "$test.c for $arch"
	done
done
echo "check.sh: $complaints complaints"
[ $complaints = 0 ]
