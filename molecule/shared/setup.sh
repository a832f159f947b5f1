#!/bin/sh
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install what the lab, the demo and the tests need from Debian's packages; does nothing (and asks for no password) when all is there.
set -eu

# Where no image registry is reached, the base image is made by mmdebstrap.
packages="openssh-client mmdebstrap debian-archive-keyring"
engine="podman runc conmon netavark aardvark-dns iptables"

have() { command -v "$1" >/dev/null 2>&1; }

have_nginx() { have nginx || [ -x /usr/sbin/nginx ]; }

have_haproxy() { have haproxy || [ -x /usr/sbin/haproxy ]; }

have_postgresql() { have pg_ctl || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1; }

have_mariadb() { have mariadbd || [ -x /usr/sbin/mariadbd ]; }

docker_works() { have docker && docker info >/dev/null 2>&1; }

# An engine that is here already is kept, podman of another origin than Debian's too.
if have podman; then
    dpkg-query -W podman >/dev/null 2>&1 || engine=""
elif docker_works; then
    engine=""
fi

# The tests of nginx_upstream drive a real nginx of their own, those of haproxy_server a real HAProxy, those of migrations
# a real PostgreSQL, those of instance a real systemd; the demo opens a page in a real browser. The companion's tests
# speak to real caches and databases.
have memcached || packages="$packages memcached"
have redis-server || packages="$packages redis-server"
have git || packages="$packages git"
have pkill || packages="$packages procps"
have_nginx || packages="$packages nginx-light"
have_haproxy || packages="$packages haproxy"
have_postgresql || packages="$packages postgresql"
have chromium || have chromium-browser || have google-chrome || packages="$packages chromium"
have_mariadb || packages="$packages mariadb-server"
[ -x /lib/systemd/systemd ] || packages="$packages systemd"
# Most of a test run is on the distribution's own Python, which need not be the first on PATH.
for python in python3 /usr/bin/python3; do
    "$python" -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"
done

if ! have apt-get; then
    if have ssh && { have podman || docker_works; }; then exit 0; fi
    echo "Install an SSH client and podman or docker: this script knows apt-get only." >&2
    exit 1
fi

missing=""
for package in $packages $engine; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
echo "Installing$missing"
$as_root apt-get update -q
# RUNLEVEL: nothing of it is to be started on this machine.
# shellcheck disable=SC2086
$as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
