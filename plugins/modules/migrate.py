# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migrate
short_description: Run pending migrations that the running code survives
version_added: 0.1.0
description:
  - Runs the pending migrations of a Django project, once and by one at a time, with limits on how long they may hold up
    others.
  - Before, it looks at what they would do to the code that runs meanwhile. Operations that this code does not survive
    are refused by O(policy=safe), each with its reason, its file and a remedy.
  - C(django-migration-linter) reads the SQL of each operation. What it finds counts where it touches tables and columns
    that the running code uses; Django's own states tell what SQL hides. Migrations with C(IgnoreMigration), and those
    that C(MIGRATION_LINTER_OPTIONS) of the settings leave out (C(exclude_apps), C(ignore_name),
    C(ignore_name_contains), C(exclude_migration_tests)), are taken as checked. What C(RunPython) does to data is not
    judged, nor on SQLite a new unique constraint.
  - Django's own C(migrate) command runs them, one of the project's own included.
requirements:
  - An interpreter with the project's requirements, Django 4.2 or newer.
extends_documentation_fragment:
  - trundle.django.migrations
attributes:
  check_mode:
    description: Plans, judges and refuses as a real run would, on a connection that cannot write.
    support: full
    details:
      - The linter is installed in a temporary folder where it is missing.
  diff_mode:
    description: Shows the SQL of the pending migrations.
    support: full
    details:
      - SQL that depends on what an earlier pending migration makes is not always known.
  idempotent:
    description: Without pending migrations nothing changes, and nothing is locked.
    support: full
options:
  policy:
    description:
      - What to do about migrations that the running code does not survive.
      - V(safe) refuses them.
      - V(maintenance) runs them; whoever calls the module has put up a maintenance page. RV(breaking) of a run in check
        mode tells whether one is needed.
      - V(force) runs them, and warns.
      - V(skip) runs no migration at all, and warns of pending ones.
    type: str
    choices: [safe, maintenance, force, skip]
    default: safe
  running_project_path:
    description:
      - The folder of the project whose code runs meanwhile, such as that of the active release. Its models tell which
        tables and columns it uses.
      - Without it, the code is taken to be that of the migrations that are applied.
      - On a database without any migration nothing runs yet, and nothing is refused.
    type: path
  running_python:
    description: The interpreter of O(running_project_path). The default is found as for O(python).
    type: path
  running_environment:
    description:
      - Environment variables for the running code, on top of O(environment).
      - Their values are logged as they are. Secrets belong in O(environment).
    type: dict
    default: {}
  lock_timeout:
    description:
      - Seconds that a statement may wait for a lock of the database, V(0) for no limit. Whoever comes after it waits
        behind it for as long.
      - MySQL and MariaDB count whole seconds.
    type: float
    default: 5
  statement_timeout:
    description:
      - Seconds that a statement may take, V(0) for no limit. MySQL limits only those that read, SQLite none.
    type: float
    default: 900
  retries:
    description:
      - How often to try again when a lock was not had in time, or the database was away. Pauses grow from one second to
        ten.
      - A migration that has written something and is not rolled back as a whole is never tried again.
    type: int
    default: 5
  lock_wait:
    description:
      - Seconds to wait for another run that migrates the same database.
      - PostgreSQL keeps the runs apart with an advisory lock, MySQL and MariaDB with C(GET_LOCK). Other databases have
        nothing of the kind; let one host migrate.
    type: float
    default: 600
notes:
  - Behind a pooler such as PgBouncer that hands out connections by transaction, neither limits nor locks hold. Name an
    alias of E(DATABASES) in O(database) that goes to the database itself.
seealso:
  - module: trundle.django.migrations_info
  - name: django-migration-linter
    description: What it finds, and how to leave out what is known to be harmless.
    link: https://github.com/3YOURMIND/django-migration-linter
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Run what the active release survives
  trundle.django.migrate:
    project_path: /srv/shop/releases/v2
    running_project_path: /srv/shop/releases/v1
    environment_file: /etc/trundle/shop.env
    user: shop
  run_once: true

- name: Show what would run
  trundle.django.migrate:
    project_path: /srv/shop/releases/v2
  check_mode: true
  diff: true
"""

RETURN = r"""
pending:
  description: The migrations that were pending, in the order in which they run.
  returned: always, where they could be planned
  type: list
  elements: str
  sample: [shop.0002_product_note]
breaking:
  description:
    - Operations that the running code does not survive. C(line) is null where the file does not list its operations.
  returned: always, where they could be planned
  type: list
  elements: dict
  sample:
    - {migration: shop.0003_remove_product_old, file: shop/migrations/0003_remove_product_old.py, line: 9,
       operation: Remove field old from product, code: DROP_COLUMN, table: shop_product, column: old,
       reason: "it drops the column 'old' of 'shop_product', which the running code reads and writes",
       remedy: "Deploy first a release that does not use it any more, and drop the column in the next one."}
applied:
  description: What this run applied, with seconds. When a run fails, what it applied before.
  returned: when migrations ran
  type: list
  elements: dict
  sample: [{migration: shop.0002_product_note, seconds: 0.03}]
retried:
  description: The causes of attempts that were made again.
  returned: when migrations ran
  type: list
  elements: str
  sample: ["shop.0002_product_note: OperationalError: canceling statement due to lock timeout"]
lock:
  description: What kept other runs away; V(none) where the database has nothing for it.
  returned: when migrations ran
  type: str
  sample: pg_advisory_lock
failed_migration:
  description: The migration that failed; null where something else did.
  returned: failure while migrations ran
  type: str
  sample: shop.0002_product_note
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import without_environment
from ansible_collections.trundle.django.plugins.module_utils.migrate import Options, migrate
from ansible_collections.trundle.django.plugins.module_utils.migrate_options import (
    other_project,
    project_of,
    project_spec,
)


def options_of(params: dict[str, Any], *, check_mode: bool) -> Options:
    for name in ("lock_timeout", "statement_timeout", "retries", "lock_wait"):
        if params[name] < 0:
            raise TrundleError(f"The option {name} is {params[name]:g}: it cannot be less than 0.")
    project = project_of(params)
    return Options(
        project=project,
        running=other_project(project, params, "running"),
        policy=params["policy"],
        linter_path=Path(params["linter_path"]),
        dry_run=check_mode,
        **{name: params[name] for name in ("lock_timeout", "statement_timeout", "lock_wait")},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **project_spec("running", required=False),
            "policy": {"type": "str", "choices": ["safe", "maintenance", "force", "skip"], "default": "safe"},
            "lock_timeout": {"type": "float", "default": 5},
            "statement_timeout": {"type": "float", "default": 900},
            "retries": {"type": "int", "default": 5},
            "lock_wait": {"type": "float", "default": 600},
        },
        supports_check_mode=True,
    )
    params = module.params
    module.params, module.no_log_values = without_environment(params), set()
    try:
        result = migrate(options_of(params, check_mode=module.check_mode))
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
