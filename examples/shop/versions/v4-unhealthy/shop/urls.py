# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of a release that boots, and whose health says that it must not be used."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path


def unhealthy(request: HttpRequest, question: str) -> HttpResponse:
    answer = {"status": "error", "release": settings.TRUNDLE_RELEASE, "checks": {"search index": "not built"}}
    return JsonResponse(answer, status=503, headers={"X-Release": settings.TRUNDLE_RELEASE})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/<path:question>", unhealthy),
    path("", include("catalog.urls")),
]
