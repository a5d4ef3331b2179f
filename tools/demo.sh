#!/bin/sh
# SPDX-License-Identifier: MIT
# Replay the recorded queue of a real guest, cleanly and with a bad command in it. usage: tools/demo.sh [BUILD-DIR]
# (relative to the project's folder)
set -eu

cd "$(dirname "$0")/.."
viq=${1:-build}/tools/viq/viq
smmuv3=captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap
vtd=captures/linux-7.3-x86-vtd-firststage-nvme.pcap

if [ ! -x "$viq" ]; then
	echo "demo: $viq is not there; build first: make" >&2
	exit 1
fi

cat <<'TEXT'
An NVMe disk worked in a Linux guest; after each transfer the guest told its IOMMU to forget the addresses of it.
Here are those commands again. viq checks each one and hands it to a host IOMMU, here one made of software. Devices
use every address before it is invalidated, and try again afterwards.

1. An SMMUv3's command queue, as recorded
TEXT
"$viq" replay --brief "$smmuv3"

cat <<'TEXT'

2. The same, with one command spoilt; the guest rings once for eight doorbells
TEXT
"$viq" replay --brief --batch 8 --inject 1000:illegal "$smmuv3"

cat <<'TEXT'

3. A VT-d's invalidation queue, as recorded
TEXT
"$viq" replay --brief "$vtd"

cat <<'TEXT'

4. The same, with one descriptor spoilt
TEXT
"$viq" replay --brief --batch 8 --inject 3334:illegal "$vtd"

cat <<TEXT

More:
  $viq replay --inject 1000:drop $smmuv3
      a host that says "done" and did nothing, and how that is noticed
  $viq decode $vtd | less
      the descriptors
  $viq replay --help
      other failures
TEXT
