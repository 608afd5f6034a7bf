"""`gate trust show`: what is trusted and how long that will last, for people and for machines."""

import json
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile

import pytest
from conftest import World
from forge import FILES, KIT, URI
from hypothesis import given
from hypothesis import strategies as st
from plant import NOW
from rich.text import Text

from gate.cli import main
from gate.cli.trust import ages_of, judged_at, keys_of
from gate.controller.store import load_trust
from gate.credential.ages import ages
from gate.credential.trust import Policy
from gate.specimen.cases import STATUS_ENTRIES

AT = 1800000000
"""When the lists below were issued, 2027-01-15 08:00 UTC."""

HOUR, DAY = 3600, 86400
LISTED = f"status list {URI}"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def toml(world: World, tmp_path: Path) -> Path:
    """A lane whose trust ages in days: 10 and 3 of grace for the trust list, 2 for the status list."""
    written = json.loads(FILES["trust-list.json"])
    written |= {"issued": AT, "expires": AT + 10 * DAY, "policy": {"trust_fresh": DAY, "status_fresh": 12 * HOUR}}
    written["status_lists"] = written["status_lists"][:1]
    written["control_points"][1]["valid_until"] = AT + DAY
    signed = KIT.macau.status_list(URI, {}, entries=STATUS_ENTRIES, iat=AT, exp=AT + 99 * DAY)
    files = {"trust-list.json": json.dumps(written).encode(), written["status_lists"][0]["file"]: signed}
    generation = tmp_path / "trust" / "current"
    generation.mkdir(parents=True)
    for name, data in files.items():
        (generation / name).write_bytes(data)
    copyfile(world.folder / "gate.toml", tmp_path / "gate.toml")
    return tmp_path / "gate.toml"


def shown(toml: Path, after: int, capsys: Capture, *more: str) -> tuple[int, str]:
    status = main(["trust", "show", "--config", str(toml), "--at", str(AT + after), *more])
    said = capsys.readouterr()
    assert said.err == ""
    return status, said.out


def told(toml: Path, after: int, capsys: Capture) -> tuple[int, Mapping[str, str]]:
    status, said = shown(toml, after, capsys, "--json")
    return status, {what: one["age"] for what, one in json.loads(said)["ages"].items()}


@pytest.mark.parametrize(
    ("after", "trust_list", "listed", "status"),
    [
        (0, "fresh", "fresh", 0),
        (12 * HOUR, "fresh", "grace", 0),
        (36 * HOUR, "grace", "stale", 0),
        (2 * DAY, "grace", "dead", 1),
        (10 * DAY, "stale", "dead", 1),
        (13 * DAY, "dead", "dead", 1),
    ],
)
def test_machines_get_the_ages(
    toml: Path, capsys: Capture, after: int, trust_list: str, listed: str, status: int
) -> None:
    assert told(toml, after, capsys) == (status, {"trust list": trust_list, LISTED: listed})


def test_machines_get_the_times(toml: Path, capsys: Capture) -> None:
    found = json.loads(shown(toml, 36 * HOUR, capsys, "--json")[1])
    assert (found["at"], found["serial"], found["issued"], found["expires"]) == (AT + 36 * HOUR, 1, AT, AT + 10 * DAY)
    assert found["ages"] == {
        "trust list": {"age": "grace", "since": AT + DAY, "next_change": AT + 10 * DAY, "dies": AT + 13 * DAY},
        LISTED: {"age": "stale", "since": AT + 36 * HOUR, "next_change": AT + 2 * DAY, "dies": AT + 2 * DAY},
    }
    assert found["issuers"][KIT.macau.kid.hex()] == "UTO-MO"
    assert found["control_points"] == {point.kid.hex(): point.id for point in (KIT.point, KIT.elsewhere)}
    assert found["status_lists"] == {URI: STATUS_ENTRIES}
    assert found["policy"] == {name: getattr(Policy(), name) for name in Policy.__struct_fields__} | {
        "trust_fresh": DAY, "status_fresh": 12 * HOUR
    }  # fmt: skip
    dead = json.loads(shown(toml, 99 * DAY, capsys, "--json")[1])
    assert dead["ages"]["trust list"]["next_change"] is None


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0, ("fresh; grace in 1 d, dead in 13 d", "fresh; grace in 12 h, dead in 2 d")),
        (36 * HOUR, ("grace; stale in 8 d, dead in 11 d", "stale; dead in 12 h")),
        (2 * DAY - 90, ("grace; stale in 8 d, dead in 11 d", "stale; dead in 1 min")),
        (2 * DAY - 9, ("grace; stale in 8 d, dead in 11 d", "stale; dead in 9 s")),
        (2 * DAY, ("grace; stale in 8 d, dead in 11 d", "dead; since 0 s")),
        (378 * DAY, ("dead; since 1 y", "dead; since 1 y")),
    ],
)
def test_people_read_what_comes_next(toml: Path, after: int, said: tuple[str, str]) -> None:
    trust = load_trust(toml.parent / "trust")
    rows = ages_of(trust, ages(trust, AT + after), AT + after)
    assert [(what, str(age)) for what, _, age in rows] == list(zip(("trust list", LISTED), said, strict=True))


def test_an_age_has_a_word_and_a_colour(toml: Path) -> None:
    trust = load_trust(toml.parent / "trust")
    cells = {
        str(age).partition(";")[0]: age.style
        for after in (0, 11 * DAY, 36 * HOUR)
        for *_, age in ages_of(trust, ages(trust, AT + after), AT + after)
        if isinstance(age, Text)
    }
    assert cells == {"fresh": "green", "grace": "yellow", "stale": "bold yellow", "dead": "bold red"}


def test_a_key_is_shown_with_its_end(toml: Path) -> None:
    trust = load_trust(toml.parent / "trust")
    for after, style in ((0, ""), (DAY - 1, ""), (DAY, "bold red")):
        *_, (kind, name, kid, _, until) = keys_of(trust, AT + after)
        assert (kind, name, kid) == ("control point", "GBQ-MO", KIT.elsewhere.kid.hex())
        assert until == Text("2027-01-16 08:00 UTC", style=style)
    assert [str(until) for *_, until in keys_of(trust, AT)][:3] == ["2050-01-01 00:00 UTC", "2050-01-01 00:00 UTC", ""]


def test_people_read_everything_that_is_trusted(toml: Path, capsys: Capture) -> None:
    """Also where a terminal is narrow: nothing is cut off."""
    table = shown(toml, 0, capsys)[1]
    for cell in (
        "trust list 1, as of 2027-01-15 08:00 UTC", "UTO-MO", KIT.macau.kid.hex(), "MO-NR", URI, "GBQ-MO",
        "grace in 12 h", "4096 entries", "max_code_age", " 15 ", "by each list's own life",
    ):  # fmt: skip
        assert cell in table


def test_what_looks_like_markup_is_only_shown(toml: Path, capsys: Capture) -> None:
    path = toml.parent / "trust" / "current" / "trust-list.json"
    path.write_bytes(path.read_bytes().replace(b"UTO-HK", b"[red]x[/"))
    assert "[red]x[/" in shown(toml, 0, capsys)[1]


def test_the_specimen_is_fresh(world: World, capsys: Capture) -> None:
    at = NOW + 5 * 365 * DAY
    toml = world.folder / "gate.toml"
    assert main(["trust", "show", "--config", str(toml), "--json", "--at", str(at)]) == 0
    assert {one["age"] for one in json.loads(capsys.readouterr().out)["ages"].values()} == {"fresh"}


def test_without_a_time_it_is_judged_now_and_never_before_what_is_held_was_made(world: World, capsys: Capture) -> None:
    assert main(["trust", "show", "--config", str(world.folder / "gate.toml"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["at"] >= load_trust(world.folder / "trust").issued
    assert said.err == "" or said.err.startswith("gate: the clock ")


def test_a_clock_that_is_past_or_alone_is_said_so() -> None:
    assert judged_at(AT, AT - 1, synchronised=True) == (AT, "")
    assert judged_at(AT, AT, synchronised=False) == (
        AT,
        "the clock is not synchronised: ages are right if it is 2027-01-15 08:00 UTC",
    )
    for synchronised in (True, False):
        now, doubt = judged_at(0.0, AT, synchronised=synchronised)
        assert now == AT
        assert doubt.startswith("the clock says 1970-01-01 00:00 UTC, which is past: ages are as of 2027-01-15 08:00")


moments = st.floats(0, 1 << 33)


@given(wall=moments, floor=moments, synchronised=st.booleans())
def test_nothing_is_judged_before_the_floor(*, wall: float, floor: float, synchronised: bool) -> None:
    now, doubt = judged_at(wall, floor, synchronised=synchronised)
    assert now == max(wall, floor)
    assert (doubt == "") == (synchronised and wall >= floor)
