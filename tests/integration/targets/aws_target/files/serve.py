# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve moto's account of Amazon's; the file given holds the address once it answers, and it ends when that is gone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
new = Path(f"{sys.argv[1]}.new")
new.write_text("http://{}:{}".format(*server.get_host_and_port()), encoding="utf-8")
told = new.rename(sys.argv[1])
while told.exists():
    time.sleep(0.2)
