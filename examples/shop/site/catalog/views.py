# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of the shop."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from .forms import CartForm, SubscribeForm
from .models import Product, Subscriber


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "catalog/home.html", {"products": Product.objects.all()[:3], "form": SubscribeForm()})


@require_safe
def products(request: HttpRequest) -> HttpResponse:
    return render(request, "catalog/products.html", {"products": Product.objects.all()})


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Product, slug=slug)
    return render(request, "catalog/product.html", {"product": found, "form": CartForm()})


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "catalog/about.html")


@require_safe
def price_list(request: HttpRequest) -> StreamingHttpResponse:
    """A download that takes as long as it is told to, so that one can be in flight while a release comes."""
    asked = request.GET.get("seconds", "0")
    seconds = min(int(asked), 60) if asked.isdecimal() else 0

    def lines() -> Iterator[str]:
        yield "product,price\n"
        for _second in range(seconds):
            time.sleep(1)
            yield "#\n"
        for found in Product.objects.all():
            yield f"{found.slug},{found.price}\n"
        yield "# end\n"

    return StreamingHttpResponse(lines(), content_type="text/csv")


@require_POST
def add_to_cart(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Product, slug=slug)
    form = CartForm(request.POST)
    if not form.is_valid():
        return render(request, "catalog/product.html", {"product": found, "form": form}, status=400)
    cart = request.session.get("cart", {})
    cart[slug] = min(cart.get(slug, 0) + form.cleaned_data["quantity"], 99)
    request.session["cart"] = cart
    messages.success(request, f"{found.name} is in your cart.")
    return redirect(found)


@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    time.sleep(settings.POST_SECONDS)
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        shown = Product.objects.all()[:3]
        return render(request, "catalog/home.html", {"products": shown, "form": form}, status=400)
    Subscriber.objects.get_or_create(email=form.cleaned_data["email"])
    messages.success(request, "Thank you. The next letter is yours.")
    return redirect("home")
