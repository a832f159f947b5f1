# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from labhosts import engine as engines
from labhosts import hosts, image
from labhosts.engine import Engine, LabError

PODMAN = Engine("podman", ("podman",), ("--runtime", "runc"), ("--ulimit", "nofile=1:1"))


@pytest.mark.parametrize(
    ("programs", "root", "expected"),
    [
        pytest.param(["podman", "docker"], True, ["podman", "docker"], id="podman first"),
        pytest.param(["podman"], False, ["sudo -n podman"], id="rootless podman is not used"),
        pytest.param(["docker"], False, ["docker", "sudo -n docker"], id="docker by its group, else by sudo"),
        pytest.param([], True, [], id="none"),
    ],
)
def test_engine_candidates(programs, root, expected):
    assert [" ".join(found.argv) for found in engines.engine_candidates(programs=programs, root=root)] == expected


def test_docker_without_a_server_is_seen():
    assert engines.server_errors(json.dumps({"ServerErrors": ["no daemon"]})) == ["no daemon"]
    assert engines.server_errors(json.dumps({"host": {}})) == []
    assert engines.server_errors("") == []


def test_limits_start_with_the_engines_own_and_get_smaller():
    found = [" ".join(flags) for flags in engines.limit_candidates(nofile=20000, nproc=96000)]
    assert found == [
        "",
        "--ulimit nofile=20000:20000 --ulimit nproc=96000:96000",
        "--ulimit nofile=16384:16384 --ulimit nproc=16384:16384",
        "--ulimit nofile=4096:4096 --ulimit nproc=4096:4096",
    ]
    assert len(engines.limit_candidates(nofile=1024, nproc=1024)) == 2


def test_only_podman_is_told_another_runtime():
    assert engines.flag_candidates(kind="podman", runtimes=["crun", "runc"]) == [
        (),
        ("--runtime", "crun"),
        ("--runtime", "runc"),
    ]
    assert engines.flag_candidates(kind="docker", runtimes=["runc"]) == [()]


def test_docker_tries_the_way_of_its_cgroup_version_first():
    assert "--cgroupns=private" in engines.init_candidates(kind="docker", cgroup_v2=True)[0]
    assert "--cgroupns=host" in engines.init_candidates(kind="docker", cgroup_v2=False)[0]


def fake_engine(tmp_path, script):
    program = tmp_path / "engine"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return Engine("podman", (str(program),))


def test_tuning_takes_the_first_flags_that_run(tmp_path, monkeypatch):
    monkeypatch.setattr(engines.shutil, "which", lambda name: f"/usr/bin/{name}")
    engine = fake_engine(tmp_path, 'case "$*" in *runc*nofile=*) exit 0;; esac; echo refused >&2; exit 126')
    tuned = engines.tune_engine(engine, "image")
    assert tuned.flags == ("--runtime", "runc")
    assert tuned.limits[0] == "--ulimit"


def test_tuning_that_fails_says_what_was_tried(tmp_path):
    engine = fake_engine(tmp_path, "echo cgroups in hybrid mode >&2; exit 126")
    with pytest.raises(LabError, match=r"no flags: cgroups in hybrid mode; .*nofile=4096:4096"):
        engines.tune_engine(engine, "image")


def test_a_failed_call_holds_what_the_program_said(tmp_path):
    engine = fake_engine(tmp_path, "echo step 3; echo no space left >&2; exit 1")
    with pytest.raises(LabError, match=r"build --tag x: step 3\nno space left"):
        engine.call("build", "--tag", "x")


def test_run_command():
    command = hosts.run_command(
        PODMAN,
        lab="t",
        host="web1",
        group="trundle_web",
        address="10.1.0.2",
        image="i:1",
        keys="/k",
        shared="/s",
        init=("--systemd=always",),
    )
    assert " ".join(command) == (
        "podman --runtime runc run --detach --name trundle-lab-t-web1 --hostname web1"
        " --label trundle-lab=t --label trundle-lab-host=web1 --label trundle-lab-group=trundle_web"
        " --network trundle-lab-t --network-alias web1 --ip 10.1.0.2"
        " --volume /k:/etc/trundle-lab:ro --security-opt label=disable"
        " --volume /s:/s --ulimit nofile=1:1 --systemd=always i:1"
    )


def test_each_host_keeps_its_address(monkeypatch):
    network = json.dumps([{"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}]}])
    monkeypatch.setattr(
        Engine, "call", lambda *_arguments, **_options: subprocess.CompletedProcess([], 0, stdout=network)
    )
    assert hosts.fixed_addresses(PODMAN, "t", ["web1", "db"]) == ["10.1.0.2", "10.1.0.3"]
    assert hosts.fixed_addresses(replace(PODMAN, kind="docker"), "t", ["web1", "db"]) == [None, None]


@pytest.mark.parametrize(("kind", "layers"), [("podman", " --layers=false"), ("docker", "")])
def test_build_command(kind, layers):
    command = image.build_command(replace(PODMAN, kind=kind), base="b", tag="t", folder="/f")
    assert " ".join(command) == (
        f"podman --runtime runc build{layers} --ulimit nofile=1:1 --label trundle-lab-image=1 --build-arg BASE=b"
        " --tag t /f"
    )


def test_bootstrap_hands_over_all_sources(monkeypatch):
    monkeypatch.setattr(image.os, "geteuid", lambda: 0)
    command = image.bootstrap_command("deb http://a s main\ndeb http://b s-security main\n", "/x.tar")
    assert command[0] == "mmdebstrap"
    assert command[-4:] == ["bookworm", "/x.tar", "deb http://a s main", "deb http://b s-security main"]


def test_the_digest_follows_name_and_content():
    base = image.digest({"a": b"1", "b": b"2"})
    assert base == image.digest({"b": b"2", "a": b"1"})
    assert len({base, image.digest({"a": b"1", "c": b"2"}), image.digest({"a": b"12", "b": b""})}) == 3


def test_the_context_has_the_name_that_docker_looks_for(tmp_path):
    image.write_context(tmp_path, {"Containerfile": b"FROM x", "machine/etc/pip.conf": b"[global]"})
    assert (tmp_path / "Dockerfile").read_bytes() == b"FROM x"
    assert (tmp_path / "machine/etc/pip.conf").read_bytes() == b"[global]"


def test_known_hosts():
    text = hosts.known_hosts(addresses=["10.0.0.2", "10.0.0.3"], host_key="ssh-ed25519 AAAA lab-host\n")
    assert text == "10.0.0.2 ssh-ed25519 AAAA\n10.0.0.3 ssh-ed25519 AAAA\n"


def test_remove_touches_only_what_carries_the_label(tmp_path):
    log = tmp_path / "log"
    engine = fake_engine(
        tmp_path,
        f'echo "$*" >> {log}\n'
        'case "$*" in "ps "*label=trundle-lab=t) echo c1 c2;; "network ls"*label=trundle-lab=t) echo n1;; esac',
    )
    assert hosts.remove(engine, "t") == 2
    calls = log.read_text(encoding="utf-8").splitlines()
    assert "rm --force --volumes --time 0 c1 c2" in calls
    assert "network rm n1" in calls


def test_silent_ssh_is_given_up_at_the_deadline(monkeypatch):
    clock = iter([0.0, 1.0, 2.0, 3.0])
    monkeypatch.setattr(hosts.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(hosts.time, "sleep", lambda _seconds: None)
    # Nothing listens on port 22 of this loopback address.
    assert hosts.ssh_answers("127.255.255.254", deadline=2.5) is False


def test_room_for_many_hosts_is_made_where_there_is_too_little(tmp_path):
    limit = tmp_path / "max_user_instances"
    for found, left in (("128\n", "1024\n"), ("8192\n", "8192\n")):
        limit.write_text(found)
        engines.make_room(limit=limit)
        assert limit.read_text() == left
