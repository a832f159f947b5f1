# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys the shop to real hosts under load, upgrades it, tries a broken release and rolls back: `make demo`.

It goes the way of a user: the collection is built, installed from its tarball and used from there. What was seen is
printed and written to build/demo.json. The exit status is 0 when no request failed and all else went as claimed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "demo"
LAB = WORK / "lab"
BIN = Path(sys.executable).parent
NAME = "demo"
HANDED_OVER = LAB / "build" / "handover"
ROLLS = ("Roll, batch by batch", "Roll back")
LEAST_REQUESTS = 3000
LEAST_RATE = 50
RELEASES = ("v1", "v2", "v3")
PAGES = ("/", "/products/", "/about/")


class DemoError(Exception):
    """A step went otherwise than claimed; the text says how and where to look."""


class Steps:
    """The steps, with their times, and the log of each."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        print(f"\n== {name}", flush=True)
        began = time.time()
        yield
        self.rows.append({"name": name, "seconds": round(time.time() - began, 1), "began": began, "ended": time.time()})

    def seconds(self, name: str) -> float:
        return float(next(row["seconds"] for row in self.rows if row["name"] == name))


def environment(log: str) -> dict[str, str]:
    """Ansible as it comes, with the collection that was installed from the tarball."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return own | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(WORK / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(WORK / "collections"),
        "ANSIBLE_CALLBACKS_ENABLED": "trundle.django.timeline",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "TRUNDLE_TIMELINE": str(timeline_path(log)),
    }


def timeline_path(log: str) -> Path:
    return WORK / f"{log}.jsonl"


def run(*argv: str | Path, log: str, expect: tuple[int, ...] = (0,)) -> str:
    """Run a program, its output in a log; the headlines of Ansible are shown as they come."""
    path = WORK / f"{log}.log"
    with path.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=WORK,
            env=environment(log),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            if line.startswith("PLAY [") and not line.startswith("PLAY [localhost"):
                print(f"   {line[6:].split(']')[0]}", flush=True)
    if process.wait() not in expect:
        tail = "\n".join(path.read_text(encoding="utf-8").splitlines()[-30:])
        raise DemoError(f"{argv[0]} ended with {process.returncode}; its last lines, all of them in {path}:\n{tail}")
    return path.read_text(encoding="utf-8")


def playbook(name: str, *variables: str, log: str, expect: tuple[int, ...] = (0,)) -> str:
    extra = [part for variable in variables for part in ("-e", variable)]
    inventories = ("-i", LAB / "inventory.yml", "-i", ROOT / "examples" / "inventory")
    return run(BIN / "ansible-playbook", name, *inventories, *extra, log=log, expect=expect)


def deploy(release: str, expect: tuple[int, ...] = (0,)) -> str:
    """Deploy the tag of that name."""
    variables = (f"trundle_version={release}", f"trundle_release={release}")
    return playbook("trundle.django.deploy", *variables, log=f"deploy-{release}", expect=expect)


def install_collection() -> None:
    run(BIN / "ansible-galaxy", "collection", "build", ROOT, "--output-path", WORK, "--force", log="package")
    tarball = max(WORK.glob("trundle-django-*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)
    run(
        BIN / "ansible-galaxy",
        *("collection", "install", tarball, "--collections-path", WORK / "collections", "--offline", "--force"),
        log="install",
    )


def bring_up_hosts() -> None:
    """New hosts and a new store, so nothing that was built for earlier ones."""
    shutil.rmtree(LAB, ignore_errors=True)
    lab("up", "--web", "3", "--db", "--balancer", "--origin", "--out", str(LAB))
    prepare = ROOT / "molecule" / "shared" / "prepare.yml"
    run(BIN / "ansible-playbook", prepare, "-i", LAB / "inventory.yml", log="prepare")


def lab(verb: str, *options: str) -> None:
    run(sys.executable, ROOT / "molecule" / "shared" / "lab.py", verb, "--name", NAME, *options, log=f"lab-{verb}")


def lab_facts() -> dict[str, Any]:
    """The lab_* variables of the hosts, as Ansible reads them."""
    text = run(BIN / "ansible-inventory", "-i", LAB / "inventory.yml", "--host", "web1", log="facts")
    found: dict[str, Any] = json.loads(text[text.index("{") :])
    return found


class Load:
    """Traffic through the balancer, until it is stopped."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.out = WORK / "load.json"
        self.out.unlink(missing_ok=True)
        manifests = [f"--manifest={release}={HANDED_OVER / release / 'staticfiles.json'}" for release in RELEASES]
        argv = [sys.executable, str(ROOT / "molecule" / "shared" / "load.py"), f"--url={facts['lab_url']}"]
        argv += [f"--host={facts['lab_domain']}", f"--out={self.out}", "--rate=60", f"--cdn={facts['lab_cdn_url']}"]
        argv += [*manifests, *(f"--page={page}" for page in PAGES)]
        self.process = subprocess.Popen(argv, stderr=(WORK / "load.log").open("w", encoding="utf-8"))

    def stop(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        found: dict[str, Any] = json.loads(self.out.read_text(encoding="utf-8"))
        return found


class OpenPage:
    """A page that a visitor keeps open in Chromium while the site moves on (F2)."""

    def __init__(self, facts: dict[str, Any]) -> None:
        address = facts["lab_url"].split("/")[2]
        argv = [sys.executable, str(ROOT / "molecule" / "shared" / "browser.py")]
        argv += [f"--url=http://{facts['lab_domain']}/", f"--resolve={facts['lab_domain']}={address}"]
        argv += [f"--state={WORK / 'browser'}"]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(WORK / "browser.log").open("w"), text=True
        )
        self.opened = self._answer()

    def tell(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise DemoError(f"The browser ended early; see {WORK / 'browser.log'}")
        answer: dict[str, Any] = json.loads(line)
        if not answer.get("ok", True):
            raise DemoError(f"The open page failed: {line}")
        return answer


def roll_times(log: str) -> list[dict[str, Any]]:
    """For each host of a roll: its time in all, the time that the application took to boot, and what is beyond.

    Of the swap alone, too: Ansible's own tasks around it are longer where hosts move side by side.
    """
    lines = [json.loads(line) for line in timeline_path(log).read_text(encoding="utf-8").splitlines()]
    found = []
    for host in sorted({line["host"] for line in lines if line["play"] in ROLLS}):
        own = [line for line in lines if line["play"] in ROLLS and line["host"] == host]
        swap, boot = next((line["seconds"], line["boot_seconds"]) for line in own if "boot_seconds" in line)
        total = max(float(line["ended"]) for line in own) - min(float(line["started"]) for line in own)
        times = {"seconds": total, "boot_seconds": boot, "beyond_boot": total - boot, "swap_beyond_boot": swap - boot}
        rounded = {name: round(seconds, 2) for name, seconds in times.items()}
        found.append({"host": host, "batch": own[0]["batch"], **rounded})
    return found


def play() -> dict[str, Any]:
    """All steps in turn; returns what was seen."""
    steps = Steps()
    with steps.step("hosts, database, store"):
        install_collection()
        bring_up_hosts()
        facts = lab_facts()
    with steps.step("deploy v1"):
        deploy("v1")
    load = Load(facts)
    try:
        page = OpenPage(facts)
        with steps.step("deploy v2 under load"):
            deploy("v2")
        with steps.step("the page of v1 loads its lazy chunk"):
            chunk = page.tell("load-chunk")
            page.close()
        with steps.step("deploy v3, which is broken"):
            text = deploy("v3", expect=(2,))
            if "Release v3 was refused and undone" not in text:
                raise DemoError(f"The broken release was not refused as it should be; see {WORK / 'deploy-v3.log'}")
        with steps.step("roll back to v1"):
            playbook("trundle.django.rollback", log="rollback")
        with steps.step("status"):
            playbook("trundle.django.status", log="status")
            time.sleep(2)
    finally:
        seen = load.stop()
    return report(steps, seen, page.opened, chunk)


def report(steps: Steps, seen: dict[str, Any], opened: dict[str, Any], chunk: dict[str, Any]) -> dict[str, Any]:
    result = {name: seen[name] for name in ("requests", "failed", "mixed", "asset_404", "max_ms", "by_release")}
    result |= {name: seen[name] for name in ("assets", "unjudged", "seconds", "failures", "mixed_pages")}
    roll = roll_times("deploy-v2")
    return {
        "steps": [step_row(row, seen["timeline"]) for row in steps.rows],
        **result,
        "hosts": len(roll),
        "roll": roll,
        "roll_seconds": play_seconds("deploy-v2"),
        "rollback_seconds": steps.seconds("roll back to v1"),
        "rollback_roll_seconds": play_seconds("rollback"),
        "open_page": {"release": opened["release"], "chunk": chunk},
    }


def play_seconds(log: str) -> float:
    """Seconds from the first to the last task of the roll."""
    lines = [json.loads(line) for line in timeline_path(log).read_text(encoding="utf-8").splitlines()]
    own = [line for line in lines if line["play"] in ROLLS]
    seconds: float = max(line["ended"] for line in own) - min(line["started"] for line in own)
    return round(seconds, 2)


def step_row(row: dict[str, Any], timeline: list[dict[str, Any]]) -> dict[str, Any]:
    """A step with the requests that fell into it."""
    own = [second for second in timeline if row["began"] <= moment(second["time"]) < row["ended"]]
    return {
        "name": row["name"],
        "seconds": row["seconds"],
        "requests": sum(second["requests"] for second in own),
        "failed": sum(second.get("failed", 0) for second in own),
        "max_ms": max((second["max_ms"] for second in own), default=0.0),
    }


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def verdict(result: dict[str, Any]) -> list[str]:
    """What is not as claimed."""
    wrong = [f"{name}: {result[name]}, not 0" for name in ("failed", "mixed", "asset_404", "unjudged") if result[name]]
    if result["requests"] < max(LEAST_REQUESTS, LEAST_RATE * result["seconds"]):
        wrong.append(f"only {result['requests']} requests in {result['seconds']} s")
    if not {"v1", "v2"} <= result["by_release"].keys() or "v3" in result["by_release"]:
        wrong.append(f"the visitors saw the releases {', '.join(result['by_release'])}, not v1 and v2")
    if result["open_page"]["release"] != "v1":
        wrong.append(f"the open page was of {result['open_page']['release']}, not v1")
    for what, name, limit in (("roll", "beyond_boot", 6), ("swap", "swap_beyond_boot", 3)):
        slow = [row["host"] for row in result["roll"] if row[name] > limit]
        if slow:
            wrong.append(f"the {what} took more than {limit} s beyond the boot on {', '.join(slow)}")
    if result["rollback_roll_seconds"] >= result["roll_seconds"]:
        wrong.append("the rollback took longer than the roll")
    return wrong


def show(result: dict[str, Any], wrong: list[str]) -> None:
    print(f"\n{'step':40} {'seconds':>8} {'requests':>9} {'failed':>7} {'slowest':>10}")
    for row in result["steps"]:
        print(f"{row['name']:40} {row['seconds']:8} {row['requests']:9} {row['failed']:7} {row['max_ms']:7.0f} ms")
    print(f"\n{result['requests']} requests, {result['failed']} failed, {result['mixed']} mixed, ", end="")
    print(f"{result['assets']} assets, {result['asset_404']} not found; by release: {result['by_release']}")
    for row in result["roll"]:
        print(f"{row['host']}: {row['seconds']} s, of which boot {row['boot_seconds']} s", end=", ")
        print(f"and the rest of the swap {row['swap_beyond_boot']} s")
    print(f"rollback: {result['rollback_seconds']} s in all\n\nLogs: {WORK}\nNumbers: {ROOT / 'build' / 'demo.json'}")
    print("The hosts stay up: make demo-down removes them.")
    for line in wrong:
        print(f"NOT AS CLAIMED: {line}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--down", action="store_true", help="remove the hosts of the demo")
    down = parser.parse_args().down
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    try:
        if down:
            lab("down")
            return 0
        result = play()
    except DemoError as exc:
        print(f"\n{exc}", file=sys.stderr)
        return 1
    wrong = verdict(result)
    (ROOT / "build" / "demo.json").write_text(json.dumps({**result, "wrong": wrong}, indent=1) + "\n", encoding="utf-8")
    show(result, wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
