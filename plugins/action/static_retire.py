# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.trundle.django.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """The module of this name; when it takes long, the user sees how far it is."""
