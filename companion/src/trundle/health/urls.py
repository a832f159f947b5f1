# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.urls import path

from trundle.health import views

app_name = "trundle_health"

urlpatterns = [
    path("alive/", views.alive, name="alive"),
    path("ready/", views.ready, name="ready"),
    path("balancer/", views.balancer, name="balancer"),
]
