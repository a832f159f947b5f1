# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import include, path
from jinja2 import Environment

urlpatterns = [path("health/", include("trundle.health.urls"))]


def jinja(**options: Any) -> Environment:
    environment = Environment(**options)  # noqa: S701  (the engine turns autoescape on)
    environment.globals["static"] = static
    return environment
