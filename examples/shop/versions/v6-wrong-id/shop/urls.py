# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of a release that is healthy, and says that it is another one."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path


def other_release(request: HttpRequest, question: str) -> HttpResponse:
    return JsonResponse({"status": "ok", "release": "v1"}, headers={"X-Release": "v1"})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/<path:question>", other_release),
    path("", include("catalog.urls")),
]
