#!/bin/sh
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install what the lab needs from Debian's packages; does nothing (and asks for no password) when all is there.
set -eu

# An engine that is already here (docker, or podman of another origin) is kept; nothing replaces it.
packages="openssh-client iproute2"
if ! command -v podman >/dev/null 2>&1 && ! docker info >/dev/null 2>&1; then
    packages="$packages podman runc conmon netavark aardvark-dns iptables"
fi
# Where no image registry is reached, the base image is made from Debian's own packages.
if ! command -v docker >/dev/null 2>&1 || command -v podman >/dev/null 2>&1 || [ ! -S /var/run/docker.sock ]; then
    packages="$packages mmdebstrap debian-archive-keyring"
fi

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || {
    echo "setup.sh knows apt-get only; install by hand:$missing" >&2
    exit 1
}
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
echo "Installing$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
