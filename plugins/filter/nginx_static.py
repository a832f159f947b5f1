# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_static
short_description: Configure nginx to serve a store that is a folder
version_added: 0.1.0
author:
  - trundle.django contributors (@trundle-django)
description:
  - A V(file://) store keeps no headers with its files. This gives the parts of an nginx configuration that serve
    them with those that the release record names, the pinned media types, a Cache-Control by whether the name carries
    a hash, and the compressed variants where nginx has the modules for them.
  - A file that does not exist is answered with C(no-store), so that no cache keeps a 404.
options:
  _input:
    description: The URL of the store, such as V(file:///mnt/efs/static).
    type: str
    required: true
  app:
    description: Name of the site; it names the variables.
    type: str
    required: true
  url:
    description: The static URL, or its path.
    type: str
    required: true
  layout:
    description: The layout of the store.
    type: str
    choices: [hashed, versioned]
    default: hashed
  already_hashed:
    description: Glob patterns of files that a bundler has hashed.
    type: list
    elements: str
    default: []
  headers:
    description:
      - What some files are to be served with, a C(pattern) with C(cache_control), C(content_type) or both, as
        M(trundle.django.collectstatic) takes them.
    type: list
    elements: dict
    default: []
  nginx:
    description: What C(nginx -V) and C(nginx -T) print, from which the modules are known.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Write the location
  ansible.builtin.copy:
    content: "{{ ('file:///mnt/efs/static' | trundle.django.nginx_static(app='shop', url='/static/')).server }}"
    dest: /etc/nginx/snippets/shop-static.conf
    mode: "0644"
"""

RETURN = r"""
_value:
  description:
    - The parts. C(http) belongs into nginx's C(http) block and C(server) into a C(server) block. C(host) is the
      host's name in the static URL, or empty.
  type: dict
  sample:
    host: static.example.com
    http: "map ..."
    server: "location ^~ /static/ { ... }"
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.plugin_utils.nginx_static import nginx_static


def filtered(store: str, **options: Any) -> dict[str, str]:
    try:
        return nginx_static(store, **options)
    except TrundleError as exc:
        raise AnsibleFilterError(exc.message) from exc


class FilterModule:
    """The filter by its short name."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        return {"nginx_static": filtered}
