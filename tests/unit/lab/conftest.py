# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

# The lab is a folder of plain scripts, run before anything is installed.
sys.path.append(str(Path(__file__).resolve().parents[3] / "molecule" / "shared"))
