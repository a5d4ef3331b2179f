#!/bin/bash
# SPDX-License-Identifier: MIT
# Every file says its licence, or .reuse/dep5 does (https://reuse.software).
set -eu
cd "$VIQ_SOURCE"
reuse lint
