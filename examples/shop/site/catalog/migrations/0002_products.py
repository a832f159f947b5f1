# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The goods that the shop opens with."""

from __future__ import annotations

from decimal import Decimal

from django.db import migrations

# slug, name, price, icon number, summary, description
PRODUCTS = [
    (
        "ash-hoop",
        "Ash hoop",
        "24.00",
        12,
        "Steam-bent, one metre across.",
        "Bent from a single length of green ash and pinned with copper. Rolls straight, falls softly.",
    ),
    (
        "beech-rolling-pin",
        "Beech rolling pin",
        "18.50",
        27,
        "Turned in one piece, no handles to work loose.",
        "A plain French pin with a slight taper. Oil it twice a year and it will outlive the oven.",
    ),
    (
        "garden-barrow",
        "Garden barrow",
        "139.00",
        41,
        "Galvanised tray, larch legs, a tyre that holds air.",
        "Sixty litres on one wheel. The handles sit where your hands are, not where the factory found it easy.",
    ),
    (
        "marble-run",
        "Marble run",
        "46.00",
        58,
        "Twenty-two pieces of maple and one steel track.",
        "Stacks without glue. The marbles are glass; the sound is most of the fun.",
    ),
    (
        "tea-trolley",
        "Tea trolley",
        "210.00",
        73,
        "Two trays, four brass castors, no squeak.",
        "Walnut and brass, flat-packed in six parts. Carries a pot, eight cups and a large cake over a door sill.",
    ),
    (
        "pull-along-duck",
        "Pull-along duck",
        "21.00",
        86,
        "It waddles because its wheels are off-centre.",
        "Painted with milk paint, strung with a waxed cord. For children, and for desks.",
    ),
    (
        "cable-reel",
        "Cable reel",
        "32.00",
        104,
        "Twenty metres, wound in eleven seconds.",
        "A steel reel with a crank that folds flat. The brake is a piece of leather, easily replaced.",
    ),
    (
        "cargo-dolly",
        "Cargo dolly",
        "64.00",
        119,
        "Four castors under a sheet of birch ply.",
        "Moves a wardrobe without an argument. Rated for 250 kg, carpeted on top.",
    ),
    (
        "brass-castors",
        "Brass castors",
        "38.00",
        133,
        "A set of four, forty millimetres.",
        "Cast, not pressed. Fits any leg with an eight-millimetre hole.",
    ),
]


def add_products(apps, schema_editor):
    Product = apps.get_model("catalog", "Product")
    for position, (slug, name, price, icon, summary, description) in enumerate(PRODUCTS):
        Product.objects.create(
            slug=slug,
            name=name,
            price=Decimal(price),
            icon=f"catalog/icons/wheel-{icon:03d}.svg",
            summary=summary,
            description=description,
            position=position,
        )


def remove_products(apps, schema_editor):
    slugs = [row[0] for row in PRODUCTS]
    apps.get_model("catalog", "Product").objects.filter(slug__in=slugs).delete()


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunPython(add_products, remove_products)]
