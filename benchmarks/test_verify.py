"""The verdict on a text, as a ratio to one bare Ed25519 verification in the same run."""

from collections.abc import Callable

import pytest
from conftest import NOW, SpecimenLane
from figures import Call, Figures, ratios
from pytest_benchmark.fixture import BenchmarkFixture

from gate.credential.reasons import Reason
from gate.credential.verifier import Moment, Verdict

_MOMENT = Moment(NOW, trusted=True)
_ROUNDS = 800
_MOST = 4.0
_BARE = "bare Ed25519 verify"


def texts(lane: SpecimenLane) -> dict[str, tuple[Reason, str]]:
    """What is shown: its name -> the reason that it must cause, and the text."""
    code = lane.specimen.code
    good = code("cleared", NOW)
    junk = "EC1:" + good[4:][::-1]
    tampered = good[:-9] + ("0" if good[-9] != "0" else "1") + good[-8:]
    return {
        "P-256 phone": (Reason.CLEARED, good),
        "Ed25519 phone": (Reason.CLEARED, code("cleared", NOW, "ed25519")),
        "tampered": (Reason.UNDECRYPTABLE, tampered),
        "forged issuer": (Reason.BAD_SIGNATURE, code("bad_signature", NOW)),
        "junk in Base45": (Reason.MALFORMED, junk),
        "not ours": (Reason.NOT_OURS, code("not_ours", NOW)),
    }


SHOWN = ("P-256 phone", "Ed25519 phone", "tampered", "forged issuer", "junk in Base45", "not ours")


def judge(lane: SpecimenLane, name: str) -> Callable[[], Verdict]:
    """What is timed: the whole of `Verifier.verify`, from text to verdict. What a wrong verdict costs is of no interest."""
    expected, text = texts(lane)[name]
    assert lane.verifier.verify(text, _MOMENT).reason is expected
    return lambda: lane.verifier.verify(text, _MOMENT)


@pytest.mark.benchmark(group="verify", max_time=0.5)
@pytest.mark.parametrize("name", SHOWN)
def test_verify(benchmark: BenchmarkFixture, lane: SpecimenLane, name: str) -> None:
    benchmark(judge(lane, name))


@pytest.mark.benchmark(group="verify", max_time=0.5)
def test_bare_ed25519(benchmark: BenchmarkFixture, bare: Call) -> None:
    benchmark(bare)


def test_a_code_costs_at_most_four_bare_verifications(lane: SpecimenLane, bare: Call, figures: Figures) -> None:
    calls = {_BARE: bare} | {name: judge(lane, name) for name in SHOWN}
    thirds = [ratios(calls, _BARE, _ROUNDS // 3) for _ in range(3)]
    found = {name: min(third[name] for third in thirds) for name in SHOWN}
    note = "to a bare Ed25519 verify, the calmest of three runs"
    for name in SHOWN:
        figures.add(f"verify from text, {name}", found[name], "x", _MOST, note)
    assert max(found[name] for name in SHOWN) <= _MOST
