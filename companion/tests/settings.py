# SPDX-License-Identifier: BSD-3-Clause
"""No sessions, no auth, no sites: nothing here may need them."""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path

SITE = Path(__file__).parent / "site"
# A file, since a health check connects from a thread of its own.
_scratch = tempfile.TemporaryDirectory(prefix="trundle-tests-")
atexit.register(_scratch.cleanup)
SECRET_KEY = "not-secret"
ALLOWED_HOSTS = ["testserver"]
DEBUG = False
USE_TZ = True
INSTALLED_APPS = ["django.contrib.staticfiles", "trundle"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(_scratch.name, "db.sqlite3"))}}
STATIC_URL = "/static/"
STATICFILES_DIRS = [SITE]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "trundle.storage.ReleaseStaticFilesStorage"},
}
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates"},
    {"BACKEND": "django.template.backends.jinja2.Jinja2", "OPTIONS": {"environment": "urls.jinja"}},
]
