# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of the site."""

from __future__ import annotations

from django.urls import path
from pages import views

urlpatterns = [path("", views.home), path("more/", views.more), path("healthz", views.health)]
