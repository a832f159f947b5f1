#!/bin/sh
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A systemd of the tests' own, as the manager of a user: also where this machine was not booted with systemd.
# Usage: manager.sh FOLDER. Its units are in FOLDER/config/systemd/user; it lives until it is told to exit.
set -eu
folder=$1
name=$(basename "$folder")

# It takes all processes of the control group that it starts in for its own: it gets one for itself.
groups() { find /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified -maxdepth 1 -name cgroup.procs 2> /dev/null; }
for procs in $(groups); do
  mkdir "${procs%/*}/$name"
  echo $$ > "${procs%/*}/$name/cgroup.procs"
done

mkdir -m 700 "$folder/run"
# A user's manager starts only where it finds the system's, by a folder of it.
status=0
# The inner shell is the one that expands these.
# shellcheck disable=SC2016
env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$folder/run" XDG_CONFIG_HOME="$folder/config" \
  unshare --mount sh -euc '
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/system
    echo $$ > "${XDG_RUNTIME_DIR%/run}/pid"
    exec /lib/systemd/systemd --user' \
  > "$folder/log" 2>&1 || status=$?

for procs in $(groups); do
  echo $$ > "$procs"
done
find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup/*$name*" -exec rmdir '{}' +
exit $status
