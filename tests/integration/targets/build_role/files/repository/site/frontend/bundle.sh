#!/bin/sh
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bundle as Vite does: hashed names, and a hidden manifest that the site reads.
set -eu
hash=$(cksum app.js | cut -d " " -f 1)
mkdir -p ../static/bundle/.vite
cp app.js "../static/bundle/app-$hash.js"
echo "{\"app.js\": \"app-$hash.js\", \"token\": \"$TOKEN\"}" >../static/bundle/.vite/manifest.json
