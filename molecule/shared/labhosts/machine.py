# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine needs to reach its package sources, as files for an image: apt, pip, proxies, certificates.

An image that is built on a machine behind a mirror or a proxy needs the same settings inside. Only what names a
network address is taken over: a path of this machine means nothing in a container.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

Files = dict[str, bytes]

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CA_FOLDERS = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
PIP_URLS = ("index-url", "extra-index-url", "find-links", "proxy")
PIP_PLAIN = ("trusted-host", "retries", "timeout", "default-timeout")
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
APT_SETTINGS = re.compile(r"Acquire::(https?::Proxy|https?::Verify-|Check-Valid-Until|Check-Date|Retries)", re.I)


def http_only(value: str) -> str:
    """The words of a setting that are http(s) addresses."""
    return " ".join(word for word in value.split() if word.startswith(("http://", "https://")))


def pip_settings(texts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of pip that make sense elsewhere, from its configuration files (later ones win) and PIP_*."""
    found: dict[str, str] = {}
    for text in texts:
        parser = configparser.RawConfigParser(strict=False)
        parser.read_string(text)
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for name, value in environ.items():
        if name.startswith("PIP_"):
            found[name[4:].lower().replace("_", "-")] = value
    kept = {key: http_only(found[key]) for key in PIP_URLS if key in found}
    kept.update({key: " ".join(found[key].split()) for key in PIP_PLAIN if key in found})
    return {key: value for key, value in kept.items() if value}


def pip_conf(settings: Mapping[str, str]) -> bytes:
    lines = ["[global]", "disable-pip-version-check = true", f"cert = {CA_BUNDLE}"]
    lines += [f"{key} = {value}" for key, value in sorted(settings.items())]
    return ("\n".join(lines) + "\n").encode()


def apt_entries(text: str) -> list[tuple[str, str, str]]:
    """(address, suite, component) of a sources file, in one-line or deb822 form."""
    entries: list[tuple[str, str, str]] = []
    if re.search(r"^Types:", text, re.M):
        for stanza in re.split(r"\n\s*\n", text):
            pairs = re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", stanza, re.M)
            fields = {key.lower(): value.split() for key, value in pairs}
            if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
                entries += [
                    (uri, suite, component)
                    for uri in fields.get("uris", [])
                    for suite in fields.get("suites", [])
                    for component in fields.get("components", [])
                ]
        return entries
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)", line.strip())
        if match:
            entries += [(match[1], match[2], component) for component in match[3].split("#")[0].split()]
    return entries


def debian_mirrors(texts: Iterable[str], suite: str) -> tuple[str, str]:
    """(main, security) addresses of Debian as this machine knows them; empty where it knows none."""
    main, security = "", ""
    for text in texts:
        for uri, name, component in apt_entries(text):
            if component == "main" and uri.startswith(("http://", "https://")):
                main = main or (uri if name == suite else "")
                security = security or (uri if name == f"{suite}-security" else "")
    return main, security


def sources_list(mirrors: tuple[str, str], suite: str) -> bytes:
    """Without an address it is empty: mmdebstrap, and a base image, know Debian's own."""
    main, security = mirrors
    lines = [f"deb {main} {suite} main\n", f"deb {main} {suite}-updates main\n"] if main else []
    lines += [f"deb {security} {suite}-security main\n"] if main and security else []
    return "".join(lines).encode()


def apt_conf(dump: str) -> bytes:
    """The lines of `apt-config dump` that a container needs too."""
    lines = [line for line in dump.splitlines() if APT_SETTINGS.match(line) and '"file:' not in line]
    return ("\n".join(lines) + "\n").encode()


def proxy_environment(environ: Mapping[str, str]) -> bytes:
    lines = [f"{name}={environ[name]}" for key in PROXIES for name in (key, key.upper()) if environ.get(name)]
    return "".join(line + "\n" for line in lines).encode()


def read_texts(paths: Iterable[Path]) -> list[str]:
    return [path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()]


def certificate_files(environ: Mapping[str, str]) -> Files:
    """This machine's bundle of trusted certificates, and the ones that were added to it one by one."""
    files: Files = {}
    named = [environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")]
    bundles = [Path(name) for name in [*named, CA_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt"] if name]
    bundle = next((path for path in bundles if path.is_file()), None)
    if bundle:
        files[CA_BUNDLE.lstrip("/")] = bundle.read_bytes()
    added = [path for folder in CA_FOLDERS for path in sorted(Path(folder).rglob("*.*"))]
    for number, path in enumerate(path for path in added if path.suffix in {".crt", ".pem"}):
        files[f"usr/local/share/ca-certificates/machine-{number}.crt"] = path.read_bytes()
    return files


def apt_files(suite: str) -> Files:
    texts = read_texts([Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))])
    sources = sources_list(debian_mirrors(texts, suite), suite)
    files = {"etc/apt/sources.list": sources} if sources else {}
    if shutil.which("apt-config"):
        dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=False).stdout
        files["etc/apt/apt.conf.d/90machine"] = apt_conf(dump)
    return files


def machine_files(suite: str) -> Files:
    """All of it: path below / -> content."""
    environ = os.environ
    home = Path.home()
    pip_paths = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), home / ".pip/pip.conf"]
    pip_paths += [Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"]
    if environ.get("PIP_CONFIG_FILE"):
        pip_paths.append(Path(environ["PIP_CONFIG_FILE"]))
    files = {
        **apt_files(suite),
        **certificate_files(environ),
        "etc/pip.conf": pip_conf(pip_settings(read_texts(pip_paths), environ)),
        "etc/environment": proxy_environment(environ),
    }
    return dict(sorted(files.items()))
