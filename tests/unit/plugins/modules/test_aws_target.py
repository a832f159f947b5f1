# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With moto's load balancers, and with answers that moto does not give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import aws_target as engine
from ansible_collections.trundle.django.plugins.modules import aws_target

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto")

Call = Callable[..., dict[str, Any]]
REGION = "eu-west-1"


@pytest.fixture(name="group")
def group_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The options for an instance that is registered in a group which a load balancer uses."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with moto.mock_aws():
        ec2, elb = boto3.client("ec2", REGION), boto3.client("elbv2", REGION)
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
        image = ec2.describe_images()["Images"][0]["ImageId"]
        instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        made = elb.create_target_group(Name="shop", Protocol="HTTP", Port=80, VpcId=vpc)
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": arn}]
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": instance}])
        yield {"target_group": arn, "target": instance, "region": REGION, "wait": 5}


def registered(group: dict[str, Any]) -> list[str]:
    answer = boto3.client("elbv2", REGION).describe_target_health(TargetGroupArn=group["target_group"])
    found = answer["TargetHealthDescriptions"]
    return [target["Target"]["Id"] for target in found if target["TargetHealth"]["State"] == "healthy"]


def test_drained_and_put_back(call_module: Call, group: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "POLL", 0.05)
    short = {**group, "wait": 0.3}
    told = call_module(aws_target, check=True, state="drained", **short)
    assert (told["changed"], registered(group)) == (True, [group["target"]])
    done = call_module(aws_target, state="drained", **short)
    assert done["diff"] == told["diff"] == {"before": {"registered": True}, "after": {"registered": False}}
    assert registered(group) == []
    assert not call_module(aws_target, state="drained", **short)["changed"]
    back = call_module(aws_target, state="serving", **short)
    assert (back["changed"], back["health"]) == (True, "healthy")
    assert registered(group) == [group["target"]]
    assert not call_module(aws_target, state="serving", **short)["changed"]


def test_what_the_service_refuses_is_told(call_module: Call, group: dict[str, Any]) -> None:
    failed = call_module(aws_target, state="drained", **{**group, "target_group": f"{group['target_group']}x"})
    assert failed["msg"].startswith(f"Failed to describe target health for {group['target']} in arn:aws:")


class Service:
    """Answers with one state after the other, and keeps the last."""

    def __init__(self, *states: tuple[str, str]) -> None:
        self.states = list(states)
        self.calls: list[str] = []

    def describe_target_health(self, **_options: Any) -> dict[str, Any]:
        state, reason = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"TargetHealthDescriptions": [{"TargetHealth": {"State": state, "Reason": reason}}]}

    def register_targets(self, **_options: Any) -> None:
        self.calls.append("register")

    def deregister_targets(self, **_options: Any) -> None:
        self.calls.append("deregister")


HEALTHY = ("healthy", "")
INITIAL = ("initial", "Elb.RegistrationInProgress")
DRAINING = ("draining", "Target.DeregistrationInProgress")
GONE = ("unused", "Target.NotRegistered")
UNHEALTHY = ("unhealthy", "Target.FailedHealthChecks")
NOT_IN_USE = ("unused", "Target.NotInUse")


@pytest.mark.parametrize(
    ("state", "states", "calls", "health"),
    [
        pytest.param("drained", [HEALTHY, DRAINING, GONE], ["deregister"], "unused", id="f35 drained when it is gone"),
        pytest.param(
            "drained", [DRAINING, DRAINING, GONE], [], "unused", id="f35 a drain that was begun is waited for"
        ),
        pytest.param("drained", [HEALTHY, DRAINING], ["deregister"], "draining", id="long requests are left"),
        pytest.param("serving", [GONE, INITIAL, HEALTHY], ["register"], "healthy", id="back when it is healthy"),
        pytest.param("serving", [DRAINING, INITIAL, HEALTHY], ["register"], "healthy", id="f27 cut off while draining"),
        pytest.param("serving", [UNHEALTHY, HEALTHY], [], "healthy", id="not healthy yet"),
        pytest.param("serving", [GONE, NOT_IN_USE], ["register"], "unused", id="a group that nobody uses"),
    ],
)
def test_states(
    call_module: Call,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    states: list[tuple[str, str]],
    calls: list[str],
    health: str,
) -> None:
    service = Service(*states)
    monkeypatch.setattr(engine, "connect", lambda **_options: service)
    monkeypatch.setattr(engine, "POLL", 0.01)
    done = call_module(aws_target, target_group="arn:shop", target="i-1", state=state, wait=0.2)
    assert (service.calls, done["health"], done["changed"]) == (calls, health, bool(calls))


def test_a_host_that_stays_unhealthy_is_told(call_module: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "connect", lambda **_options: Service(GONE, UNHEALTHY))
    options = {"target_group": "arn:shop", "target": "i-1", "state": "serving"}
    failed = call_module(aws_target, wait=0.1, **options)
    assert "sends no requests to i-1 0.1 s after it was put back: it is unhealthy (Target.Failed" in failed["msg"]
    assert call_module(aws_target, wait=0, **options)["health"] == "unhealthy"
