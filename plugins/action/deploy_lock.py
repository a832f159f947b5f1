# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display

from ansible_collections.trundle.django.plugins.plugin_utils.progress import ProgressAction
from ansible_collections.trundle.django.plugins.plugin_utils.run_identity import has_ended, this_run

display = Display()


class ActionModule(ProgressAction):
    """The module of this name, which does not wait for a run that was killed on this controller (F27).

    While it waits for somebody else, the user sees that it does.
    """

    def run_module(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        given = dict(self._task.args)
        if given.get("lease") or given.get("state") == "absent":
            return super().run_module(tmp, task_vars)
        own = {**given, "run": given.get("run") or this_run()}
        # The module may be about to wait for a run that will never end.
        result = self.with_options({**own, "wait": 0}, tmp, task_vars)
        lock = result.get("lock") or {}
        if not result.get("failed") or not lock.get("taken"):
            return result
        if not has_ended(lock.get("run", "")):
            return self.with_options(own, tmp, task_vars) if int(given.get("wait") or 0) else result
        told = f"{lock['holder']} ({lock['purpose']}, since {lock['taken']})"
        display.warning(f"The run of {told} was killed; its lock is taken over.")
        return self.with_options({**own, "take_over": lock["taken"]}, tmp, task_vars)

    def with_options(
        self, options: dict[str, Any], tmp: str | None, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        self._task.args = options
        return super().run_module(tmp, task_vars)
