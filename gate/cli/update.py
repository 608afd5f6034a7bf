"""`gate trust update` and `gate trust import`: new trust from the authority's server, or from a stick."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from math import inf
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn

from gate import config
from gate.cli import MISUSE, say
from gate.cli.trust import floor
from gate.config import Config, Url
from gate.controller import sources, store, updates
from gate.controller.health import utc
from gate.controller.sources import Source
from gate.controller.updates import Change, Terms
from gate.errors import ConfigError, FleetError, TrustError
from hardware.clock import SystemClock

_LEAD_S: Final = 3.0
"""How far an authority's clock may be ahead of ours: no further than the clock's floor allows for."""
_COLUMNS: Final = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn())


def update(arguments: Namespace) -> int:
    """From the server that gate.toml or --url names."""
    settings = config.load(arguments.config)
    url = settings.trust.url if arguments.url is None else _checked(arguments.url)
    if not url:
        raise ConfigError(
            f"{arguments.config}: trust.url: expected the authority's repository, got none; add it, or give --url"
        )
    return _take(settings, sources.http(url), as_json=arguments.json)


def bring(arguments: Namespace) -> int:
    """From a folder, as it lies on a stick."""
    if not arguments.folder.is_dir():
        raise ConfigError(f"{arguments.folder}: expected the folder of a repository, got none; is the stick mounted?")
    return _take(config.load(arguments.config), sources.stick(arguments.folder), as_json=arguments.json)


def _checked(url: str) -> str:
    try:
        return msgspec.convert(url, Url)
    except msgspec.ValidationError:
        raise ConfigError(f"--url {url}: expected http:// or https:// and a host, without a query") from None


def _take(settings: Config, source: Source, *, as_json: bool) -> int:
    folder = settings.path(settings.trust.folder)
    clock = SystemClock()
    judged_by = terms(settings, clock.wall(), synchronised=clock.synchronised())
    try:
        with _progress() as told:
            change = updates.update(folder, source, judged_by, told)
    except (TrustError, FleetError) as error:
        refused = isinstance(error, TrustError)
        say(" ".join(str(error).split()))
        if as_json:
            _print({"refused" if refused else "failed": str(error)})
        return 1 if refused else MISUSE
    if as_json:
        _print(asdict(change))
    else:
        sys.stdout.write(f"{_said(change)}\n")
    return 0


def terms(settings: Config, wall: float, *, synchronised: bool) -> Terms:
    """What an offer is judged by: never a time before what something trusted has proved to be past, for tuf would believe any clock."""
    held = None
    with suppress(TrustError):  # nothing is held yet, or nothing whole
        held = store.load_trust(settings.path(settings.trust.folder))
    now = max(wall, floor(settings, held))
    if wall < now:
        say(f"the clock says {utc(wall)}, which is past: what is offered is judged as of {utc(now)}")
    sure = synchronised and wall == now
    return Terms(now, settings.lane.control_point, now + _LEAD_S if sure else inf)


@contextmanager
def _progress() -> Iterator[sources.Progress]:
    """Files and bytes on stderr, while they come, where a person looks on."""
    talk = Console(stderr=True)
    with Progress(*_COLUMNS, console=talk, transient=True, disable=not talk.is_terminal) as progress:
        task = progress.add_task("")
        yield lambda file, size: progress.update(task, description=file, advance=size)


def _print(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")


def _said(change: Change) -> str:
    if not change.changed:
        return f"nothing new (trust list {change.after})"
    lists = ", ".join(name for name in change.changed if name != "trust list")
    before = "" if change.before is None else f"{change.before} -> "
    return f"trust list {before}{change.after}; status lists changed: {lists or 'none'}"
