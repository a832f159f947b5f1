# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  project_path:
    description: The folder of the project that brings the migrations, with C(manage.py) in it.
    type: path
    required: true
  python:
    description:
      - The interpreter that has the project's requirements, Python 3.9 or newer, as a path or as a name on E(PATH).
      - Without it, that of a virtualenv in C(.venv) or C(venv) of O(project_path), else the one that runs this module.
    type: path
  settings:
    description:
      - The settings module. Without it, E(DJANGO_SETTINGS_MODULE) of the environment, else the one that C(manage.py)
        chooses.
    type: str
  environment:
    description:
      - Environment variables for the project, on top of O(environment_file). Their values never appear in messages.
        A value of V(null) takes a variable away.
    type: dict
    default: {}
  environment_file:
    description:
      - A file of environment variables, read as C(EnvironmentFile) of a systemd unit. O(user) need not read it.
    type: path
  user:
    description:
      - The user that the project's code runs as, with nothing of this module's environment but E(PATH) and the
        language. That takes root. Without it, the code runs as this module does.
    type: str
  database:
    description: The alias of the database in E(DATABASES).
    type: str
    default: default
  linter_path:
    description:
      - Folder in which C(django-migration-linter) is kept, for projects that do not have it themselves. It is installed
        there by pip when it is needed, below a folder with its version; the project's virtualenv is left alone.
      - O(user) has to be able to read it.
    type: path
    default: /var/cache/trundle/linter
"""
