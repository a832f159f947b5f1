# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse

import lab
import pytest
import yaml
from labhosts import inventory
from labhosts.inventory import Secrets, Spec

SECRET = Secrets(run="beef", database_password="pw", access_key="AKIAX", secret_key="sk")
FULL = Spec("t", web=2, database=True, balancer=True, origin=True)


def build(spec):
    addresses = {host: f"10.0.0.{number}" for number, host in enumerate(spec.hosts(), start=2)}
    return inventory.build(spec=spec, addresses=addresses, secret=SECRET, folder="/out")


def test_hosts_of_a_full_lab():
    assert FULL.hosts() == {
        "web1": "trundle_web",
        "web2": "trundle_web",
        "db": "database",
        "lb": "balancer",
        "store": "origin",
    }
    assert list(Spec("t", web=1).hosts()) == ["web1"]


def test_no_host_has_the_name_of_a_group():
    assert not set(FULL.hosts()) & set(inventory.GROUPS)


def test_facts_of_a_full_lab():
    facts = build(FULL)["all"]["vars"]
    assert facts["lab_url"] == "http://10.0.0.5/"
    assert facts["lab_db_url"] == "postgresql://shop:pw@10.0.0.4:5432/shop"
    assert facts["lab_endpoint_url"] == "http://10.0.0.6:9000"
    assert facts["lab_cdn_url"] == "http://10.0.0.6/static/"
    assert facts["lab_store"] == f"s3://{facts['lab_bucket']}/static"


def test_a_part_that_is_not_there_has_no_facts_but_its_group():
    found = build(Spec("t", web=1))["all"]
    assert set(found["vars"]) == {"lab_name", "lab_dir", "lab_domain", "lab_shared"}
    assert found["children"]["database"] == {"hosts": {}}


def test_the_connection_is_not_a_matter_of_the_controller():
    found = build(FULL)["all"]
    assert not [name for name in found["vars"] if name.startswith("ansible_")]
    assert set(found["children"]["lab_hosts"]["children"]) == set(inventory.GROUPS)


def test_a_new_lab_has_its_own_connections():
    old = inventory.connection_vars(folder="/out", run="one")["ansible_control_path"]
    new = inventory.connection_vars(folder="/out", run="two")["ansible_control_path"]
    assert old != new


def test_the_text_is_yaml_of_the_same():
    found = build(FULL)
    assert yaml.safe_load(inventory.text(found)) == found


def test_secrets_differ_and_have_the_shape_of_a_users_key():
    first, second = Secrets.new(), Secrets.new()
    assert first.secret_key != second.secret_key
    assert first.database_password != second.database_password
    assert first.access_key.startswith("AKIA")
    assert len(first.access_key) == 20


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "-a", "a b", "a_b", "x" * 41])
def test_a_name_that_no_container_may_have_is_refused(name):
    with pytest.raises(argparse.ArgumentTypeError):
        lab.lab_name(name)


def test_the_inventory_is_private_even_when_an_old_one_was_not(tmp_path):
    path = tmp_path / "inventory.yml"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    lab.write_private(path, "new")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == "new"
