#!/bin/bash
# SPDX-License-Identifier: MIT
# codespell knows every word; .codespellrc has the others.
set -eu
cd "$VIQ_SOURCE"
codespell
# And it would say so.
if echo "te""h" | codespell - >/dev/null; then
	exit 1
fi
