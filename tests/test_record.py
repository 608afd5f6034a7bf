"""The record through a whole lane: a clock that comes and goes, a power cut, other trust; what is told, written and refused for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from conftest import Open, World
from plant import NOW, Plant, WoundClock

from gate.controller.inbox import TrustLoaded, TrustRefused
from gate.controller.journal import last_trusted
from gate.controller.passages import Gap
from gate.credential.trust import Trust
from gate.credential.verifier import Verifier
from gate.lane.machine import State

DAY = 86_400.0
Y1970 = 12.0
Y2037 = 2_114_380_800.0
NEXT_BOOT = b"another boot's.."


def set_to(clock: WoundClock, wall: float, *, synced: bool) -> None:
    clock.wall_at_zero, clock.synced = wall - clock.now, synced


def clock_at(wall: float, *, synced: bool, now: float = 100.0) -> WoundClock:
    clock = WoundClock(now=now)
    set_to(clock, wall, synced=synced)
    return clock


def begun(lane: Plant) -> Plant:
    lane.controller.start()
    lane.wind(1.0)
    return lane


def comes(lane: Plant, case: str = "cleared", holder: str = "") -> str:
    """Somebody shows a code, walks through if they may, and what was said of them."""
    lane.gear.walkway.expect_walker()
    lane.show(lane.code(case, holder))
    lane.wind_to(State.STANDBY)
    lane.gear.walkway.dismiss()
    lane.wind(2.0)
    return lane.reasons[-1]


def lives(judge: Verifier, seconds: int, *, serial: int = 1, **changes: object) -> Verifier:
    """The same trust for so long from NOW."""
    policy = judge.trust.policy
    trust = replace(judge.trust, serial=serial, expires=NOW + seconds - policy.trust_grace, **changes)  # type: ignore[arg-type]  # any of its fields
    assert trust.dies == NOW + seconds
    return replace(judge, trust=trust)


def lines_of(lane: Plant, kind: str) -> list[dict[str, object]]:
    return [line for line in lane.lines() if line["kind"] == kind]


# The clock.


def test_a_lane_that_boots_in_1970_opens_for_nobody_says_why_and_goes_on_by_itself(make: Open) -> None:
    lane = begun(make(clock_at(Y1970, synced=False)))
    assert lane.told[0] == (
        "the clock says 1970-01-01 00:00 UTC, before this software was built (2026-11-02 04:13 UTC): "
        "waiting for time synchronisation"
    )
    assert lane.controller.status == f"standby; clock untrusted: {lane.told[0]}"
    lane.show(lane.specimen.code("cleared", NOW))
    assert lane.reasons == ["clock_untrusted"]
    lane.wind_to(State.STANDBY)
    assert lines_of(lane, "clock")[0]["why"] == "below_floor"
    set_to(lane.clock, NOW + 60.0, synced=True)
    lane.wind(2.0)
    assert lane.told[-1] == "the clock is synchronised and trusted"
    assert (lines_of(lane, "clock")[-1]["state"], lane.controller.status) == ("trusted", "standby")
    assert comes(lane) == "cleared"


def test_a_lane_that_boots_in_2037_unsynchronised_opens_for_nobody(make: Open) -> None:
    lane = begun(make(clock_at(Y2037, synced=False)))
    assert comes(lane) == "clock_untrusted"
    assert lane.told[0] == (
        "the clock says 2037-01-01 00:00 UTC, and nothing has vouched for it since it started: "
        "waiting for time synchronisation"
    )
    set_to(lane.clock, NOW + 60.0, synced=True)
    lane.wind(2.0)
    assert comes(lane) == "cleared"


def test_a_false_answer_of_2037_opens_for_nobody_and_is_not_learnt(world: World, make: Open, tmp_path: Path) -> None:
    judge = lives(world.judge, 30 * 86_400)
    lane = begun(make(journal=tmp_path / "kept", judge=judge))
    keys = sorted((tmp_path / "kept").glob("*.key"))
    assert comes(lane) == "cleared"
    set_to(lane.clock, Y2037, synced=True)
    lane.wind(1.0)
    assert lane.controller.status.startswith("standby; clock ahead: the clock says 2037-01-01 00:00 UTC, when all that")
    assert comes(lane) == "trust_expired"
    lane.controller._record._books.journal.sync()
    assert set(keys) <= set((tmp_path / "kept").glob("*.key")), "no day's key was destroyed for it"
    assert lines_of(lane, "decision")[-1]["clock"] == "ahead"

    again = begun(make(clock_at(Y2037 + 9, synced=True, now=200.0), tmp_path / "kept", judge))
    assert comes(again) == "trust_expired"
    assert last_trusted(tmp_path / "kept") < NOW + DAY
    set_to(again.clock, NOW + 300.0, synced=True)
    again.wind(2.0)
    assert again.controller.status == "standby"
    assert comes(again) == "cleared", "the floor is where it was, also after a restart"
    again.controller._record._books.journal.sync()
    assert not any(path.stem > "2036" for path in (tmp_path / "kept").glob("*.key")), "a key of a day to come"


def test_trust_that_really_dies_is_said_to(world: World, make: Open) -> None:
    lane = begun(make(judge=lives(world.judge, 100)))
    lane.wind(200.0)
    assert comes(lane) == "trust_expired"
    assert "run `gate trust update`" in lane.controller.status


def test_a_clock_that_steps_back_while_it_runs(make: Open) -> None:
    lane = begun(make())
    assert comes(lane) == "cleared"
    lane.clock.wall_at_zero -= 3600.0
    lane.wind(1.0)
    assert "before the time that it had until now" in lane.controller.status
    assert comes(lane, holder="another") == "clock_untrusted"
    lane.clock.wall_at_zero += 3600.0
    lane.wind(2.0)
    assert comes(lane, holder="another") == "cleared"


def test_a_clock_that_is_not_synchronised_any_more_is_carried_for_its_time(make: Open) -> None:
    lane = begun(make())
    lane.clock.synced = False
    lane.wind(61.0)
    assert lane.told[-1] == ("the clock is not synchronised any more: it is trusted without until 2026-11-02 22:53 UTC")
    assert lane.controller.status == "standby; clock holdover"
    assert comes(lane) == "cleared"
    lane.wind(60_000.0)
    assert "was last synchronised at 2026-11-02 06:13 UTC and may be wrong by more than 3 s" in lane.told[-2]
    assert comes(lane) == "clock_untrusted"


def test_a_clock_that_is_set_by_nobody_known(make: Open) -> None:
    lane = begun(make())
    set_to(lane.clock, lane.clock.wall() + 60.0, synced=False)
    lane.wind(1.0)
    assert "and was set to that by nobody known since 2026-11-02 06:13 UTC" in lane.told[0]


@pytest.mark.parametrize("wall", [float("nan"), float("inf"), 1e18, -1e18])
def test_a_clock_that_says_no_time_at_all(make: Open, wall: float) -> None:
    lane = make()
    lane.controller.start()
    set_to(lane.clock, wall, synced=True)
    lane.controller._record._time.read()
    assert "the clock says no time at all" in lane.controller.status
    due = lane.controller.next_due()
    assert due is not None
    assert due > lane.clock.now, "it does not spin"


def test_a_lane_whose_last_line_had_no_clock_keeps_its_floor(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    first.clock.synced = False
    set_to(first.clock, Y2037, synced=False)
    first.wind(1.0)
    assert first.lines()[-1]["clock"] == "untrusted"
    yesterday = clock_at(NOW - 1800.0, synced=True)  # after the trust list was signed, before the record's last line
    again = begun(make(yesterday, tmp_path / "kept"))
    assert comes(again) == "clock_untrusted"
    assert "before its own last record (2026-11-02 06:13 UTC)" in again.controller.status


# Passages over an end.


def kill(lane: Plant) -> WoundClock:
    """The clock goes on; nothing was closed."""
    return WoundClock(now=lane.clock.now + 1.0, wall_at_zero=lane.clock.wall_at_zero)


def cut(lane: Plant, seconds: float) -> WoundClock:
    """The clock of a new boot that took so long, the power cut now."""
    return clock_at(lane.clock.wall() + seconds, synced=True, now=seconds)


def test_a_passage_outlives_the_process(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    text = first.code()
    first.gear.walkway.expect_walker()
    first.show(text)
    first.wind_to(State.STANDBY)
    second = begun(make(kill(first), tmp_path / "kept"))
    second.show(text)
    assert second.reasons == ["replayed"]
    second.wind_to(State.STANDBY)
    assert comes(second, holder="another") == "cleared", "nobody waits for a process that died"
    assert lines_of(second, "cut") == []


def test_a_release_that_was_never_settled_counts(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    text = first.code()
    first.show(text)
    assert first.state is State.RELEASED
    second = begun(make(kill(first), tmp_path / "kept"))
    second.show(text)
    assert second.reasons == ["replayed"]


def test_a_no_show_is_given_back_also_over_an_end(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    text = first.code()
    first.show(text)
    first.wind_to(State.STANDBY)
    assert first.kinds()[-1] == "no_show"
    second = begun(make(kill(first), tmp_path / "kept"))
    second.show(text)
    assert second.reasons == ["cleared"]


def test_after_a_cut_everybody_waits_and_is_told_and_then_goes_on(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    text = first.code()
    first.gear.walkway.expect_walker()
    first.show(text)
    first.wind_to(State.STANDBY)
    second = begun(make(cut(first, 20.0), tmp_path / "kept", boot=NEXT_BOOT))
    assert second.told == ["the power was cut: who passed last is not known, so everybody is referred for 46 s"]
    (line,) = lines_of(second, "cut")
    assert (line["what"], line["until"]) == (Gap.BEFORE_BOOT.value, second.clock.wall() - second.clock.now + 66.0)
    second.show(text)
    assert second.reasons == ["stale"]
    second.wind_to(State.STANDBY)
    assert comes(second, holder="another") == "anti_passback", "nothing worse is known of anybody"
    assert second.controller.status.startswith("standby; everybody is referred until 2026-11-02 ")
    second.wind(66.0 - second.clock.now - 1.0)
    assert comes(second, holder="another") == "anti_passback"
    second.wind(2.0)
    assert second.told[-1] == "nobody waits any more for who is missing from the passages"
    assert comes(second, holder="another") == "cleared"


def test_a_cut_long_ago_makes_nobody_wait(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    second = begun(make(cut(first, 500.0), tmp_path / "kept", boot=NEXT_BOOT))
    assert comes(second) == "cleared"
    assert [line["what"] for line in lines_of(second, "cut")] == ["before_boot"]


def test_a_wait_is_counted_by_what_no_time_source_sets(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    second = begun(make(cut(first, 20.0), tmp_path / "kept", boot=NEXT_BOOT))
    second.clock.wall_at_zero += 3600.0
    second.wind(1.0)
    assert comes(second) in ("anti_passback", "replayed")
    second.wind(66.0)
    assert comes(second) == "cleared"


def test_a_wait_begins_when_there_is_a_time(make: Open, tmp_path: Path) -> None:
    first = begun(make(journal=tmp_path / "kept"))
    clock = cut(first, 20.0)
    right = clock.wall_at_zero
    set_to(clock, Y1970, synced=False)
    second = begun(make(clock, tmp_path / "kept", boot=NEXT_BOOT))
    second.wind(10.0)
    assert lines_of(second, "cut") == []
    second.clock.wall_at_zero, second.clock.synced = right, True
    second.wind(2.0)
    assert comes(second) in ("anti_passback", "replayed")
    second.wind(40.0)
    assert comes(second) == "cleared"


def test_what_nobody_may_remember_is_forgotten_in_time(make: Open, tmp_path: Path) -> None:
    lane = begun(make(journal=tmp_path / "kept"))
    assert comes(lane) == "cleared"
    before = set((tmp_path / "kept" / "passages").iterdir())
    lane.wind(4000.0)
    lane.end_sync()
    after = set((tmp_path / "kept" / "passages").iterdir())
    assert len(after) == 1
    assert not before & after, "a passage's file is gone with its key though nobody came"


# A disk that is full.


@contextmanager
def full(lane: Plant, book: str) -> Iterator[None]:
    file = getattr(lane.controller._record._books, book)._file
    kept, other = os.dup(file), os.open("/dev/full", os.O_WRONLY)
    os.dup2(other, file)
    try:
        yield
    finally:
        os.dup2(kept, file)
        os.close(other)
        os.close(kept)


@pytest.mark.parametrize("book", ["journal", "passages"])
def test_nobody_passes_unremembered(make: Open, tmp_path: Path, book: str) -> None:
    lane = begun(make(journal=tmp_path / "kept"))
    text = lane.code()
    with full(lane, book):
        lane.show(text)
        lane.wind(5.0)
    assert lane.state is State.OUT_OF_SERVICE
    assert lane.happened == []
    assert "passage" not in lane.kinds()
    second = begun(make(kill(lane), tmp_path / "kept"))
    second.show(text)
    assert second.reasons == ["cleared"], "it was given back, on the disk too"


def test_a_refusal_that_cannot_be_recorded_is_a_fault(lane: Plant) -> None:
    with full(lane, "journal"):
        lane.show(lane.code("revoked"))
    assert lane.state is State.OUT_OF_SERVICE
    assert lane.reasons == []


def test_a_give_back_that_cannot_be_kept_is_a_fault_and_still_on_record(make: Open, tmp_path: Path) -> None:
    lane = begun(make(journal=tmp_path / "kept"))
    text = lane.code()
    lane.show(text)
    with full(lane, "passages"):
        lane.wind(10.0)
    assert lane.state is State.OUT_OF_SERVICE
    assert "no_show" in lane.kinds()
    second = begun(make(kill(lane), tmp_path / "kept"))
    second.show(text)
    assert second.reasons == ["replayed"], "the careful side"


# Trust.


def test_other_trust_is_taken_between_two_travellers(world: World, make: Open) -> None:
    lane = begun(make())
    assert comes(lane) == "cleared"
    newer = lives(world.judge, 5000, serial=2, issued=NOW)
    lane.say(TrustLoaded(newer))
    assert "trust list 1 -> 2" in lane.told
    assert lines_of(lane, "trust")[0]["before"] == 1
    assert comes(lane, holder="another") == "cleared"
    assert lines_of(lane, "decision")[-1]["trust"] == 2
    lane.wind(5000.0)
    assert comes(lane, holder="another") == "trust_expired"


def test_somebody_under_way_is_not_stopped_by_other_trust(world: World, make: Open) -> None:
    lane = begun(make())
    lane.gear.walkway.expect_walker()
    lane.show(lane.code())
    lane.say(TrustLoaded(lives(world.judge, 5000, serial=2)))
    lane.wind_to(State.STANDBY)
    assert lane.kinds()[-1] == "passage"


def test_trust_that_cannot_be_used_is_told_and_recorded(lane: Plant) -> None:
    lane.say(TrustRefused("the stick was empty"))
    assert lane.told[-1] == "new trust was refused: the stick was empty"
    assert lines_of(lane, "trust")[-1]["what"] == "the stick was empty"
    assert lane.state is State.STANDBY


def policy_of(trust: Trust, **fields: int) -> Trust:
    return replace(trust, serial=trust.serial + 1, policy=msgspec.structs.replace(trust.policy, **fields))


def test_another_interval_is_for_who_passed_already(world: World, make: Open) -> None:
    lane = begun(make())
    who = lane.specimen.code("cleared", int(lane.clock.wall()), holder="one")
    lane.gear.walkway.expect_walker()
    lane.show(who)
    lane.wind_to(State.STANDBY)
    longer = replace(world.judge, trust=policy_of(world.judge.trust, anti_passback=3600))
    lane.say(TrustLoaded(longer))
    assert lane.controller._parts.desk.replay.retention_s == 3600.0
    shorter = replace(world.judge, trust=policy_of(longer.trust, anti_passback=1, max_code_age=30))
    lane.say(TrustLoaded(shorter))
    assert lane.controller._parts.desk.replay.retention_s == 35.0


def test_newer_trust_proves_the_time(world: World, make: Open) -> None:
    lane = begun(make())
    lane.say(TrustLoaded(lives(world.judge, 9000, serial=2, issued=NOW + 3600)))
    assert "before the trust list was issued (2026-11-02 07:13 UTC)" in lane.controller.status
    assert comes(lane) == "clock_untrusted"


def test_a_list_signed_after_its_own_death_proves_nothing(world: World, make: Open) -> None:
    lists = {uri: replace(one, iat=NOW + 9 * 86_400) for uri, one in world.judge.trust.status_lists.items()}
    lane = begun(make(judge=lives(world.judge, 5000, status_lists=lists)))
    assert lane.controller.status.startswith("standby")
    assert "clock" not in lane.controller.status


def test_what_ages_is_said_before_it_bites(world: World, make: Open) -> None:
    policy = world.judge.trust.policy
    lane = begun(make(judge=lives(world.judge, policy.trust_grace + 4000)))
    assert lane.controller.status == "standby"
    lane.wind(4100.0)
    assert any(text.startswith("trust list is in its grace time") for text in lane.told)
    assert any(text.startswith("trust list is stale: everybody is refused from") for text in lane.told)
    assert lane.controller.status.startswith("standby; trust list stale, dies ")
    assert [line["age"] for line in lines_of(lane, "trust")] == ["grace", "stale"]
    lane.say(TrustLoaded(lives(world.judge, 90 * 86_400, serial=2, issued=NOW)))
    assert lane.told[-1] == "trust list is fresh"
    assert lane.controller.status == "standby"
