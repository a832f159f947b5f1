#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: collectstatic
short_description: Collect a Django release's static files under hashed names
version_added: 0.1.0
description:
  - Collects the static files of a Django project into a folder that belongs to one release, with the names and
    bytes that the project's own Django and storage class give them, and writes the manifest and the release record
    beside them.
  - Nothing in the project's settings has to change. Whatever static files storage they name, S3 included,
    collection happens in a local folder, and E(STATIC_ROOT) is left alone.
  - The folder appears whole at the end or not at all, so a run that is killed leaves nothing half done.
  - Runs on the build host, once per release.
requirements:
  - Python 3.11 or newer on the build host.
  - An interpreter with the project's requirements, Python 3.8 or newer, with Django 4.2 or newer.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - The files are collected into a temporary folder, compared and removed.
  diff_mode:
    description:
      - Will return details on what has changed, or possibly needs changing in C(check_mode), when in diff mode.
    support: full
    details:
      - Shows the names of the package's files, which of them the build cache does not have and are made, and how many
        are reused and rewritten.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
options:
  project_path:
    description: The folder of the project, with C(manage.py) in it.
    type: path
    required: true
  python:
    description:
      - The interpreter that has the project's requirements, as a path or as a name on E(PATH).
      - Without it, that of a virtualenv in C(.venv) or C(venv) of the project, else the one that runs this module.
    type: path
  settings:
    description:
      - The settings module. Without it, E(DJANGO_SETTINGS_MODULE) of O(environment), else the one that C(manage.py)
        chooses.
    type: str
  release:
    description:
      - The release id. It starts with a letter or digit, goes on with letters, digits, V(.), V(_), V(+) or V(-),
        and has at most 64 characters.
    type: str
    required: true
  dest:
    description:
      - The folder of this release's package. It receives C(static/) with the files, C(staticfiles.json) and
        C(release.json).
      - One that already holds this release with the same content is left as it is; with other content, or another
        release, the module fails.
    type: path
    required: true
  static_url:
    description:
      - The URL below which the files will be served, to be noted in the record.
      - Without it, E(STATIC_URL) of the settings.
    type: str
  missing_references:
    description:
      - What to do about references in CSS and JavaScript to files that do not exist, such as a source map that a
        package does not ship. All of them are listed in one run, with file and line.
      - V(error) fails, V(warn) warns and leaves the reference as it is, V(ignore) leaves it without a warning.
    type: str
    choices: [error, warn, ignore]
    default: error
  ignore:
    description:
      - Glob patterns of files and folders to leave out, beyond those that Django leaves out (V(CVS), V(.*) and
        V(*~)).
    type: list
    elements: str
    default: []
  already_hashed:
    description:
      - Glob patterns of the files that a bundler such as Vite has hashed, by their names below O(static_url), for
        example V(assets/*). C(*) matches C(/) too. They keep their names and bytes, are in the manifest under their own
        names, and may be cached for as long as hashed ones.
    type: list
    elements: str
    default: []
  headers:
    description:
      - What some files are to be served with, instead of what the module gives them by itself. Names with a hash are
        C(public, max-age=31536000, immutable), all others C(no-cache); the type comes from a table of the module's own.
      - Of two rules that give a file the same header, the later one counts. What matches a file goes for its compressed
        variants too.
      - Other headers are other content, which needs another O(release).
    type: list
    elements: dict
    default: []
    suboptions:
      pattern:
        description:
          - Glob pattern of names below O(static_url), those in the templates or those with a hash. C(*) matches C(/)
            too.
        type: str
        required: true
      cache_control:
        description:
          - The header C(Cache-Control).
        type: str
      content_type:
        description:
          - The header C(Content-Type).
        type: str
  layout:
    description:
      - How the files of a release are laid out below O(static_url).
      - V(hashed) has one folder for all releases; a name changes with its content.
      - V(versioned) has a folder for each release, named after it, for projects that cannot use hashed names. The
        manifest leads into it, and so do references by E(STATIC_URL) in files with hashed names. A project that does
        not read the manifest ends its E(STATIC_URL) with the release; nothing is put before the names then.
    type: str
    choices: [hashed, versioned]
    default: hashed
  hashed_names:
    description:
      - Whether names carry a hash. V(false) needs O(layout=versioned), and leaves all files as they are.
    type: bool
    default: true
  originals:
    description:
      - Whether the files are there under their own names too, as Django leaves them. They may not be cached for long.
    type: bool
    default: false
  compress:
    description:
      - The compressed variants to make, by WhiteNoise's rules for what to skip and what is worth keeping. V(brotli) and
        V(zstd) need their library in the project's virtualenv.
      - Without it, those that the project's storage makes itself. An empty list stands for none, where the storage
        leaves that to the module.
    type: list
    elements: str
    choices: [gzip, brotli, zstd]
  cache:
    description:
      - The folder of the build cache, in which hashed, rewritten and compressed files are found again, in the next
        release and in other projects. It is safe to delete at any moment.
      - Without it, C(trundle/build) below E(XDG_CACHE_HOME), which is C(~/.cache) if unset. Empty for none.
      - Files of O(dest) on the same file system are hard links to it. Replace them rather than writing into them.
      - Check mode reads it only.
    type: path
  cache_size:
    description: How large the build cache may become. What was not used for the longest time goes first.
    type: str
    default: 2G
  environment:
    description:
      - Environment variables for the project, on top of those of this module but E(PYTHONPATH), E(PYTHONHOME) and
        E(VIRTUAL_ENV). Their values never appear in messages. A value of V(null) takes a variable away.
    type: dict
    default: {}
  revision:
    description:
      - The revision of the source, to be noted in the record.
      - A release id stands for one revision. Another one under the same id is other content, even where the static
        files are equal.
    type: str
  dirty:
    description:
      - Whether the source had changes beyond O(revision), to be noted in the record. Such a revision is not compared.
    type: bool
  commit_manifest:
    description:
      - Commit the manifest to a git repository on this machine, that file alone, whatever else is changed or staged
        there. Nothing is committed when the last commit has the same manifest. Nothing is pushed.
      - The committer is whom git's own configuration names.
    type: dict
    suboptions:
      repository:
        description: The folder of the repository, or one in it. Without it, O(project_path).
        type: path
      path:
        description: Where the manifest belongs, relative to that folder.
        type: str
        default: staticfiles.json
      commit_message:
        description: The commit's message. Without it, one that names the release.
        type: str
notes:
  - While it takes longer than three seconds, a line every three seconds tells how far it is, with connections V(local)
    and V(ssh). There is none with C(no_log) or C(async).
seealso:
  - module: trundle.django.static_upload
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Collect the static files of a release
  trundle.django.collectstatic:
    project_path: /srv/build/shop
    python: /srv/build/shop/.venv/bin/python
    release: v1.2.3
    dest: /srv/build/releases/v1.2.3
    static_url: https://cdn.example.com/static/
    environment:
      SECRET_KEY: "{{ shop_secret_key }}"

- name: Collect although a package lacks its source maps
  trundle.django.collectstatic:
    project_path: /srv/build/shop
    release: v1.2.4
    dest: /srv/build/releases/v1.2.4
    missing_references: warn
    ignore: ["*.scss"]
"""

RETURN = r"""
release:
  description: The release id.
  returned: success
  type: str
  sample: v1.2.3
static_path:
  description: The folder of the files.
  returned: success
  type: str
  sample: /srv/build/releases/v1.2.3/static
manifest_path:
  description: Django's manifest of the release.
  returned: success
  type: str
  sample: /srv/build/releases/v1.2.3/staticfiles.json
record_path:
  description: The release record.
  returned: success
  type: str
  sample: /srv/build/releases/v1.2.3/release.json
manifest_sha256:
  description: The SHA-256 of the manifest's bytes.
  returned: success
  type: str
  sample: 1e61f9a2b9a0a4d5ec7f5a62e41e7cf31fd21d81c2aad1f5a0c5e3d8d7b0c7aa
static_url:
  description: The URL that the record names.
  returned: success
  type: str
  sample: https://cdn.example.com/static/
counts:
  description:
    - C(collected) source files and C(duplicates) left out; C(files) in the package, of which C(hashed) and
      C(unhashed) ones and compressed C(variants).
    - C(rewritten) ones had references replaced. C(reused) ones came from the build cache and C(written) ones did not;
      both are 0 where the storage class's own code ran.
  returned: success
  type: dict
  sample: {collected: 130, duplicates: 0, hashed: 130, unhashed: 0, variants: 0, files: 130, rewritten: 12, reused: 120,
    written: 10}
cache:
  description: The C(damaged) entries of the build cache that were made anew, and the bytes C(removed) to keep its size.
  returned: success
  type: dict
  sample: {damaged: [], removed: 0}
bytes:
  description: The size of all files of the package.
  returned: success
  type: int
  sample: 1048576
duplicates:
  description: Files of one name, of which the finders' first one is used.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: css/app.css, used: /srv/shop/static/css/app.css, ignored: /srv/shop/blog/static/css/app.css}
missing_references:
  description: References to files that do not exist. With C(missing_references=error) they are returned on failure.
  returned: always, where collection got that far
  type: list
  elements: dict
  sample: [{file: js/app.js, line: 12, reference: app.js.map}]
manifest_commit:
  description: The commit that was made for O(commit_manifest); empty in check mode.
  returned: when one was made, or would be in check mode
  type: str
  sample: 3f2504e04f8941d39a0c0305e82c3301d4c0ffee
storage:
  description:
    - The C(configured) static files storage and the class C(used).
    - The C(path) is V(fast) where all was done in one pass, and V(own) where the class's own code had to run.
    - The C(reason) for another class or for its own code.
  returned: success
  type: dict
  sample: {configured: storages.backends.s3.S3ManifestStaticStorage, used: storages.backends.s3.S3ManifestStaticStorage,
    path: fast, reason: "it stores remotely: its files are written to a local folder instead"}
django:
  description: The version of the project's Django.
  returned: success
  type: str
  sample: 5.2.8
python_version:
  description: The version of the project's Python.
  returned: success
  type: str
  sample: 3.13.1
settings:
  description: The settings module.
  returned: success
  type: str
  sample: shop.settings
seconds:
  description: Seconds by phase, and in C(total).
  returned: success
  type: dict
  sample: {start: 0.4, find: 0.1, hash: 0.9, compress: 0.5, remember: 0.1, total: 2.1}
"""

from functools import partial

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_commit import commit_manifest
from ansible_collections.trundle.django.plugins.module_utils.collect_options import collect_spec, from_params
from ansible_collections.trundle.django.plugins.module_utils.collect_process import run_worker
from ansible_collections.trundle.django.plugins.module_utils.collect_result import diff_of, result_of
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import without_environment
from ansible_collections.trundle.django.plugins.module_utils.progress import progress_file


def main() -> None:
    module = AnsibleModule(argument_spec=collect_spec(), supports_check_mode=True)
    params = module.params
    module.params, module.no_log_values = without_environment(params), set()
    try:
        options = from_params(params, check_mode=module.check_mode, scratch=module.tmpdir)
        with progress_file() as progress:
            progress.tell("start")
            collected = collect(options, worker=partial(run_worker, progress=lambda told: progress.tell(**told)))
        commit = commit_manifest(params["commit_manifest"], options, collected)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    for warning in collected.warnings:
        module.warn(warning)
    result = result_of(options, collected)
    result["changed"] |= commit.changed
    if commit.commit is not None:
        result["manifest_commit"] = commit.commit
    if module._diff:
        result["diff"] = diff_of(options, collected)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
