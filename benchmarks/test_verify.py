"""The verdict on a text and the decision on it, as a ratio to one bare Ed25519 verification in the same run."""

import gc
from collections.abc import Callable
from statistics import median

import pytest
from conftest import NOW, SpecimenLane
from figures import Call, Figures, percentile, ratios, seconds
from pytest_benchmark.fixture import BenchmarkFixture

from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.credential.verifier import Moment
from gate.lane.policy import Decision, Desk, Policy
from gate.lane.replay import Replay

_MOMENT = Moment(NOW, trusted=True)
_ROUNDS = 120
_TURN = 20
"""Calls of one kind in a row. Fewer, and each turn begins with what the one before has driven out of the processor's caches; one alone, as at a
gate, is what `symbol to pin` measures.
"""
_PASSED = 100_000
_VERDICTS = 10_000
_BARE = "bare Ed25519 verify"
_NOTE = "to a bare Ed25519 verify, the calmest of three runs"

MOST = {"tampered": 0.7, "junk": 0.03, "junk in Base45": 0.03, "not ours": 0.03}
"""What each may cost; every other 3.0. As 4.0 is a failure there, a third above its aim is for each: machines are noisy."""
_AIM = 3.0
_FAILURE = 4.0 / 3.0


def texts(lane: SpecimenLane) -> dict[str, tuple[Reason, str]]:
    """What is shown: its name -> the reason that it must cause, and the text."""
    code = lane.specimen.code
    good = code("cleared", NOW)
    tampered = good[:-9] + ("0" if good[-9] != "0" else "1") + good[-8:]
    return {
        "P-256 phone": (Reason.CLEARED, good),
        "Ed25519 phone": (Reason.CLEARED, code("cleared", NOW, "ed25519")),
        "forged issuer": (Reason.BAD_SIGNATURE, code("bad_signature", NOW)),
        "tampered": (Reason.UNDECRYPTABLE, tampered),
        "junk": (Reason.MALFORMED, "EC1:" + "junk" * 90),
        "junk in Base45": (Reason.MALFORMED, "EC1:" + good[4:][::-1]),
        "not ours": (Reason.NOT_OURS, code("not_ours", NOW)),
    }


SHOWN = ("P-256 phone", "Ed25519 phone", "forged issuer", "tampered", "junk", "junk in Base45", "not ours")


@pytest.fixture(scope="module")
def desk(lane: SpecimenLane) -> Desk:
    """A desk that remembers a day's passages."""
    replay = Replay(anti_passback_s=86400, capacity=_PASSED)
    for number in range(_PASSED):
        replay.open(_passed(number), NOW - 100)
        replay.commit()
    assert len(replay) == _PASSED
    return Desk(Policy(lane.settings.lane.scopes), replay)


def _passed(number: int) -> Presentation:
    cti = number.to_bytes(12, "big")
    return Presentation(bytes(8), cti, NOW - 100, bytes(8), "HZMB-HK", "MO-PR", NOW + 9, NOW - 9, "urn:uto:uto-mo", 7)


def judge(lane: SpecimenLane, desk: Desk, name: str) -> Callable[[], Decision]:
    """What is timed: all that happens between a text and the decision on it. What a wrong one costs is of no interest."""
    expected, text = texts(lane)[name]

    def decide() -> Decision:
        return desk.decide(lane.verifier.verify(text, _MOMENT), _MOMENT.wall)

    assert decide().reason is expected
    return decide


@pytest.mark.benchmark(group="verify", max_time=0.5)
@pytest.mark.parametrize("name", SHOWN)
def test_verify(benchmark: BenchmarkFixture, lane: SpecimenLane, desk: Desk, name: str) -> None:
    benchmark(judge(lane, desk, name))


@pytest.mark.benchmark(group="verify", max_time=0.5)
def test_bare_ed25519(benchmark: BenchmarkFixture, bare: Call) -> None:
    benchmark(bare)


def test_a_code_costs_at_most_four_bare_verifications(
    lane: SpecimenLane, desk: Desk, bare: Call, figures: Figures
) -> None:
    calls = {_BARE: bare} | {name: judge(lane, desk, name) for name in SHOWN}
    thirds = [ratios(calls, _BARE, _ROUNDS // 3, _TURN) for _ in range(3)]
    found = {name: min(third[name] for third in thirds) for name in SHOWN}
    for name in SHOWN:
        figures.add(f"text to decision, {name}", found[name], "x", MOST.get(name, _AIM), _NOTE)
    for name in SHOWN:
        assert found[name] <= MOST.get(name, _AIM) * _FAILURE, name


def test_the_slowest_code_in_a_hundred_takes_at_most_twice_the_median(
    lane: SpecimenLane, desk: Desk, figures: Figures
) -> None:
    decide = judge(lane, desk, "P-256 phone")
    gc.collect()
    found = []
    for _ in range(3):
        times = [seconds(decide) for _ in range(_VERDICTS)]
        found.append(percentile(times, 0.99) / median(times))
    note = f"of {_VERDICTS} P-256 codes, the calmest of three runs"
    assert figures.add("text to decision, p99", min(found), "x the median", 2.0, note) <= 2.0
