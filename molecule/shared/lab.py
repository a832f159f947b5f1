# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for tests and the demo: containers that boot systemd and are reached over SSH.

python3 molecule/shared/lab.py up --name demo --web 3 --db --balancer --origin --out build/demo
python3 molecule/shared/lab.py inventory --name demo
python3 molecule/shared/lab.py down --name demo
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from labhosts import hosts, image, inventory
from labhosts.engine import LabError, detect_engine, make_room

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def lab_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name is made of a-z, 0-9 and -, at most 40 of them")
    return text


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="make the hosts anew and write DIR/inventory.yml")
    up.add_argument("--web", type=int, default=3, metavar="N", help="number of web hosts (3)")
    up.add_argument("--db", action="store_true", help="a host for PostgreSQL")
    up.add_argument("--balancer", action="store_true", help="a host for HAProxy")
    up.add_argument("--origin", action="store_true", help="a host with an S3 store and a CDN")
    up.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the inventory and the keys")
    down = verbs.add_parser("down", help="remove all that `up` made, except DIR")
    listing = verbs.add_parser("inventory", help="print the hosts that are up, as JSON")
    power = verbs.add_parser("power", help="switch a host off, at once, or on again")
    inside = verbs.add_parser("exec", help="run a command on a host, also where SSH does not reach it")
    for verb in (power, inside):
        verb.add_argument("--host", required=True, metavar="HOST", help="web1, db ...")
    power.add_argument("state", choices=["off", "on"])
    inside.add_argument("command", nargs="+")
    for verb in (up, down, listing, power, inside):
        verb.add_argument("--name", type=lab_name, required=True)
    verbs.add_parser("image", help="build the image only, when its inputs changed")
    return parser


def write_private(path: Path, text: str) -> None:
    """The inventory holds passwords."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)


def up(args: argparse.Namespace) -> None:
    began = time.monotonic()
    spec = inventory.Spec(args.name, web=args.web, database=args.db, balancer=args.balancer, origin=args.origin)
    folder = args.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    engine, tag = image.ensure_image(detect_engine())
    hosts.remove(engine, spec.name)
    if spec.crowded():
        make_room()
    keys = hosts.make_keys(folder)
    hosts.make_shared(folder)
    addresses = hosts.bring_up(engine, spec, image=tag, folder=folder)
    host_key = (keys / "host_key.pub").read_text(encoding="utf-8")
    known = hosts.known_hosts(addresses=list(addresses.values()), host_key=host_key)
    (folder / "known_hosts").write_text(known, encoding="utf-8")
    secret = inventory.Secrets.new()
    found = inventory.build(spec=spec, addresses=addresses, secret=secret, folder=str(folder))
    write_private(folder / "inventory.yml", inventory.text(found))
    image.say(f"{len(addresses)} hosts are up after {time.monotonic() - began:.1f} s: {folder / 'inventory.yml'}")


def down(args: argparse.Namespace) -> None:
    count = hosts.remove(detect_engine(), args.name)
    image.say(f"removed {count} hosts")


def show(args: argparse.Namespace) -> None:
    engine = detect_engine()
    found = hosts.labelled(engine, args.name)
    items = json.loads(engine.call("inspect", *found).stdout) if found else []
    network = hosts.network_name(args.name)
    rows = {
        item["Config"]["Labels"]["trundle-lab-host"]: {
            "group": item["Config"]["Labels"]["trundle-lab-group"],
            "address": item["NetworkSettings"]["Networks"][network]["IPAddress"],
            "running": item["State"]["Running"],
        }
        for item in items
    }
    sys.stdout.write(json.dumps(dict(sorted(rows.items())), indent=2) + "\n")


def power(args: argparse.Namespace) -> None:
    detect_engine().call("kill" if args.state == "off" else "start", hosts.container_name(args.name, args.host))


def inside(args: argparse.Namespace) -> None:
    answer = detect_engine().call("exec", hosts.container_name(args.name, args.host), *args.command)
    sys.stdout.write(answer.stdout)


def main() -> int:
    args = build_parser().parse_args()
    try:
        if args.verb == "image":
            image.ensure_image(detect_engine())
        else:
            {"up": up, "down": down, "inventory": show, "power": power, "exec": inside}[args.verb](args)
    except (LabError, subprocess.TimeoutExpired) as exc:
        image.say(str(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
