#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: bare-debian.sh SUITE DIR
# What the README says, word by word, on a Debian that has nothing but debootstrap's minimum (bookworm, trixie) in DIR. By hand
# before a release: as root, some minutes and 1.5 GB. What is committed is tried.
set -eu -o pipefail
suite=${1:?suite} dir=$(realpath -m "${2:?directory}")
source=$(cd "$(dirname "$0")/../.." && pwd)

[ -e "$dir/etc/debian_version" ] || debootstrap --variant=minbase "$suite" "$dir"
rm -rf "$dir/root/viq" "$dir/root/viq.git" "$dir/usr/local/bin/viq"
git clone -q --bare "$source" "$dir/root/viq.git"
git -C "$dir/root/viq.git" update-ref refs/heads/tried "$(git -C "$source" rev-parse HEAD)"
cp /etc/resolv.conf "$dir/etc"
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root unshare --mount --pid --fork \
	--mount-proc="$dir/proc" chroot "$dir" bash -eux -o pipefail <<-'END'
	apt-get -q update >/dev/null
	apt-get -q -y install --no-install-recommends git make >/dev/null
	git clone -q --branch tried /root/viq.git /root/viq
	cd /root/viq
	# Nothing is installed by make alone; it says what is missing.
	dpkg -s libpcap-dev || { make || true; } 2>&1 | grep 'make deps'
	make deps >/dev/null
	make | tail -n 1
	make install | tail -n 1
	make demo
	viq --version
	viq decode captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap | head -n 3 || true
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >/tmp/embed.c
	cd /tmp
	cc embed.c $(pkg-config --cflags --libs viq)
	./a.out
	make -C /root/viq install PREFIX=/root/prefix | tail -n 1
	export PKG_CONFIG_PATH=/root/prefix/lib/$(gcc -print-multiarch)/pkgconfig
	cc embed.c $(pkg-config --cflags --libs viq) -Wl,-rpath,$(pkg-config --variable=libdir viq)
	./a.out
	/root/prefix/bin/viq --version
END
