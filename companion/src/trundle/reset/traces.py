# SPDX-License-Identifier: BSD-3-Clause
"""What the tables of other apps say about the models of these: content types, permissions, generic keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from django.contrib.contenttypes.models import ContentType


@dataclass(frozen=True)
class GenericKey:
    """Rows of another app that point at rows of these apps by a content type."""

    model: type[models.Model]
    name: str
    type_field: str
    types: frozenset[Any]
    rows: int

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def delete(self, alias: str) -> None:
        self.model._base_manager.using(alias).filter(**{f"{self.type_field}__in": self.types}).delete()


@dataclass(frozen=True)
class Stale:
    """Rows by their names, and the keys that they are deleted by."""

    rows: tuple[tuple[Any, str], ...] = ()

    @property
    def names(self) -> list[str]:
        return [name for _key, name in self.rows]

    def delete(self, model_name: str, alias: str) -> None:
        if self.rows:
            model = apps.get_model(model_name)
            model._base_manager.using(alias).filter(pk__in=[key for key, _name in self.rows]).delete()


class Traces:
    def __init__(self, connection: BaseDatabaseWrapper, labels: Collection[str], existing: frozenset[str]) -> None:
        self._connection = connection
        self._labels = labels
        self._existing = existing
        self._types = self._content_types()

    def generic_keys(self) -> tuple[GenericKey, ...]:
        """A generic key is no foreign key, but its rows would point at whatever gets the same id after the reset."""
        if not self._types:
            return ()
        from django.contrib.contenttypes.fields import GenericForeignKey

        types = frozenset(found.pk for found in self._types)
        keys = []
        for model in apps.get_models():
            if model._meta.app_label in self._labels or not self._can_be_read(model):
                continue
            for field in model._meta.private_fields:
                if isinstance(field, GenericForeignKey) and not getattr(field, "mti_inherited", False):
                    rows = model._base_manager.using(self._connection.alias).filter(**{f"{field.ct_field}__in": types})
                    keys.append(GenericKey(model, field.name, field.ct_field, types, rows.count()))
        return tuple(key for key in keys if key.rows)

    def stale_types(self) -> Stale:
        stale = [found for found in self._types if found.model_class() is None]
        return Stale(tuple((found.pk, f"{found.app_label}.{found.model}") for found in stale))

    def stale_permissions(self) -> Stale:
        """Those that no model declares. Those of stale content types go with these."""
        if not self._types or "auth" in self._labels or not apps.is_installed("django.contrib.auth"):
            return Stale()
        from django.contrib.auth.models import Permission

        if not self._can_be_read(Permission):
            return Stale()
        rows = []
        for content_type in self._types:
            model = content_type.model_class()
            if model is None:
                continue
            found = Permission.objects.using(self._connection.alias).filter(content_type_id=content_type.pk)
            label, declared = content_type.app_label, _declared_codenames(model)
            rows += [(row.pk, f"{label}.{row.codename}") for row in found if row.codename not in declared]
        return Stale(tuple(rows))

    def _content_types(self) -> list[ContentType]:
        if "contenttypes" in self._labels or not apps.is_installed("django.contrib.contenttypes"):
            return []
        from django.contrib.contenttypes.models import ContentType

        if not self._can_be_read(ContentType):
            return []
        found = ContentType.objects.using(self._connection.alias).filter(app_label__in=self._labels)
        return list(found.order_by("app_label", "model"))

    def _can_be_read(self, model: type[models.Model]) -> bool:
        here = router.allow_migrate_model(self._connection.alias, model)
        return here and not model._meta.proxy and model._meta.db_table in self._existing


def _declared_codenames(model: type[models.Model]) -> set[str]:
    from django.contrib.auth import get_permission_codename

    meta = model._meta
    builtin = {get_permission_codename(action, meta) for action in meta.default_permissions}
    return builtin | {codename for codename, _name in meta.permissions}
