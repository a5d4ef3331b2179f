#!/bin/bash
# SPDX-License-Identifier: MIT
# The library builds alone, with clang too.
set -eu
dir=$VIQ_CACHE/options
rm -rf "$dir"
CC=clang meson setup "$dir" "$VIQ_SOURCE" -Dtests=false -Dtool=false -Dsoft=false -Dwerror=true
ninja -C "$dir"
