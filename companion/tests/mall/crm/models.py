# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import models

from mall.shop.models import Featured, Product


class Order(models.Model):
    id = models.AutoField(primary_key=True)
    product = models.ForeignKey(Product, models.PROTECT)


class Line(models.Model):
    id = models.AutoField(primary_key=True)
    order = models.ForeignKey(Order, models.CASCADE)
    product = models.ForeignKey(Product, models.CASCADE)


class Lead(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=50)
    wish = models.ForeignKey(Featured, models.SET_NULL, null=True)
    order = models.ForeignKey(Order, models.SET_NULL, null=True)
    hint = models.ForeignKey(Product, models.SET_NULL, null=True, db_constraint=False, related_name="+")


class Basket(models.Model):
    id = models.AutoField(primary_key=True)
    products = models.ManyToManyField(Product)


class Bundle(Product):
    size = models.IntegerField()
