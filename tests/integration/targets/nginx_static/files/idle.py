# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask twice over one connection that is idle in between, as a balancer does: SOCKET SECONDS."""

from __future__ import annotations

import http.client
import socket
import sys
import time

connection = http.client.HTTPConnection("shop.example.com")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
# Not over a new connection, as it would otherwise when this one is closed.
connection.auto_open = 0
for pause in (float(sys.argv[2]), 0.0):
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    time.sleep(pause)
