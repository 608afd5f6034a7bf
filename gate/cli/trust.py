"""`gate trust show`: what this lane trusts, and how long that will last."""

import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite
from typing import Final, TypeAlias

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gate import RELEASED, config
from gate.cli import say
from gate.config import Config
from gate.controller import store
from gate.controller.health import utc
from gate.controller.journal import last_trusted
from gate.credential.ages import TRUST_LIST, Age, AgeOf, ages, status_list
from gate.credential.trust import Trust
from gate.errors import JournalError
from hardware.clock import SystemClock

_COLOURS: Final[Mapping[Age, str]] = {
    Age.FRESH: "green",
    Age.GRACE: "yellow",
    Age.STALE: "bold yellow",
    Age.DEAD: "bold red",
}
_NEXT: Final[Mapping[Age, Age]] = {Age.FRESH: Age.GRACE, Age.GRACE: Age.STALE}
_UNITS: Final = ((365 * 86400, "y"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Row: TypeAlias = tuple[str | Text, ...]


def show(arguments: Namespace) -> int:
    """The trust list, checked as the lane checks it, and its ages; 1 where something of it is dead."""
    settings = config.load(arguments.config)
    trust = store.load_trust(settings.path(settings.trust.folder))
    wall = _now(settings, trust) if arguments.at is None else float(arguments.at)
    found = ages(trust, wall)
    if arguments.json:
        sys.stdout.write(json.dumps(_facts(trust, found, wall)) + "\n")
    else:
        console = Console()
        for table in _tables(trust, found, wall):
            console.print(table)
    return int(any(one.age is Age.DEAD for one in found))


def judged_at(wall: float, floor: float, *, synchronised: bool) -> tuple[float, str]:
    """When ages are judged by a clock that says `wall`: never before `floor`, which is known to be past; and why to doubt it, if anything."""
    if wall < floor:
        return floor, f"the clock says {utc(wall)}, which is past: ages are as of {utc(floor)}, and things may be older"
    return wall, "" if synchronised else f"the clock is not synchronised: ages are right if it is {utc(wall)}"


def _now(settings: Config, trust: Trust) -> float:
    """The system's clock, with what is to be said about it."""
    clock = SystemClock()
    now, doubt = judged_at(clock.wall(), floor(settings, trust), synchronised=clock.synchronised())
    if doubt:
        say(doubt)
    return now


def floor(settings: Config, trust: Trust | None) -> float:
    """What no clock can rightly be before (Unix seconds): this software's release, the last record, the trust list's issue, if there is one."""
    recorded = 0.0
    with contextlib.suppress(JournalError):  # who may read what is trusted need not be one who may read the record
        recorded = last_trusted(settings.path(settings.journal.folder))
    return max(RELEASED, recorded, trust.issued if trust else 0.0)


def _facts(trust: Trust, found: Sequence[AgeOf], wall: float) -> dict[str, object]:
    return {
        "serial": trust.serial,
        "issued": trust.issued,
        "expires": trust.expires,
        "issuers": {issuer.kid.hex(): issuer.name for issuer in trust.issuers.values()},
        "control_points": {kid.hex(): point.id for kid, point in trust.control_points.items()},
        "status_lists": {listed.uri: listed.entries for listed in trust.status_lists.values()},
        "policy": msgspec.to_builtins(trust.policy),
        "at": wall,
        "ages": {one.what: _age(one) for one in found},
    }


def _age(one: AgeOf) -> dict[str, object]:
    following = one.next_change if isfinite(one.next_change) else None
    return {"age": one.age.value, "since": one.since, "next_change": following, "dies": one.dies}


def _tables(trust: Trust, found: Sequence[AgeOf], wall: float) -> Iterator[Table]:
    yield _table(f"trust list {trust.serial}, as of {utc(wall)}", ("what", "says", "age"), ages_of(trust, found, wall))
    yield _table("keys", ("kind", "name", "kid", "for", "until"), keys_of(trust, wall))
    yield _table("policy", ("name", "seconds"), policy_of(trust))


def _table(title: str, headings: Sequence[str], rows: Iterable[Row]) -> Table:
    """Folded where it is too wide, so that nothing of a kid or a uri is lost; what comes from a file is no markup."""
    table = Table(*(Column(name, overflow="fold", no_wrap=name == "kid") for name in headings), title=title)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def ages_of(trust: Trust, found: Sequence[AgeOf], wall: float) -> Iterator[Row]:
    """What is held, what it says of itself, and how old it is: "fresh; grace in 12 h, dead in 2 d"."""
    says = {status_list(uri): f"{one.entries} entries, made {utc(one.iat)}" for uri, one in trust.status_lists.items()}
    says[TRUST_LIST] = f"issued {utc(trust.issued)}, expires {utc(trust.expires)}"
    for one in found:
        yield one.what, says[one.what], Text(f"{one.age}; {_coming(one, wall)}", style=_COLOURS[one.age])


def keys_of(trust: Trust, wall: float) -> Iterator[Row]:
    """Whose keys are trusted, and until when."""
    for issuer in trust.issuers.values():
        scopes = f"{issuer.environment}: {', '.join(sorted(issuer.scopes))}"
        yield "issuer", issuer.name, issuer.kid.hex(), scopes, _until(issuer.valid_until, wall)
    for kid, point in trust.control_points.items():
        yield "control point", point.id, kid.hex(), "", _until(point.valid_until, wall)


def policy_of(trust: Trust) -> Iterator[Row]:
    """The policy's times."""
    for name, value in msgspec.structs.asdict(trust.policy).items():
        yield name, "by each list's own life" if value is None else str(value)


def _until(end: float, wall: float) -> Text:
    if end == inf:
        return Text("")
    return Text(utc(end), style="" if wall < end else _COLOURS[Age.DEAD])


def _coming(one: AgeOf, wall: float) -> str:
    if one.age is Age.DEAD:
        return f"since {_length(wall - one.dies)}"
    coming = f"{_NEXT[one.age]} in {_length(one.next_change - wall)}, " if one.age in _NEXT else ""
    return f"{coming}dead in {_length(one.dies - wall)}"


def _length(seconds: float) -> str:
    """A length of time in its largest whole unit."""
    size, unit = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    return f"{int(seconds // size)} {unit}"
