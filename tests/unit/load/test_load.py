# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic generator against a real server: each kind of damage must show in its result."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import load
import pytest
from aiohttp import web
from load_page import Manifests

LOAD = Path(load.__file__)
RATE = 50
# In seconds: on a busy machine the first pages may be late, and no form is sent when the time is over.
LONG = 2


def drive(server, tmp_path, *, manifests=None, **options):
    """Run the generator for a short while and return what it wrote."""
    port = server if isinstance(server, int) else server.port
    chosen = {"rate": RATE, "duration": 0.4, "timeout": 3.0, "post_every": 4, **options}
    chosen["out"] = tmp_path / "load.json"
    chosen["resolve"] = {"shop.example.com": "127.0.0.1"}
    traffic = load.Traffic(load.Options(base=f"http://shop.example.com:{port}/", **chosen), manifests or Manifests({}))
    asyncio.run(traffic.run())
    return json.loads(chosen["out"].read_text())


def known(site, tmp_path, *releases):
    """Manifests of *releases* as files in a folder."""
    folder = tmp_path / "manifests"
    folder.mkdir(exist_ok=True)
    for release in releases:
        (folder / f"{release}.json").write_text(site.manifest(release))
    return Manifests({}, folder)


def causes(result):
    return {failure["cause"] for failure in result["failures"]}


def test_a_sound_site_has_no_failure(site, server, tmp_path):
    result = drive(server, tmp_path, manifests=known(site, tmp_path, "v1"), duration=LONG)
    assert (result["failed"], result["mixed"], result["asset_404"], result["unjudged"]) == (0, 0, 0, 0)
    assert result["failures"] == []
    followed = result["posts"]
    assert followed >= 1
    assert result["requests"] == RATE * LONG + 2 * followed
    assert result["by_release"] == {"v1": result["requests"] - followed}
    assert result["running"] is False
    assert 0 < result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]


def test_every_asset_that_a_page_leads_to_is_fetched(site, server, tmp_path):
    result = drive(server, tmp_path)
    fetched = {path.removeprefix("/static/") for _method, path in site.seen if path.startswith("/static/")}
    assert fetched == set(site.names["v1"].values())
    assert result["assets"] == len(fetched)  # at most once a second each


def test_an_asset_is_fetched_again_after_a_second(site, server, tmp_path):
    drive(server, tmp_path, duration=1.8)
    times = Counter(path.removeprefix("/static/") for _method, path in site.seen if path.startswith("/static/"))
    assert {times[site.names["v1"][key]] for key in ("css", "icon", "format", "app", "chunk")} == {2}
    assert max(times.values()) == 2


def test_half_of_the_connections_are_fresh(site, server, tmp_path):
    result = drive(server, tmp_path, post_every=0)
    assert result["fresh_connections"] == result["requests"] / 2
    pages_and_assets = len(site.seen)
    assert result["fresh_connections"] < len(site.connections) < pages_and_assets


def test_forms_are_sent_as_a_browser_would(site, server, tmp_path):
    result = drive(server, tmp_path, duration=LONG)
    assert result["failed"] == 0  # the server refuses a form without cookie, token or origin
    assert len(site.subscribed) == result["posts"]
    assert set(site.subscribed) == {"visitor@example.com"}
    assert ("GET", "/thanks") in site.seen


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_refused_form_is_a_failure(site, server, tmp_path, status):
    site.form_status = status
    result = drive(server, tmp_path, duration=LONG)
    assert result["failed"] == result["posts"] > 0
    assert causes(result) == {f"status {status} to a form"}


@pytest.mark.parametrize("key", ["css", "tokens", "font", "icon", "format", "app", "chunk"])
def test_f1_a_missing_asset_is_seen(site, server, tmp_path, key):
    del site.assets[site.names["v1"][key]]
    result = drive(server, tmp_path)
    assert result["asset_404"] == result["asset_failed"] == result["failed"] == 1
    assert causes(result) == {"status 404 for an asset"}
    assert result["failures"][0]["url"].endswith(site.names["v1"][key])


@pytest.mark.parametrize("key", ["css", "tokens", "font", "icon", "format", "app", "chunk"])
def test_an_altered_asset_is_seen(site, server, tmp_path, key):
    site.assets[site.names["v1"][key]] += b" "
    result = drive(server, tmp_path)
    assert result["failed"] == 1
    assert result["asset_404"] == 0
    assert causes(result).pop().startswith("content does not match its name")


@pytest.mark.parametrize("kind", ["css", "js", "svg", "woff2"])
def test_f7_a_wrong_content_type_is_seen(site, server, tmp_path, kind):
    site.types[kind] = "application/octet-stream"
    result = drive(server, tmp_path)
    assert result["failed"] > 0
    assert causes(result) == {"content type is 'application/octet-stream'"}


def test_an_asset_without_hash_is_seen_unless_allowed(site, server, tmp_path):
    site.names["v1"]["icon"] = "img/plain.svg"
    site.assets["img/plain.svg"] = b"<svg/>"
    assert causes(drive(server, tmp_path)) == {"name has no content hash"}
    assert drive(server, tmp_path, need_hash=False)["failed"] == 0


def test_f3_an_asset_of_another_release_is_mixed(site, server, tmp_path):
    """The asset is there and sound, so that only the manifest can tell."""
    site.names["v1"]["app"], real = site.names["v2"]["app"], dict(site.names["v1"])
    manifests = known(site, tmp_path, "v2")
    (tmp_path / "manifests" / "v1.json").write_text(json.dumps({"paths": real}))
    result = drive(server, tmp_path, manifests=manifests, post_every=0)
    assert result["failed"] == 0
    assert result["mixed"] == result["requests"]
    assert result["mixed_pages"][0]["foreign"] == [
        f"http://shop.example.com:{server.port}/static/{site.names['v2']['app']}"
    ]


def test_two_releases_side_by_side_are_not_mixed(site, server, tmp_path):
    flip = threading.Timer(0.3, setattr, (site, "serving", "v2"))
    flip.start()
    result = drive(server, tmp_path, manifests=known(site, tmp_path, "v1", "v2"))
    assert (result["failed"], result["mixed"]) == (0, 0)
    assert set(result["by_release"]) == {"v1", "v2"}


def test_pages_wait_for_their_manifest_to_be_judged(site, server, tmp_path):
    manifests = known(site, tmp_path)
    foreign = json.dumps({"paths": {"icon": site.names["v1"]["icon"]}})
    late = threading.Timer(0.3, (tmp_path / "manifests" / "v1.json").write_text, (foreign,))
    late.start()
    result = drive(server, tmp_path, manifests=manifests, post_every=0)
    assert (result["unjudged"], result["mixed"]) == (0, result["requests"])
    assert drive(server, tmp_path, post_every=0)["unjudged"] == result["requests"]


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        (web.Response(status=500, text="oops"), "status 500"),
        (web.Response(status=503, text=""), "status 503"),
        (web.Response(status=302, text=""), "status 302"),
        (web.Response(text="<html>no meta</html>"), "page names no release"),
        (web.Response(text=""), "page names no release"),
        (
            web.Response(text="<script type=importmap>[]</script>"),
            "page cannot be read: its import map has no usable imports",
        ),
    ],
    ids=["error", "unavailable", "moved", "no-release", "empty", "import-map"],
)
def test_a_bad_page_is_a_failure(site, server, tmp_path, page, cause):
    site.page = page
    result = drive(server, tmp_path)
    assert result["failed"] == result["requests"] == RATE * 0.4
    assert causes(result) == {cause}
    assert result["by_release"] == {}


def test_a_cut_answer_is_a_failure(site, server, tmp_path):
    site.cut_short = True
    result = drive(server, tmp_path)
    assert result["failed"] == result["requests"]
    assert causes(result).pop().startswith("ClientPayloadError")


def test_nobody_listening_is_a_failure(tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        result = drive(held.getsockname()[1], tmp_path, duration=2.0)
    assert result["failed"] == result["requests"] == RATE * 2
    assert len(result["failures"]) == 50
    assert all("Connect" in cause for cause in causes(result))


def test_a_stall_does_not_slow_the_visitors(site, server, tmp_path):
    """A closed loop would wait with the server and send hardly anything in the stall."""
    site.stalled_until = time.monotonic() + 0.9
    arrived = []
    look = threading.Timer(0.7, lambda: arrived.append(len(site.seen)))
    look.start()
    result = drive(server, tmp_path, duration=1.0, post_every=0)
    assert result["failed"] == 0
    assert result["requests"] == RATE
    assert result["max_ms"] > 700
    assert result["p50_ms"] > 200
    assert arrived[0] > RATE / 4  # in the midst of the stall, before anybody had an answer


def test_f19_an_answer_that_takes_too_long_is_a_failure(site, server, tmp_path):
    site.stalled_until = time.monotonic() + 1.5
    result = drive(server, tmp_path, timeout=0.3)
    assert result["failed"] == result["requests"] == RATE * 0.4
    assert causes(result) == {"timed out after 0.3 s"}


def test_the_timeline_says_when_it_failed(site, server, tmp_path):
    fail = threading.Timer(1.2, setattr, (site, "page", web.Response(status=502, text="")))
    fail.start()
    result = drive(server, tmp_path, duration=2.5, post_every=0)
    seconds = result["timeline"]
    assert sum(second["requests"] for second in seconds) == result["requests"]
    assert sum(second["failed"] for second in seconds) == result["failed"] > 0
    assert seconds[0]["failed"] == 0
    assert seconds[-1]["failed"] == seconds[-1]["requests"]
    assert result["first"] < result["failures"][0]["time"] <= result["last"]


def test_an_asset_of_another_host_needs_leave(site, server, other_server, tmp_path):
    """A module or font of another origin is there, and no browser would use it without the header."""
    site.static = f"http://127.0.0.1:{other_server.port}/static/"
    result = drive(server, tmp_path)
    assert causes(result) == {"asset of another host without Access-Control-Allow-Origin"}
    assert result["failed"] == 4  # both modules, the chunk and the font
    site.headers = {"Access-Control-Allow-Origin": "*"}
    assert drive(server, tmp_path)["failed"] == 0
    assert f"http://shop.example.com:{server.port}" in site.origins


def test_an_asset_beside_the_cdn_is_a_failure(site, server, tmp_path):
    good = drive(server, tmp_path, cdn=[f"http://shop.example.com:{server.port}/static/"])
    bad = drive(server, tmp_path, cdn=["https://cdn.example.com/"])
    assert good["failed"] == 0
    assert bad["failed"] == bad["assets"]
    # A sheet that failed is not followed: what it names is not counted twice.
    assert causes(bad) == {"asset is not served from the CDN"}


def test_it_runs_as_a_program_until_it_is_told_to_stop(site, server, tmp_path):
    out = tmp_path / "deep" / "load.json"
    where = ["--url", f"http://127.0.0.1:{server.port}", "--host", "shop.example.com", "--out", str(out)]
    pages = ["--page", "/", "--page", "/about/", "--manifests", str(known(site, tmp_path, "v1").folder)]
    with subprocess.Popen(
        [sys.executable, LOAD, *where, *pages, "--rate", "50", "--status"], stderr=subprocess.PIPE
    ) as run:
        deadline = time.monotonic() + 20
        while not (out.exists() and json.loads(out.read_text())["requests"] > 20) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(out.read_text())["running"] is True
        run.send_signal(signal.SIGTERM)
        shown = run.communicate(timeout=20)[1].decode()
    result = json.loads(out.read_text())
    assert run.returncode == 0
    assert (result["running"], result["failed"], result["mixed"]) == (False, 0, 0)
    assert {path for method, path in site.seen if method == "GET"} >= {"/", "/about/"}
    assert "0 failed" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "wrong",
    [["--url", "balancer"], ["--url", "http://x", "--rate", "0"], ["--url", "http://x", "--manifest", "v1"]],
    ids=["url", "rate", "manifest"],
)
def test_wrong_options_are_refused(wrong, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        load.parse_arguments([*wrong, "--out", str(tmp_path / "x")])
    assert stopped.value.code == 2
