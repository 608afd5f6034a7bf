"""A lane that hears of nothing new for too long: what its operator is told before anybody is refused, and how it goes on by itself."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
from conftest import World
from plant import NOW, Plant, WoundClock

from gate.controller.inbox import TrustLoaded
from gate.credential.verifier import Verifier

MINUTE = 60
BEGUN = NOW - 5 * MINUTE
AGEING = {"trust_fresh": 15 * MINUTE, "trust_grace": 10 * MINUTE, "anti_passback": 1}
MEND = "run `gate trust update`, or `gate trust import` from a stick"
Make = Callable[..., Plant]


def judge_on(world: World, status_minutes: int = 60, **changes: object) -> Verifier:
    """The world's verifier on trust that is renewed every half hour, with lists as old as it."""
    trust = world.judge.trust
    policy = msgspec.structs.replace(trust.policy, max_status_age=status_minutes * MINUTE, **AGEING)
    lists = {uri: replace(listed, iat=BEGUN) for uri, listed in trust.status_lists.items()}
    held = replace(trust, issued=BEGUN, expires=BEGUN + 30 * MINUTE, status_lists=lists, policy=policy)
    return replace(world.judge, trust=replace(held, **changes))


def of_ages(lane: Plant) -> list[str]:
    return [text for text in lane.told if MEND in text or text.endswith(" fresh")]


def at(lane: Plant, minutes: int) -> None:
    lane.wind(BEGUN + minutes * MINUTE - lane.clock.wall())


def reason(lane: Plant, case: str = "cleared") -> str:
    lane.show(lane.code(case, holder=str(lane.clock.now)))
    lane.wind(20)
    return lane.reasons[-1]


def test_a_trust_list_grows_old_and_is_renewed(world: World, make: Make) -> None:
    lane = make(judge=judge_on(world, 900))
    lane.controller.start()
    at(lane, 14)
    assert (lane.controller.status, of_ages(lane)) == ("standby", [])
    at(lane, 16)
    assert lane.controller.status == "standby; trust list grace, dies 2026-11-02 06:48 UTC"
    assert of_ages(lane)[0].startswith("trust list is in its grace time: all works, ")
    assert reason(lane) == "cleared"
    at(lane, 31)
    assert "standby; trust list stale, dies 2026-11-02 06:48 UTC" in lane.controller.status
    assert of_ages(lane)[-1] == f"trust list is stale: everybody is refused from 2026-11-02 06:48 UTC; {MEND}"
    assert reason(lane) == "cleared"
    at(lane, 41)
    assert "is refused since 2026-11-02 06:48 UTC" in of_ages(lane)[-1]
    assert {reason(lane), reason(lane, "revoked")} == {"trust_expired"}
    lane.say(TrustLoaded(judge_on(world, 900, serial=2, issued=BEGUN + 41 * MINUTE, expires=BEGUN + 90 * MINUTE)))
    lane.wind(1)
    assert of_ages(lane)[-1] == "trust list is fresh"
    assert reason(lane) == "cleared"


def test_a_status_list_grows_old(world: World, make: Make) -> None:
    lane = make(judge=judge_on(world, expires=BEGUN + 900 * MINUTE))
    lane.controller.start()
    at(lane, 44)
    assert (reason(lane), reason(lane, "revoked")) == ("cleared", "revoked")
    at(lane, 46)
    assert "; status list urn:uto:uto-mo stale, dies 2026-11-02 07:08 UTC" in lane.controller.status
    assert (reason(lane), reason(lane, "revoked")) == ("cleared", "revoked")
    at(lane, 61)
    assert any("urn:uto:uto-mo is dead: everybody whose credential it covers" in text for text in of_ages(lane))
    assert {reason(lane), reason(lane, "revoked")} == {"status_unknown"}


def test_each_change_is_on_record_once(world: World, make: Make) -> None:
    lane = make(judge=judge_on(world))
    lane.controller.start()
    at(lane, 200)
    kept = [(line["what"], line["age"]) for line in lane.lines() if line["kind"] == "trust"]
    for what in ("trust list", "status list urn:uto:uto-mo", "status list urn:uto:uto-hk"):
        assert [age for name, age in kept if name == what] == ["grace", "stale", "dead"]
    assert len(of_ages(lane)) == len(kept)


def test_without_a_clock_nobody_can_tell(world: World, make: Make) -> None:
    lane = make(WoundClock(synced=False), judge=judge_on(world))
    lane.controller.start()
    lane.wind(60)
    assert any("nobody can say how old the trust list" in text for text in lane.told)
    assert reason(lane) == "clock_untrusted"
    lane.clock.synced = True
    lane.wind(5)
    assert (lane.controller.status, of_ages(lane)) == ("standby", [])
