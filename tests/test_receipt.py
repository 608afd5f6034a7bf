"""Latency receipts."""

from hypothesis import given
from hypothesis import strategies as st

from gate.controller.receipt import STAGES, Receipt


def test_stages_are_milliseconds_since_captured_in_the_order_of_the_path() -> None:
    receipt = Receipt()
    for stage, at in (("commanded", 10.5), ("captured", 10.0), ("decoded", 10.0205)):
        receipt.mark(stage, at)
    assert list(receipt.ms().items()) == [("captured", 0.0), ("decoded", 20.5), ("commanded", 500.0)]


def test_a_stage_is_reached_once() -> None:
    receipt = Receipt()
    receipt.mark("captured", 1.0)
    receipt.mark("moved", 2.0)
    receipt.mark("moved", 9.0)
    assert receipt.ms()["moved"] == 1000.0


def test_nothing_was_reached() -> None:
    assert Receipt().ms() == {}


@given(marks=st.dictionaries(st.sampled_from(STAGES), st.floats(0, 1e9)))
def test_whatever_was_marked_is_told_under_its_name(marks: dict[str, float]) -> None:
    receipt = Receipt()
    for stage, at in marks.items():
        receipt.mark(stage, at)
    assert list(receipt.ms()) == [stage for stage in STAGES if stage in marks]
