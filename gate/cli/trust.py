"""`gate trust`: what this lane trusts."""

import json
import sys
from argparse import Namespace

import msgspec
from rich.console import Console
from rich.table import Table

from gate import config
from gate.controller import store
from gate.credential.trust import Trust


def show(arguments: Namespace) -> int:
    """The trust list, checked as the lane checks it."""
    settings = config.load(arguments.config)
    trust = store.load_trust(settings.path(settings.trust.folder))
    if arguments.json:
        sys.stdout.write(json.dumps(_facts(trust)) + "\n")
        return 0
    table = Table("kind", "name", "kid", "more", title=f"trust list {trust.serial}")
    for issuer in trust.issuers.values():
        table.add_row(
            "issuer", issuer.name, issuer.kid.hex(), f"{issuer.environment}: {', '.join(sorted(issuer.scopes))}"
        )
    for kid, (name, _) in trust.control_points.items():
        table.add_row("control point", name, kid.hex(), "")
    for listed in trust.status_lists.values():
        table.add_row("status list", listed.uri, listed.issuer_kid.hex(), f"{listed.entries} entries")
    Console().print(table)
    return 0


def _facts(trust: Trust) -> dict[str, object]:
    return {
        "serial": trust.serial,
        "issued": trust.issued,
        "expires": trust.expires,
        "issuers": {issuer.kid.hex(): issuer.name for issuer in trust.issuers.values()},
        "control_points": {kid.hex(): name for kid, (name, _) in trust.control_points.items()},
        "status_lists": {listed.uri: listed.entries for listed in trust.status_lists.values()},
        "policy": msgspec.to_builtins(trust.policy),
    }
