# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for a project's: write down which release ran what, and where, into the file that is named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

with Path(sys.argv[2]).open("a", encoding="utf-8") as file:
    file.write(f"{os.environ['TRUNDLE_RELEASE']} {sys.argv[1]} {Path.cwd()}\n")
