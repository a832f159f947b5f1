# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from labhosts import machine

DEB822 = """Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


def test_only_addresses_of_pip_are_taken_over():
    text = """[global]
index-url = https://pip.example/simple
extra-index-url = file:///opt/simple https://more.example/simple
find-links = /opt/wheels
cert = /opt/ca.pem
cache-dir = /var/cache/pip
[install]
trusted-host = pip.example
"""
    assert machine.pip_settings([text], {"PIP_CACHE_DIR": "/x"}) == {
        "index-url": "https://pip.example/simple",
        "extra-index-url": "https://more.example/simple",
        "trusted-host": "pip.example",
    }


def test_pip_environment_wins_over_files_and_later_files_over_earlier_ones():
    first, second = "[global]\nindex-url=https://one\ntimeout=1\n", "[global]\nindex_url=https://two\n"
    assert machine.pip_settings([first, second], {})["index-url"] == "https://two"
    found = machine.pip_settings([first, second], {"PIP_INDEX_URL": "https://three"})
    assert found == {"index-url": "https://three", "timeout": "1"}


def test_pip_percent_signs_in_an_address_are_no_interpolation():
    assert machine.pip_settings(["[global]\nindex-url=https://u:a%40b@pip\n"], {}) == {
        "index-url": "https://u:a%40b@pip"
    }


def test_pip_conf_trusts_the_certificates_of_the_image():
    text = machine.pip_conf({"timeout": "9"}).decode()
    assert text == (
        "[global]\ndisable-pip-version-check = true\ncert = /etc/ssl/certs/ca-certificates.crt\ntimeout = 9\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("deb http://a b main x", [("http://a", "b", "main"), ("http://a", "b", "x")], id="plain"),
        pytest.param("deb [arch=amd64 signed-by=/k] http://a b main # note", [("http://a", "b", "main")], id="options"),
        pytest.param("# deb http://a b main\ndeb-src http://a b main\n", [], id="comment and source"),
        pytest.param("Types: deb\nURIs: http://a\nSuites: b\nComponents: main\nEnabled: no\n", [], id="disabled"),
        pytest.param(
            "Types: deb\nURIs: http://a\nSuites: b\nComponents:\n main\n", [("http://a", "b", "main")], id="folded"
        ),
    ],
)
def test_apt_entries(text, expected):
    assert machine.apt_entries(text) == expected


def test_mirrors_are_those_of_the_wanted_suite():
    other = "deb https://packages.example stable main\ndeb https://pg.example bookworm-pgdg main\n"
    found = machine.debian_mirrors([other, "deb https://x.example bookworm stable\n", DEB822], "bookworm")
    assert found == ("http://mirror.example/debian", "http://mirror.example/security")


def test_mirrors_of_another_system_are_not_taken():
    texts = ["deb http://archive.example/ubuntu noble main\n", "deb file:/media/cd bookworm main\n"]
    assert machine.debian_mirrors(texts, "bookworm") == ("", "")
    assert machine.sources_list(("", ""), "bookworm") == b""


def test_sources_list():
    assert machine.sources_list(("http://a", "http://b"), "s").decode().splitlines() == [
        "deb http://a s main",
        "deb http://a s-updates main",
        "deb http://b s-security main",
    ]


def test_apt_conf_keeps_what_a_container_needs():
    dump = """APT::Architecture "amd64";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CAInfo "/opt/ca.pem";
Acquire::Check-Date "false";
Dir::Cache "var/cache/apt";
"""
    assert machine.apt_conf(dump).decode() == (
        'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Date "false";\n'
    )


def test_proxies_reach_the_login_environment():
    environ = {"https_proxy": "http://p:1", "NO_PROXY": "localhost", "http_proxy": "", "HOME": "/root"}
    assert machine.proxy_environment(environ).decode() == "https_proxy=http://p:1\nNO_PROXY=localhost\n"


def test_certificates_come_from_the_bundle_that_the_machine_names(tmp_path):
    bundle = tmp_path / "own.pem"
    bundle.write_bytes(b"CERT")
    found = machine.certificate_files({"SSL_CERT_FILE": str(bundle)})
    assert found["etc/ssl/certs/ca-certificates.crt"] == b"CERT"
