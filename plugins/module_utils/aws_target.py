# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target in a target group of Elastic Load Balancing."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import Any, Callable

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    BOTO3_ERROR = None
except ImportError:
    BOTO3_ERROR = traceback.format_exc()

POLL = 2.0


@dataclass(frozen=True)
class Health:
    """What the group says of a target: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference."""

    state: str
    reason: str

    @property
    def registered(self) -> bool:
        """A draining target is on its way out; to register it again brings it back."""
        return self.state != "draining" and self.reason != "Target.NotRegistered"

    @property
    def serves(self) -> bool:
        """No load balancer has to use the group: then there is nobody to find the target healthy."""
        return self.state == "healthy" or self.reason == "Target.NotInUse"


@dataclass(frozen=True)
class Target:
    """client: of boto3, for elbv2."""

    client: Any
    group: str
    id: str
    port: int | None = None

    def health(self) -> Health:
        answer = self._call("describe_target_health")
        found = answer["TargetHealthDescriptions"][0]["TargetHealth"]
        return Health(state=found["State"], reason=found.get("Reason", ""))

    def register(self) -> None:
        self._call("register_targets")

    def deregister(self) -> None:
        self._call("deregister_targets")

    def wait_until(
        self,
        done: Callable[[Health], bool],
        *,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> tuple[Health, float]:
        """The health when it is done, or when the time is over, and the seconds that this took."""
        begin = clock()
        while True:
            found, spent = self.health(), clock() - begin
            if done(found) or spent >= timeout:
                return found, spent
            sleep(min(POLL, timeout))

    def _call(self, method: str) -> Any:
        target = {"Id": self.id} if self.port is None else {"Id": self.id, "Port": self.port}
        try:
            return getattr(self.client, method)(TargetGroupArn=self.group, Targets=[target])
        except (BotoCoreError, ClientError) as exc:
            verb = method.replace("_", " ")
            raise TrundleError(f"Failed to {verb} for {self.id} in {self.group}: {exc}") from exc


def connect(*, region: str | None, profile: str | None, endpoint_url: str | None) -> Any:
    if BOTO3_ERROR is not None:
        raise TrundleError(missing_required_lib("boto3"), exception=BOTO3_ERROR)
    try:
        session = boto3.Session(profile_name=profile or None, region_name=region or None)
        return session.client("elbv2", endpoint_url=endpoint_url or None)
    except (BotoCoreError, ValueError) as exc:
        raise TrundleError(f"Failed to sign in to Elastic Load Balancing: {exc}") from exc
