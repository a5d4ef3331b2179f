#!/bin/bash
# SPDX-License-Identifier: MIT
# From the source tarball: Debian packages, with which lintian is content and whose tool works in a bare system; rpms.
set -eu -o pipefail
cd "$VIQ_SOURCE"
. tests/release/bare.sh
work=$VIQ_CACHE/packages
rm -rf "$work"
mkdir -p "$work" "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"

echo "== tarball"
meson dist -C "$VIQ_BUILD" --no-tests --allow-dirty --formats xztar
tarball=$(echo "$VIQ_BUILD"/meson-dist/viq-*.tar.xz)
version=$(basename "$tarball" .tar.xz)
version=${version#viq-}

echo "== Debian"
tar -C "$work" -xf "$tarball"
cd "$work/viq-$version"
cp -r packaging/debian .
[ "$(dpkg-parsechangelog -S Version)" = "$version-1" ]
DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -us -uc -b
cd ..
# Nobody has asked Debian for the package (an ITP bug) yet.
lintian --allow-root --suppress-tags initial-upload-closes-no-bugs --fail-on error,warning ./*.changes
: >"$root/var/lib/dpkg/status"
# What they depend on comes without its packages.
take_libraries "$VIQ_BUILD/tools/viq/viq"
dpkg --root="$root" --force-depends -i ./libviq*.deb ./viq_*.deb
enter /usr/bin/viq --version
enter /usr/bin/viq replay --brief /usr/share/doc/viq/examples/linux-7.3-arm64-smmuv3-strict-nvme.pcap
[ -e "$root"/usr/share/doc/viq/copyright ] && [ -e "$root/usr/share/man/man1/viq.1.gz" ]

echo "== rpm"
mkdir -p rpm/SOURCES
cp "$tarball" rpm/SOURCES
# Nothing here was installed as an rpm.
rpmbuild --nodeps --define "_topdir $PWD/rpm" -bb "$VIQ_SOURCE/packaging/viq.spec"
[ "$(find rpm/RPMS -name '*.rpm' ! -name '*debug*' | wc -l)" -eq 4 ]
