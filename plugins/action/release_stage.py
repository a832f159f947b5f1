# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """The module of this name, with the archive sent to the host beforehand, and removed there afterwards."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = dict(self._task.args)
        try:
            if given.get("src") and not boolean(given.get("remote_src", False), strict=False):
                given["src"] = self._sent(self._find_needle("files", given["src"]))
            answer: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
            return answer
        except AnsibleError as exc:
            return {"failed": True, "msg": f"Failed to send {given.get('src')}: {exc}"}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _sent(self, archive: str) -> str:
        if self._task.check_mode:
            return archive
        shell = self._connection._shell
        target: str = shell.join_path(shell.tmpdir, "code.tar.gz")
        self._transfer_file(archive, target)
        self._fixup_perms2((shell.tmpdir, target))
        return target
