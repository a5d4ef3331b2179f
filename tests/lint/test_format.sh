#!/bin/bash
# SPDX-License-Identifier: MIT
# Every C file is as clang-format makes it. Other versions than 14 format a little differently: they do not decide.
set -eu
cd "$VIQ_SOURCE"
tool=clang-format-14
if ! command -v $tool >/dev/null; then
	tool=clang-format
	if ! command -v $tool >/dev/null || ! $tool --version | grep -q 'version 14\.'; then
		echo "no clang-format 14 here: not checked"
		exit 77
	fi
fi
find bench examples include src tests tools -name '*.[ch]' -print0 | xargs -0 $tool --dry-run -Werror
