# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page, and the health views."""

from __future__ import annotations

import os

from django.urls import include, path
from django.views.generic import TemplateView

RELEASE = os.environ.get("TRUNDLE_RELEASE", "development")

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html", extra_context={"release": RELEASE})),
    path("health/", include("trundle.health.urls")),
]
