# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a site with two front-end tools: django-pipeline for classic scripts, Vite for modules.

With DEBUG=1 in the environment it is in development; nothing else differs between development and release.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(50)
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]

INSTALLED_APPS = ["django.contrib.staticfiles", "django_vite", "pipeline", "trundle"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
    }
]
ROOT_URLCONF = "frontends.urls"
WSGI_APPLICATION = "frontends.wsgi.application"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "frontends.storage.StaticFiles"},
}

PIPELINE = {
    # Patterns among the sources, and compilers, need it: it copies all static files to STATIC_ROOT in development.
    "PIPELINE_COLLECTOR_ENABLED": False,
    # The scripts see one another's names, whether they are combined or not.
    "DISABLE_WRAPPER": True,
    "CSS_COMPRESSOR": "pipeline.compressors.csshtmljsminify.CssHtmlJsMinifyCompressor",
    "JS_COMPRESSOR": "pipeline.compressors.jsmin.JSMinCompressor",
    "STYLESHEETS": {
        "site": {"source_filenames": ["css/base.css", "css/panel.css"], "output_filename": "packed/site.css"},
    },
    "JAVASCRIPT": {
        "site": {"source_filenames": ["js/words.js", "js/greet.js"], "output_filename": "packed/site.js"},
    },
}

DJANGO_VITE = {
    "default": {
        "dev_mode": DEBUG,
        "dev_server_host": "127.0.0.1",
        "dev_server_port": int(os.environ.get("VITE_PORT", "5173")),
        "static_url_prefix": "vite/",
        "manifest_path": BASE_DIR / "assets" / "vite" / ".vite" / "manifest.json",
    }
}

# No database: of the companion's checks only the one of the manifest is left.
TRUNDLE_HEALTH = {"CHECKS": ["trundle.health.checks.ManifestCheck"]}
