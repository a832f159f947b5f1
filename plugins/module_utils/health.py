# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an application whether it is healthy, and wait until it is.

Only answers over HTTP count. That systemd calls a unit active says nothing about its workers or
about the release that they serve (F16).
"""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlsplit

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner, UnitState, journal, unit_state

BODY_LIMIT = 256 * 1024
EXCERPT = 300


@dataclass(frozen=True)
class Target:
    """Where to ask: a unix socket, or host and port; and what to ask for."""

    path: str
    socket: str | None = None
    host: str = "127.0.0.1"
    port: int = 80
    tls: bool = False
    validate_certs: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    release_header: str = "X-Release"
    release_field: str = "release"

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}{self.path}"
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{self.path}"


@dataclass(frozen=True)
class Answer:
    """One answer, or (status None) why there was none."""

    status: int | None = None
    release: str | None = None
    body: str = ""
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"status": self.status, "release": self.release, "body": self.body, "error": self.error}


@dataclass(frozen=True)
class Patience:
    """How long and how often to ask, in seconds; consecutive: healthy answers in a row.

    unhealthy: unhealthy answers in a row that end the waiting, 0 for none; connections: how many are then opened at
    the same moment, so that all workers are asked.
    """

    wait: float = 60.0
    interval: float = 0.5
    timeout: float = 5.0
    consecutive: int = 3
    unhealthy: int = 0
    connections: int = 0


@dataclass(frozen=True)
class Outcome:
    """cause is None when healthy; first_answer: seconds until the first healthy answer, which was at first_at."""

    attempts: int
    seconds: float
    first_answer: float | None
    last: Answer
    cause: str | None = None
    first_at: float | None = None


def target_of_url(url: str, **options: Any) -> Target:
    """The target of an http(s) URL; options are fields of Target."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TrundleError(f"The URL {url!r} is not an http or https URL with a host.")
    try:
        port = parts.port
    except ValueError as exc:
        raise TrundleError(f"The URL {url!r} has no valid port: {exc}") from exc
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(path=path, host=parts.hostname, port=port or (443 if tls else 80), tls=tls, **options)


def probe(target: Target, timeout: float) -> Answer:
    """Ask once, over a connection of its own, for at most `timeout` seconds in all."""
    try:
        return _ask(target, time.monotonic() + timeout)
    except socket.timeout:
        return Answer(error=f"no answer within {timeout:.3g} s")
    except ConnectionRefusedError:
        return Answer(error="connection refused")
    except (OSError, http.client.HTTPException) as exc:
        return Answer(error=getattr(exc, "strerror", None) or str(exc) or type(exc).__name__)


def verdict(answer: Answer, expected: str | None, *, required: bool = True) -> str | None:
    """What is wrong with an answer; None when it is healthy. required: an answer has to tell its release."""
    if answer.error is not None or answer.status is None:
        return answer.error or "no answer"
    if not 200 <= answer.status < 300:
        return f"last answer {answer.status}" + (f": {answer.body}" if answer.body else "")
    if expected is not None and answer.release is None:
        if not required:
            return None
        return f"it does not tell its release, where '{expected}' is expected"
    if expected is not None and answer.release != expected:
        return f"it serves release '{answer.release}' where '{expected}' is expected"
    return None


def wait_until_healthy(
    ask: Callable[[float], Answer],
    *,
    expected: str | None,
    patience: Patience,
    required: bool = True,
    given_up: Callable[[], str | None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Ask until enough answers in a row are healthy, the time is over, or given_up tells a cause."""
    begin = clock()
    attempts = streak = refused = 0
    first: float | None = None
    told: str | None = None
    while True:
        left = patience.wait - (clock() - begin)
        limit = min(patience.timeout, max(left, 0.1))
        answer = ask(limit)
        attempts += 1
        cause = verdict(answer, expected, required=required)
        if cause is None and first is None:
            first = clock() - begin
        if cause is None and streak + 1 >= patience.consecutive and patience.connections:
            answer, cause = _ask_all(ask, limit, patience.connections, expected=expected, required=required)
            attempts += patience.connections
        if cause is not None and answer.status is None and limit < patience.timeout:
            # It was not given the time to answer; what an earlier answer said is the better cause.
            cause = told or cause
        streak = streak + 1 if cause is None else 0
        last = cause or f"only {streak} of {patience.consecutive} healthy answers in a row"
        told = last if answer.status is not None else told
        # No answer at all is what a release gives that still boots.
        refused = refused + 1 if cause is not None and answer.status is not None else 0
        spent = clock() - begin
        if streak >= patience.consecutive:
            return Outcome(attempts, spent, first, answer, first_at=begin + (first or 0.0))
        final = given_up() if cause is not None else None
        if final is None and 0 < patience.unhealthy <= refused:
            final = f"{refused} unhealthy answers in a row: {last}"
        if final is None and spent + patience.interval >= patience.wait:
            final = f"timed out after {patience.wait:g} s: {last}"
        if final is not None:
            return Outcome(attempts, spent, first, answer, final)
        sleep(patience.interval)


def _ask_all(
    ask: Callable[[float], Answer], timeout: float, connections: int, *, expected: str | None, required: bool
) -> tuple[Answer, str | None]:
    """Ask over many connections at the same moment: one worker cannot answer for all of them.

    The first answer that is wrong, or any; all have to tell the same release.
    """
    with ThreadPoolExecutor(max_workers=connections) as pool:
        answers = list(pool.map(ask, [timeout] * connections))
    for answer in answers:
        cause = verdict(answer, expected, required=required)
        if cause is not None:
            return answer, f"{cause} (one of {connections} connections at the same time)"
    told = sorted({str(answer.release) for answer in answers})
    if len(told) > 1:
        return answers[0], f"its workers serve different releases: {', '.join(told)}"
    return answers[0], None


class UnitWatch:
    """Gives up on a unit that has failed or starts over and over."""

    def __init__(self, run: Runner, unit: str) -> None:
        self._run = run
        self._unit = unit
        self._first = self._state()

    def __call__(self) -> str | None:
        found = self._state()
        if found.active == "failed":
            return f"the unit {self._unit} has failed ({found.result})"
        restarts = found.restarts - self._first.restarts
        if restarts >= 2:
            return f"the unit {self._unit} ends and is started again ({restarts} times, {found.result})"
        return None

    def boot_seconds(self, first_at: float) -> float | None:
        """From the start of the unit's process to a moment of the monotonic clock."""
        started = self._state().started
        return first_at - started if 0 < started <= first_at else None

    def journal(self) -> list[str]:
        return journal(self._run, self._unit)

    def _state(self) -> UnitState:
        found = unit_state(self._run, self._unit)
        if found.load == "not-found":
            raise TrundleError(f"systemd has no unit {self._unit} on this host.")
        return found


def _ask(target: Target, deadline: float) -> Answer:
    with _connect(target, deadline) as connection:
        sender = http.client.HTTPConnection(target.host, target.port)
        sender.sock = connection
        named = {name.lower() for name in target.headers}
        sender.putrequest("GET", target.path, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in {"Connection": "close", "Accept": "application/json, */*", **target.headers}.items():
            sender.putheader(name, value)
        sender.endheaders()
        # Of a socket, a response needs makefile alone.
        response = http.client.HTTPResponse(_Stream(connection, deadline), method="GET")  # type: ignore[arg-type]
        response.begin()
        body = response.read(BODY_LIMIT)
    text = body.decode("utf-8", "replace")
    release = response.headers.get(target.release_header) or _release_in(text, target.release_field)
    return Answer(status=response.status, release=release, body=text.strip()[:EXCERPT])


def _connect(target: Target, deadline: float) -> socket.socket:
    left = max(deadline - time.monotonic(), 0.001)
    if target.socket is not None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(left)
            connection.connect(target.socket)
        except BaseException:
            connection.close()
            raise
        return connection
    plain = socket.create_connection((target.host, target.port), timeout=left)
    if not target.tls:
        return plain
    context = ssl.create_default_context()
    if not target.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=target.host)


class _Stream(io.RawIOBase):
    """A socket's bytes until the deadline: a server that sends one byte a second gets no extra time."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(self)


def _release_in(text: str, name: str) -> str | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else None
