"""`gate trust update`, `gate trust import` and `gate specimen publish`, as a technician rehearses them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from shutil import copytree, rmtree
from time import time

import pytest
from conftest import Open, World
from offers import server
from plant import WoundClock

from gate import RELEASED
from gate.cli import main, update
from gate.config import load
from gate.controller import store

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def lane(world: World, tmp_path: Path) -> Path:
    """Its authority beside it."""
    return copytree(world.folder, tmp_path / "lane", symlinks=True, ignore=lambda *_: ["journal"])


def run(capsys: Capture, *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def publish(capsys: Capture, lane: Path, *words: object) -> None:
    assert run(capsys, "specimen", "publish", lane, *words)[0] == 0


def bring(capsys: Capture, lane: Path, *words: object) -> tuple[int, str, str]:
    return run(capsys, "trust", "import", lane / "repository", "--config", lane / "gate.toml", *words)


def reason(capsys: Capture, lane: Path, text: str, at: int) -> str:
    _, out, _ = run(capsys, "verify", text, "--config", lane / "gate.toml", "--at", at)
    return out.strip().rpartition(" ")[2]


def code(capsys: Capture, lane: Path, at: int, *words: object) -> str:
    ended, out, _ = run(capsys, "specimen", "show", lane, "--at", at, *words)
    assert ended == 0
    return out.strip()


def now() -> int:
    """The authority's own clock: what it publishes is of this second, and a lane cannot judge by it before."""
    return int(time())


def test_a_revocation_reaches_the_lane_with_the_import_and_not_before(lane: Path, capsys: Capture) -> None:
    shown = code(capsys, lane, now())
    publish(capsys, lane, "--revoke", "1024", "--suspend", "7")
    assert reason(capsys, lane, shown, now()) == "cleared"
    assert bring(capsys, lane) == (0, "trust list 1 -> 2; status lists changed: urn:uto:uto-mo\n", "")
    assert reason(capsys, lane, shown, now()) == "revoked"
    publish(capsys, lane, "--restore", "1024")
    assert bring(capsys, lane)[0] == 0
    assert reason(capsys, lane, shown, now()) == "cleared"
    assert store.load_trust(lane / "trust").status_lists["urn:uto:uto-mo"].at(7) == 2


def test_nothing_new(lane: Path, capsys: Capture) -> None:
    assert bring(capsys, lane) == (0, "nothing new (trust list 1)\n", "")
    assert bring(capsys, lane, "--json") == (0, '{"before": 1, "after": 1, "changed": []}\n', "")


def test_only_the_list_itself_changed(lane: Path, capsys: Capture) -> None:
    publish(capsys, lane)
    assert bring(capsys, lane) == (0, "trust list 1 -> 2; status lists changed: none\n", "")


def test_the_first_trust_of_a_lane(lane: Path, capsys: Capture) -> None:
    (lane / "trust" / "current").unlink()
    rmtree(lane / "trust" / "g00000001")
    assert bring(capsys, lane)[1] == "trust list 1; status lists changed: urn:uto:uto-mo, urn:uto:uto-hk\n"


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_a_role_is_rotated(lane: Path, capsys: Capture, role: str) -> None:
    for serial in (2, 3):
        publish(capsys, lane, "--rotate", role)
        assert bring(capsys, lane)[1] == f"trust list {serial - 1} -> {serial}; status lists changed: none\n"


def test_a_control_point_is_rotated_and_the_old_key_opens_codes_during_the_overlap(lane: Path, capsys: Capture) -> None:
    old = json.loads((lane / "specimen.json").read_bytes())["control_point_kid"]
    before = code(capsys, lane, now())
    publish(capsys, lane, "--rotate", "control-point")
    assert bring(capsys, lane)[0] == 0
    facts = json.loads((lane / "specimen.json").read_bytes())
    assert facts["control_point_kid"] != old
    assert load(lane / "gate.toml").trust.keys == (f"keys/control-point-{old}.pem", "keys/control-point.pem")
    for text in (before, code(capsys, lane, now()), code(capsys, lane, now(), "--kid", old)):
        assert reason(capsys, lane, text, now()) == "cleared"
    later = now() + 32 * 86400
    assert reason(capsys, lane, code(capsys, lane, later, "--kid", old), later) == "undecryptable"
    assert reason(capsys, lane, code(capsys, lane, later), later) == "cleared"


def test_an_issuer_is_rotated(lane: Path, capsys: Capture) -> None:
    before = code(capsys, lane, now())
    for number in (2, 3):
        publish(capsys, lane, "--rotate", "issuer")
        assert (
            bring(capsys, lane)[1]
            == f"trust list {number - 1} -> {number}; status lists changed: urn:uto:uto-mo-{number}\n"
        )
        assert reason(capsys, lane, before, now()) == "cleared"
        for case in ("cleared", "revoked", "suspended", "bad_signature"):
            assert reason(capsys, lane, code(capsys, lane, now(), "--case", case), now()) == case
    publish(capsys, lane, "--revoke", "1024")
    assert bring(capsys, lane)[1].endswith("status lists changed: urn:uto:uto-mo-3\n"), "the newest issuer's list"


def test_an_older_state_is_refused_and_explained(lane: Path, capsys: Capture) -> None:
    old = copytree(lane / "repository", lane / "old")
    publish(capsys, lane, "--revoke", "1024")
    bring(capsys, lane)
    ended, out, err = run(capsys, "trust", "import", old, "--config", lane / "gate.toml")
    assert (ended, out) == (1, "")
    assert err.startswith("gate: timestamp.json: an older state is offered (rollback)")
    assert err.count("\n") == 1
    ended, out, err = run(capsys, "trust", "import", old, "--config", lane / "gate.toml", "--json")
    assert ended == 1
    assert json.loads(out)["refused"] == err.removeprefix("gate: ").removesuffix("\n")
    assert store.load_trust(lane / "trust").serial == 2


def test_what_expired_is_refused(lane: Path, capsys: Capture) -> None:
    publish(capsys, lane, "--expires", "0")
    ended, _, err = bring(capsys, lane)
    assert ended == 1
    assert "has expired" in err


@contextmanager
def with_url(lane: Path) -> Iterator[str]:
    toml = lane / "gate.toml"
    with server(lane / "repository") as url:
        toml.write_text(toml.read_text().replace('# url = "http://127.0.0.1:8000"', f'url = "{url}"'))
        yield url


def test_from_the_server_that_is_configured(lane: Path, capsys: Capture) -> None:
    publish(capsys, lane, "--revoke", "5")
    with with_url(lane) as url:
        found = run(capsys, "trust", "update", "--config", lane / "gate.toml")
        again = run(capsys, "trust", "update", "--config", lane / "gate.toml", "--url", f"{url}/")
    assert found == (0, "trust list 1 -> 2; status lists changed: urn:uto:uto-mo\n", "")
    assert again == (0, "nothing new (trust list 2)\n", "")


def test_a_server_that_is_not_there_is_2_and_no_refusal(lane: Path, capsys: Capture) -> None:
    with with_url(lane):
        pass
    ended, out, err = run(capsys, "trust", "update", "--config", lane / "gate.toml")
    assert (ended, out) == (2, "")
    assert "root.json could not be fetched" in err


def test_an_offer_is_never_judged_before_what_is_proved_to_be_past(lane: Path) -> None:
    """A Pi boots in 1970: the floor is the release, what is held, and what the journal recorded."""
    settings = load(lane / "gate.toml")
    issued = store.load_trust(lane / "trust").issued
    assert update.terms(settings, 0.0, synchronised=True).now == max(issued, RELEASED)
    assert update.terms(settings, issued + 5000.0, synchronised=True).now == issued + 5000.0
    (lane / "trust" / "current").unlink()
    assert update.terms(settings, 0.0, synchronised=True).now == RELEASED


@pytest.mark.parametrize(
    ("wall", "synchronised", "sure"), [(5000.0, True, True), (5000.0, False, False), (-1.0, True, False)]
)
def test_only_a_sure_clock_says_what_is_yet_to_come(lane: Path, wall: float, *, synchronised: bool, sure: bool) -> None:
    settings = load(lane / "gate.toml")
    issued = store.load_trust(lane / "trust").issued
    judged_by = update.terms(settings, issued + wall, synchronised=synchronised)
    assert judged_by.latest == (issued + wall + 3.0 if sure else inf)
    assert judged_by.control_point == "HZMB-HK"


def test_the_journal_proves_a_time_too(lane: Path, make: Open) -> None:
    plant = make(WoundClock(wall_at_zero=now() + 86400.0), lane / "journal")
    plant.controller.start()
    plant.wind(1.0)
    assert update.terms(load(lane / "gate.toml"), 0.0, synchronised=True).now > now() + 80000
