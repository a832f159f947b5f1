# SPDX-License-Identifier: BSD-3-Clause
"""Three questions, one shape of answer."""

from __future__ import annotations

import logging
from typing import Any, Callable

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from trundle.health.checks import identity
from trundle.health.drain import is_draining, is_ignored
from trundle.health.run import run_checks

logger = logging.getLogger("trundle.health")


def _probe(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    # With ATOMIC_REQUESTS Django would open a transaction first, and a lost database would be a page of status 500.
    made = transaction.non_atomic_requests(never_cache(require_safe(view)))
    # LoginRequiredMiddleware (Django 5.1) looks at this attribute.
    made.login_required = False  # type: ignore[attr-defined]  # no function has it by itself
    return made


def _answer(checks: dict[str, dict[str, Any]]) -> JsonResponse:
    release, manifest = identity()
    healthy = all(check["status"] != "error" for check in checks.values())
    body = {"status": "ok" if healthy else "error", "release": release, "manifest": manifest, "checks": checks}
    response = JsonResponse(body, status=200 if healthy else 503)
    if release is not None:
        response["X-Release"] = release
    return response


def _look(request: HttpRequest, *, tolerant: bool) -> JsonResponse:
    if is_draining() and not is_ignored(request):
        return _answer({"drain": {"status": "error", "error": "draining"}})
    try:
        outcomes = run_checks(tolerant=tolerant)
    except ImproperlyConfigured:
        logger.exception("The health checks cannot be set up")
        return _answer(
            {"configuration": {"status": "error", "error": "TRUNDLE_HEALTH is wrong; see `manage.py check`"}}
        )
    return _answer({name: outcome.as_json() for name, outcome in outcomes.items()})


@_probe
def alive(request: HttpRequest) -> HttpResponse:
    """Does the process answer? Depends on nothing else: who asks this may kill it."""
    return _answer({})


@_probe
def ready(request: HttpRequest) -> HttpResponse:
    """Can this process do its work now?"""
    return _look(request, tolerant=False)


@_probe
def balancer(request: HttpRequest) -> HttpResponse:
    """Should this host get traffic? As `ready`, but a short outage of what all hosts share drains none of them."""
    return _look(request, tolerant=True)
