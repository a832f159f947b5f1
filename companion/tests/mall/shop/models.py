# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from mall.catalog.models import Brand


class Tag(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=50, unique=True)


class Product(models.Model):
    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=50)
    price = models.IntegerField(default=0)
    brand = models.ForeignKey(Brand, models.CASCADE, null=True)
    tags = models.ManyToManyField(Tag)
    suppliers = models.ManyToManyField("Supplier", through="Supply")
    alike = models.ManyToManyField("self")

    class Meta:
        permissions = [("discount_product", "Can give a discount")]
        indexes = [models.Index(fields=["title"], name="shop_product_title")]


class Supplier(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=50)


class Supply(models.Model):
    id = models.AutoField(primary_key=True)
    product = models.ForeignKey(Product, models.CASCADE)
    supplier = models.ForeignKey(Supplier, models.CASCADE)
    amount = models.IntegerField()


class Book(Product):
    pages = models.IntegerField()


class Featured(Product):
    class Meta:
        proxy = True


class Stock(models.Model):
    """A table that another program keeps."""

    code = models.CharField(max_length=20, primary_key=True)

    class Meta:
        managed = False
        db_table = "legacy_stock"


class Note(models.Model):
    id = models.AutoField(primary_key=True)
    text = models.TextField()
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    target = GenericForeignKey()
