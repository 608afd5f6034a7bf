"""The score, the words and the two seconds of `gate aim`, on sightings made by hand."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.cli.gauge import ADVICE, GOOD_SHARE, HOLD, SHOW, WINDOW_S, Gauge, Reading, State, advice, as_json, score
from hardware.sighting import Cause, Sighting

SQUARE = ((0.0, 0.0), (308.0, 0.0), (308.0, 308.0), (0.0, 308.0))
BEST = Sighting(Cause.SEEN, SQUARE, 4.0, 1.5, 0.7, 0.8, 0.0, 0.0)
WORSE = {"module_px": 2.0, "sharpness": 0.6, "contrast": 0.2, "saturation": 0.8, "covered": 0.3}


def reading(at: float = 0.0, symbols: int = 0, code: Sighting | None = None, age: float = 0.0) -> Reading:
    return Reading(at, age, symbols, code)


shares = st.floats(0, 1)
sightings = st.builds(
    Sighting,
    cause=st.sampled_from(Cause),
    outline=st.just(SQUARE),
    module_px=st.floats(0, 30),
    sharpness=st.floats(0, 10),
    contrast=shares,
    light=shares,
    saturation=shares,
    covered=shares,
)


@given(sightings | st.none(), shares)
def test_a_score_is_from_0_to_1(code: Sighting | None, share: float) -> None:
    assert 0 <= score(code, share) <= 1


@given(sightings, shares, shares, st.sampled_from(list(WORSE)), st.floats(0, 5))
def test_a_score_rises_with_every_part(code: Sighting, share: float, more: float, part: str, by: float) -> None:
    assert score(code, max(share, more)) >= score(code, share)
    worse_upwards = part in ("saturation", "covered")
    better = max(0.0, getattr(code, part) - by) if worse_upwards else getattr(code, part) + by
    assert score(replace(code, **{part: better}), share) >= score(code, share)


def test_the_best_is_1_and_any_one_fault_is_heard() -> None:
    assert score(BEST, 1.0) == 1.0
    assert score(None, 0.0) == 0.0
    for part, value in WORSE.items():
        assert score(replace(BEST, **{part: value}), 1.0) < 0.9


def test_every_cause_has_its_advice() -> None:
    told = {cause: advice(reading(code=replace(BEST, cause=cause))) for cause in Cause}
    assert told.pop(Cause.SEEN) == HOLD
    assert told == ADVICE
    assert advice(reading()) == SHOW


@pytest.mark.parametrize(
    ("part", "said"), [("module_px", "closer"), ("sharpness", "lens_position"), ("contrast", "more light")]
)
def test_what_is_read_may_still_be_better(part: str, said: str) -> None:
    words = advice(reading(symbols=1, code=replace(BEST, **{part: WORSE[part]})))
    assert words.startswith("read; ")
    assert said in words
    assert said not in advice(reading(symbols=1, code=BEST))
    assert advice(reading(symbols=1)) == "read"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 90)), min_size=1, max_size=4))
def test_the_share_is_of_the_last_two_seconds(runs: list[tuple[bool, int]]) -> None:
    read = [one for one, count in runs for _ in range(count)]
    gauge = Gauge()
    for number, one in enumerate(read):
        state = gauge.take(reading(number / 30, int(one)))
    kept = read[-int(WINDOW_S * 30) - 1 :]
    assert state.share == pytest.approx(sum(kept) / len(kept), abs=0.02)  # a frame just on the edge
    assert state.fps == pytest.approx(30 if len(read) > 1 else 0)
    total = gauge.summary()
    assert (total["frames"], total["read"]) == (len(read), sum(read))
    assert total["seconds"] == pytest.approx((len(read) - 1) / 30, abs=1e-3)


def test_nothing_at_all_can_be_summed_up() -> None:
    assert Gauge().summary()["frames"] == 0
    assert Gauge().share < GOOD_SHARE


def test_a_summary_counts_causes_and_ages() -> None:
    gauge = Gauge()
    gauge.take(reading(0.0, age=0.010))
    gauge.take(reading(0.1, code=replace(BEST, cause=Cause.GLARE), age=0.020))
    gauge.take(reading(0.2, symbols=2, code=BEST, age=0.090))
    total = gauge.summary()
    assert total["causes"] == {"none": 1, "glare": 1, "read": 1}
    assert total["age_ms"] == {"p50": 20.0, "p95": 90.0, "max": 90.0}


def test_json_says_all_of_a_frame_and_null_for_what_is_not_there() -> None:
    seen = State(reading(12.5, code=replace(BEST, cause=Cause.TOO_DARK)), 0.25, 29.97)
    told = json.loads(json.dumps(as_json(seen, 12.0)))
    assert told["at"] == 0.5
    assert told["cause"] == "too_dark"
    assert told["outline"] == [[0.0, 0.0], [308.0, 0.0], [308.0, 308.0], [0.0, 308.0]]
    empty = json.loads(json.dumps(as_json(State(reading(12.5), 0.0, 0.0), 12.0)))
    assert set(empty) == set(told)
    assert {name for name, value in empty.items() if value is None} == {
        "cause", "module_px", "sharpness", "contrast", "light", "saturation", "covered", "outline",
    }  # fmt: skip
    read = as_json(State(reading(12.5, 1, BEST), 1.0, 30.0), 12.0)
    assert (read["cause"], read["symbols"], read["score"]) == (None, 1, 1.0)
