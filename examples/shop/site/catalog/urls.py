# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of the catalog."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("products/", views.products, name="products"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("products/<slug:slug>/cart/", views.add_to_cart, name="add-to-cart"),
    path("prices.csv", views.price_list, name="price-list"),
    path("about/", views.about, name="about"),
    path("subscribe/", views.subscribe, name="subscribe"),
]
