# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import measure
import measure_report
import pytest

V1 = "4:memory:/\n2:cpuacct,cpu:/libpod_parent/libpod-f2\n0::/libpod_parent/libpod-f2/init.scope\n"
V2 = "0::/machine.slice/libpod-f2.scope/container/init.scope\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param(V1, "/cpuacct/libpod_parent/libpod-f2", id="hybrid"),
        pytest.param(V2, "/machine.slice/libpod-f2.scope/container", id="v2"),
    ],
)
def test_the_group_of_a_host_is_that_of_its_first_process(text: str, path: str) -> None:
    assert measure.cgroup_path(text) == path


def test_what_a_host_tells_itself_does_not_count_as_received() -> None:
    text = "Inter-|   Receive\n face |bytes packets\n    lo:  900  1 0\n  eth0: 1200  2 0\n"
    assert measure.received_bytes(text) == 1200


def test_a_program_is_counted_with_all_below_it_and_nothing_beside_it() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as program:
        own: list[int] = []
        while len(own) < 2:
            own = measure.tree(program.pid, measure.processes())
        assert own[0] == program.pid
        assert os.getpid() not in own
        program.communicate(b"\n")


def sample(time: float, *, busy: float, controller: float, hosts: float) -> dict[str, float]:
    return {"time": time, "busy": busy, "controller": controller, "hosts": hosts}


SATURATED = [
    # Two processors for ten seconds: 4 s went to the controller, 12 s to four hosts, 4 s to something else.
    sample(0.0, busy=0.0, controller=0.0, hosts=0.0),
    sample(10.0, busy=20.0, controller=4.0, hosts=12.0),
]
IDLE = [
    sample(0.0, busy=0.0, controller=0.0, hosts=0.0),
    sample(10.0, busy=10.0, controller=1.0, hosts=9.0),
]


@pytest.mark.parametrize(
    ("samples", "hosts", "seconds"),
    [
        # Of the 20 s of processor the controller (4 s) and one host (3 s) stay: 3.5 s of time.
        pytest.param(SATURATED, 4, 3.5, id="saturated"),
        # Nothing but what is not of the batch goes away.
        pytest.param(SATURATED, 1, 8.0, id="one-host"),
        # Nobody waited for a processor.
        pytest.param(IDLE, 4, 10.0, id="not-saturated"),
    ],
)
def test_the_serial_part_leaves_out_what_hosts_of_their_own_would_do_at_once(
    samples: list[dict[str, float]], hosts: int, seconds: float
) -> None:
    found = measure_report.serial_seconds(samples, 0.0, 10.0, hosts=hosts, cores=2)
    assert found == pytest.approx(seconds)


def row(host: str, batch: int, began: float, ended: float, *, status: str = "ok") -> dict[str, Any]:
    times = {"started": began, "ended": ended}
    return {"play": measure_report.ROLL, "batch": batch, "host": host, "status": status, **times}


def test_a_batch_that_takes_too_long_for_its_size_is_named() -> None:
    timeline = [
        *(row("web1", 1, 0.0, 2.0), row("web2", 1, 1.0, 1.5, status="skipped"), row("web1", 1, 2.5, 4.0)),
        *(row("web2", 2, 4.0, 9.0), row("web3", 2, 4.5, 9.5), row("web3", 2, 9.6, 13.0), row("web2", 2, 10.0, 13.5)),
    ]
    samples = [sample(second / 2, busy=0.0, controller=0.0, hosts=0.0) for second in range(40)]
    found = {"batches": measure_report.batches(timeline, samples, 2)}
    (wrong,) = measure_report.verdict(found, [1, 2])
    assert wrong.startswith("batch 2 of 2 hosts: a serial part of 9.5 s, more than 9.00 s")
    assert measure_report.verdict(found, [1, 1]) == ["the batches have [1, 2] hosts, not [1, 1]"]


def test_phases_are_the_plays_in_their_order() -> None:
    timeline = [row("web1", 1, 1.0, 2.0), {**row("localhost", 1, 2.0, 5.0, status="skipped"), "play": "Retire"}]
    found = measure_report.phases(timeline, [])
    assert [(phase["name"], phase["seconds"], phase["hosts"]) for phase in found] == [
        (measure_report.ROLL, 1.0, 1),
        ("Retire", 3.0, 1),
    ]
    assert [(phase["results"], phase["skipped"]) for phase in found] == [(1, 0), (0, 1)]
