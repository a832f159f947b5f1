# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment in the folder given: the packages of this Python, and a module that only it has."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"

made = Path(sys.argv[1])
venv.create(made, symlinks=True)
told = subprocess.run([made / "bin" / "python", "-c", PURELIB], check=True, capture_output=True, text=True).stdout
packages = Path(told.strip())
(packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
(packages / "only_here.py").write_text("", encoding="utf-8")
