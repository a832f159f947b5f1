# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What az:// does before it speaks to Azure, and how it signs; the integration targets have a server for the rest."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store import FinalError, StoreOptions, open_store

URL = "az://assets/static"
KEY = "c2VjcmV0LWtleQ=="
EMPTY = "<?xml version='1.0'?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"
ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>Told.</Message>{detail}</Error>"


class Azure(BaseHTTPRequestHandler):
    """The token endpoint of a managed identity, and a container without a blob; it keeps what it was asked."""

    asked: list[tuple[str, str, str]] = []  # noqa: RUF012  # each test begins with an empty one
    answer: tuple[int, str] = (200, EMPTY)

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
        if self.path.startswith("/token"):
            token = {"access_token": f"token-{len(self.asked)}", "expires_on": str(int(time.time()) + 3600)}
            self.reply(200, json.dumps({**token, "resource": "x", "token_type": "Bearer"}), "application/json")
        else:
            self.reply(*self.answer, "application/xml")

    do_DELETE = do_GET  # noqa: N815  # the name that http.server looks for

    def reply(self, status: int, body: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the server; the environment has no credentials of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    Azure.asked, Azure.answer = [], (200, EMPTY)
    with ThreadingHTTPServer(("127.0.0.1", 0), Azure) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def sas(expiry: timedelta = timedelta(hours=1)) -> str:
    end = datetime.now(timezone.utc) + expiry
    return f"?sv=2021-12-02&sp=rwdl&se={end:%Y-%m-%dT%H:%M:%SZ}&sig=hidden%2Bsignature%3D"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"account": None}, "storage account that is not named: give account, or set AZURE_STORAGE_ACCOUNT"),
        ({"account": "Shop-Assets"}, "'Shop-Assets' is not a name of one: it has 3 to 24 lower-case letters"),
        ({"account_key": "not base64!"}, "account_key is not one: it is a text in base64"),
        ({"account_key": None, "sas_token": "nonsense"}, "sas_token is not one: it has parts such as sv="),
        ({"account_key": None, "sas_token": sas(-timedelta(hours=1))}, "has expired, at .*; make it anew, or set this"),
        ({"endpoint_url": "ftp://host"}, r"endpoint_url .* is not valid"),
        ({"account_key": None, "secret": "s"}, "needs client_id and tenant"),
    ],
    ids=["account", "account-name", "key", "sas", "sas-expired", "endpoint", "service-principal"],
)
def test_wrong_options_give_one_sentence(azure: str, changes: dict[str, Any], expected: str) -> None:
    options = {"account": "shopassets", "account_key": KEY, "endpoint_url": None, **changes}
    with pytest.raises(TrundleError, match=expected) as caught:
        open_store(URL, StoreOptions(**options))
    assert "hidden" not in caught.value.message
    assert "not base64!" not in caught.value.message


@pytest.mark.parametrize("url", ["az://No_Container/static", "az:///static", "az://a/static"])
def test_a_wrong_container_name_is_explained(url: str) -> None:
    with pytest.raises(TrundleError, match="names no valid container: it looks like az://container/prefix"):
        open_store(url, StoreOptions(account="shopassets", account_key=KEY))


def test_the_container_of_a_static_website_is_one(azure: str) -> None:
    store = open_store("az://$web/static", StoreOptions(account="shopassets", account_key=KEY, endpoint_url=azure))
    store.check_access()
    assert Azure.asked[0][1].startswith("/$web?")


def test_options_show_no_secret() -> None:
    shown = repr(StoreOptions(account="shopassets", account_key="hidden", sas_token="hidden", secret="hidden"))
    assert "hidden" not in shown


def test_the_key_signs_and_is_not_sent(azure: str) -> None:
    store = open_store(URL, StoreOptions(account="shopassets", account_key=KEY, endpoint_url=azure))
    store.check_access()
    [(_method, path, authorization)] = Azure.asked
    assert path.startswith("/assets?")
    assert authorization.startswith("SharedKey shopassets:")
    assert KEY not in authorization


def test_the_account_may_stand_in_the_endpoint(monkeypatch: pytest.MonkeyPatch, azure: str) -> None:
    options = StoreOptions(account_key=KEY, endpoint_url="https://shopassets.blob.core.chinacloudapi.cn")
    assert open_store(URL, options).location.url == URL


def test_environment_gives_account_and_key(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "shopassets")
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    open_store(URL, StoreOptions(endpoint_url=azure)).check_access()
    assert Azure.asked[0][2].startswith("SharedKey shopassets:")


def test_given_credentials_win_over_the_environment(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "other")
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    open_store(URL, StoreOptions(account="shopassets", sas_token=sas(), endpoint_url=azure)).check_access()
    [(_method, path, authorization)] = Azure.asked
    assert "sig=hidden" in path
    assert authorization == ""


def test_a_managed_identity_signs_in(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    open_store(URL, StoreOptions(account="shopassets", endpoint_url=azure, client_id="some-id")).check_access()
    assert "client_id=some-id" in Azure.asked[0][1]
    assert Azure.asked[-1][1].startswith("/assets?")
    assert Azure.asked[-1][2] == "Bearer token-1"


def test_no_credentials_anywhere(azure: str, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(TrundleError, match="azure-identity finds no credentials on this host"):
        open_store(URL, StoreOptions(account="shopassets", endpoint_url=azure))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("status", "code", "detail", "expected"),
    [
        (404, "ContainerNotFound", "", "no container 'assets' in the storage account 'shopassets'; create it, or"),
        (403, "AuthenticationFailed", "", "refuses the key of the storage account 'shopassets'; check account_key"),
        (403, "AuthenticationFailed", "Request date header too old: 'Sat'", "this host's clock differs too much"),
        (403, "AuthorizationPermissionMismatch", "", "the role 'Storage Blob Data Contributor' on the container"),
        (403, "AuthorizationFailure", "", "refuses these credentials, or this host; check account_key"),
        (403, "KeyBasedAuthenticationNotPermitted", "", "takes no account keys; leave out account_key"),
    ],
    ids=["container", "key", "clock", "permission", "refused", "no-keys"],
)
def test_answers_of_the_server_are_explained(azure: str, status: int, code: str, detail: str, expected: str) -> None:
    Azure.answer = (status, ERROR.format(code=code, detail=detail))
    store = open_store(URL, StoreOptions(account="shopassets", account_key=KEY, endpoint_url=azure, retries=0))
    for call in (store.check_access, lambda: store.find(["a"]), lambda: store.get("a")):
        with pytest.raises(FinalError, match=expected) as caught:
            call()
        assert "\n" not in caught.value.message


def test_with_a_sas_objects_are_deleted_one_by_one(azure: str) -> None:
    store = open_store(URL, StoreOptions(account="shopassets", sas_token=sas(), endpoint_url=azure, retries=0))
    store.delete(["js/ü b.js", "a.css"])
    assert sorted(path.split("?")[0] for method, path, _authorization in Azure.asked if method == "DELETE") == [
        "/assets/static/a.css",
        "/assets/static/js/%C3%BC%20b.js",
    ]
    Azure.answer = (404, ERROR.format(code="BlobNotFound", detail=""))
    store.delete(["a.css"])
    Azure.answer = (503, ERROR.format(code="ServerBusy", detail=""))
    with pytest.raises(TrundleError, match="asks to slow down, even after 0 retries") as caught:
        store.delete(["a.css"])
    assert "hidden" not in caught.value.message
