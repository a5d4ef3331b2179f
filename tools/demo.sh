#!/bin/sh
# SPDX-License-Identifier: MIT
# Replay the recorded queue of a real guest, cleanly and with a bad command in it. usage: tools/demo.sh [BUILD-DIR]
# (relative to the project's folder)
set -eu

cd "$(dirname "$0")/.."
viq=${1:-build}/tools/viq/viq
capture=captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap

if [ ! -x "$viq" ]; then
	echo "demo: $viq is not there; build first: make" >&2
	exit 1
fi

cat <<'TEXT'
An NVMe disk worked in a Linux guest; after each transfer the guest told its IOMMU to forget the addresses of it.
Here are those commands again. viq checks each one and hands it to a host IOMMU, here one made of software. Devices
use every address before it is invalidated, and try again afterwards.

1. As recorded
TEXT
"$viq" replay --brief "$capture"

cat <<'TEXT'

2. The same, with one command spoilt; the guest rings once for eight doorbells
TEXT
"$viq" replay --brief --batch 8 --inject 1000:illegal "$capture"

cat <<TEXT

More:
  $viq replay --inject 1000:drop $capture
      a host that says "done" and did nothing, and how that is noticed
  $viq decode $capture | less
      the commands
  $viq replay --help
      other failures
TEXT
