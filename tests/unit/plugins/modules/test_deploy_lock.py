# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import platform
import shlex
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import deploy_lock


@pytest.fixture
def call(s3: Any, call_module: Any) -> Any:
    params = {name: value for name, value in s3.params.items() if value is not None}

    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        return dict(call_module(deploy_lock, check=check, **{**params, **options}))

    return run


def test_take_hold_and_give_back(call: Any) -> None:
    taken = call(name="shop", purpose="deploy of v1")
    assert (taken["changed"], taken["name"], taken["taken_over"]) == (True, "shop", {})
    held = call(name="shop", lease=taken["lease"])
    assert (held["changed"], held["lease"]) == (False, taken["lease"])
    given = call(name="shop", lease=taken["lease"], state="absent")
    assert given["changed"]
    assert (given["given_back"]["holder"], given["given_back"]["host"]) == (getpass.getuser(), platform.node())
    assert given["given_back"]["purpose"] == "deploy of v1"
    assert call(name="shop", lease=taken["lease"], state="absent") == {
        **given,
        "changed": False,
        "given_back": {},
    }


def test_f26_the_holder_is_told(call: Any) -> None:
    taken = call(holder="alice", host="laptop1")
    told = call(holder="bob")
    assert told["failed"]
    assert "Another deploy is running: alice on laptop1 (deploy), since" in told["msg"]
    assert (told["lock"]["holder"], told["lock"]["host"]) == ("alice", "laptop1")
    assert taken["lease"] not in str(told)


def test_f26_the_command_that_is_told_gives_the_lock_back(s3: Any, call: Any) -> None:
    call(name="shop", holder="alice")
    told = call(name="shop", holder="bob")["msg"]
    command, _brackets, keys = told.partition("gives its lock back: ")[2].partition(" (")
    assert keys == "and access_key and secret_key)"
    assert s3.params["secret_key"] not in told
    words = shlex.split(command)
    assert words[:-1] == ["ansible", "localhost", "-m", "trundle.django.deploy_lock", "-a"]
    given = call(**dict(word.split("=", 1) for word in words[-1].split()))
    assert given["given_back"]["holder"] == "alice"
    call(name="shop", holder="alice")
    assert call(name="shop", unlock="ansible-playbook unlock")["msg"].endswith("back: ansible-playbook unlock")


def test_check_mode_changes_nothing(s3: Any, call: Any) -> None:
    assert call(check=True)["changed"]
    lease = call()["lease"]
    s3.control()
    assert call(check=True, lease=lease, state="absent")["changed"]
    assert call(check=True)["failed"]
    assert s3.requests("PUT", "DELETE", "POST") == []


def test_giving_back_needs_a_lease_or_force(call: Any) -> None:
    call(holder="alice")
    assert "its lease is needed" in call(state="absent")["msg"]
    assert call(state="absent", force=True)["given_back"]["holder"] == "alice"


def test_a_user_without_a_name_is_somebody(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    lease = call()["lease"]
    assert call(lease=lease, state="absent")["given_back"]["holder"] == "somebody"
