# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""az://container/prefix: Azure Blob Storage, signed in to by account key, SAS or azure-identity."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import time
import traceback
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.urls import open_url

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_errors import Target
from ansible_collections.trundle.django.plugins.module_utils.store_objects import (
    Kind,
    ObjectStore,
    check_endpoint,
    require_obstore,
)
from ansible_collections.trundle.django.plugins.module_utils.store_types import Location, StoreOptions

with suppress(ImportError):
    # Its absence is told by require_obstore.
    from obstore.store import AzureStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from obstore.store import AzureBearerToken, AzureConfig, AzureCredentialProvider

# A listing answers with at most so many blobs per request.
PAGE = 5000
SCOPE = "https://storage.azure.com/.default"
# How azure-identity says that a kind of credentials is not there, rather than wrong.
_ABSENT = re.compile(r"unavailable|not found|not installed|requires|could not be found|No accounts")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


def open_azure(location: Location, options: StoreOptions) -> ObjectStore:
    require_obstore()
    endpoint = check_endpoint(options.endpoint_url)
    account = _account(location, options, endpoint)
    endpoint = endpoint or f"https://{account}.blob.core.windows.net"
    config, provider = _credentials(location, options)
    handle = AzureStore(
        location.bucket,
        prefix=location.prefix or None,
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": max(0, options.retries), "retry_timeout": timedelta(minutes=3)},
        credential_provider=provider,
        # All of it is said here, so that obstore does not look for it in the environment.
        config={**config, "account_name": account, "endpoint": endpoint, "use_emulator": False},
    )
    target = Target(location.bucket, endpoint, "", account=account)
    delete_one = None
    if sas := config.get("sas_key"):
        delete_one = SasDelete(f"{endpoint}/{quote(location.url.removeprefix('az://'))}", sas, options.retries)
    # A blob's ETag is a number, and its MD5 stands in no listing that obstore hands on.
    return ObjectStore(location, target, handle, Kind(page=PAGE, etag_is_md5=False, delete_one=delete_one))


def _account(location: Location, options: StoreOptions, endpoint: str | None) -> str:
    """The storage account: the option, the variable of the Azure CLI, or the first part of the endpoint's name."""
    given = options.account or os.environ.get("AZURE_STORAGE_ACCOUNT") or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    if given is None and endpoint:
        host = urlsplit(endpoint).hostname or ""
        given = host.split(".")[0] if ".blob." in host else None
    if given is None:
        raise TrundleError(
            f"The store {location.url} lies in a storage account that is not named: give account, or set "
            "AZURE_STORAGE_ACCOUNT."
        )
    if not _ACCOUNT.fullmatch(given):
        raise TrundleError(
            f"The storage account '{given}' is not a name of one: it has 3 to 24 lower-case letters and digits."
        )
    return given


def _credentials(location: Location, options: StoreOptions) -> tuple[AzureConfig, AzureCredentialProvider | None]:
    """What is given wins over the environment; in both a key wins over a SAS, and that over azure-identity."""
    if options.account_key or options.sas_token:
        return _key_or_sas(options.account_key, options.sas_token), None
    if not (options.tenant or options.client_id or options.secret):
        key = os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_ACCOUNT_KEY")
        sas = os.environ.get("AZURE_STORAGE_SAS_TOKEN")
        if key or sas:
            return _key_or_sas(key, sas), None
    return {}, IdentityCredentials(location, _identity(options))


def _key_or_sas(key: str | None, sas: str | None) -> AzureConfig:
    if key:
        try:
            base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raise TrundleError(
                "The account_key is not one: it is a text in base64. Copy it again from the access keys of the "
                "storage account."
            ) from None
        return {"account_key": key, "credential_type": "access_key"}
    token = (sas or "").strip().removeprefix("?")
    parts = parse_qs(token)
    if "sig" not in parts:
        raise TrundleError(
            "The sas_token is not one: it has parts such as sv=...&sig=.... Make it anew and give all of it."
        )
    _check_expiry(parts.get("se", [""])[0])
    return {"sas_key": token, "credential_type": "sas_token"}


def _check_expiry(expiry: str) -> None:
    """The server's answer to an old SAS is the one to any wrong SAS; one without expiry leans on a stored policy."""
    with suppress(ValueError):
        at = datetime.fromisoformat(expiry)
        if at.replace(tzinfo=at.tzinfo or timezone.utc) < datetime.now(timezone.utc):
            raise TrundleError(f"The sas_token has expired, at {expiry}; make it anew, or set this host's clock right.")


def _identity(options: StoreOptions) -> TokenCredential:
    try:
        # Not before it is needed: it takes as long to import as all the rest.
        from azure.identity import ClientSecretCredential, DefaultAzureCredential
    except ImportError:
        raise TrundleError(
            f"{missing_required_lib('azure-identity')} Or give account_key or sas_token.",
            exception=traceback.format_exc(),
        ) from None
    if options.secret:
        if not (options.tenant and options.client_id):
            raise TrundleError("The secret of a service principal needs client_id and tenant; give both.")
        return ClientSecretCredential(options.tenant, options.client_id, options.secret)
    return DefaultAzureCredential(
        managed_identity_client_id=options.client_id, workload_identity_client_id=options.client_id
    )


class IdentityCredentials:
    """Hands azure-identity's tokens to obstore, fresh ones during long uploads."""

    def __init__(self, location: Location, credential: TokenCredential) -> None:
        from azure.core.exceptions import AzureError

        self._credential = credential
        # It warns on stderr of each kind of credentials that is not there.
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        try:
            credential.get_token(SCOPE)
        except AzureError as exc:
            raise TrundleError(
                f"Failed to sign in to {location.url}: {_refusal(str(exc.message))}. Give account_key, sas_token, or "
                "client_id, secret and tenant; or sign in with 'az login'; or give the host a managed identity."
            ) from None

    def __call__(self) -> AzureBearerToken:
        token = self._credential.get_token(SCOPE)
        return {"token": token.token, "expires_at": datetime.fromtimestamp(token.expires_on, timezone.utc)}


def _refusal(text: str) -> str:
    """What azure-identity says, without its advice and without what this host simply does not have."""
    tried = [line.strip() for line in text.splitlines() if line.startswith("\t")] or text.strip().splitlines()[:1]
    told = [line[:200].rstrip(".") for line in tried if not _ABSENT.search(line)]
    return "; ".join(told) or "azure-identity finds no credentials on this host"


class SasDelete:
    """Deletes a blob: batches of deletions, which obstore sends, are not what every server takes a SAS for."""

    VERSION = "2021-12-02"

    def __init__(self, folder: str, sas: str, retries: int) -> None:
        self._folder = folder
        self._sas = sas
        self._retries = retries

    def __call__(self, key: str) -> None:
        url = f"{self._folder}/{quote(key)}?{self._sas}"
        for attempt in range(max(0, self._retries) + 1):
            try:
                open_url(url, method="DELETE", headers={"x-ms-version": self.VERSION}, timeout=30).close()
                return
            except HTTPError as exc:
                if exc.code == 404:
                    raise FileNotFoundError(key) from None
                body = exc.read(2000).decode(errors="replace")
                failure = f"after {attempt} retries - Server returned non-2xx status code: {exc.code}: {body}"
                if exc.code < 500:
                    break
            except OSError as exc:
                failure = f"HTTP error, after {attempt} retries: {exc}"
            time.sleep(min(10.0, 0.2 * 2**attempt))
        raise ValueError(failure)
