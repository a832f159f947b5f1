# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where static files are named: by the release, after django-pipeline has combined and minified them."""

from __future__ import annotations

from pipeline.storage import PipelineMixin
from trundle.storage import ReleaseStaticFilesStorage


class StaticFiles(PipelineMixin, ReleaseStaticFilesStorage):
    """The mixin works while files are collected; names are the release's."""
