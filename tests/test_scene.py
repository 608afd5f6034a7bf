"""What is told of a rehearsal: percentiles, the summary, and what counts as expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.rehearsal.scene import UNREAD, Result, Scene, percentile, summary


def result(
    outcome: str = "cleared",
    reason: str | None = "cleared",
    *,
    expected: tuple[str | None, str | None] = ("cleared", "cleared"),
    walked: bool = True,
    commanded: float | None = 12.0,
) -> Result:
    receipt = {} if commanded is None else {"captured": 0.0, "commanded": commanded}
    return Result(Scene("one", "a title", "/x", 0.0, 1.0, *expected), outcome, reason, walked, receipt)


@given(values=st.lists(st.floats(0, 1e6), min_size=1), share=st.floats(0.001, 1.0))
def test_a_percentile_is_one_of_the_values_and_enough_are_not_above_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_percentiles() -> None:
    assert [percentile(list(range(1, 101)), share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("one", "good"),
    [
        (result(), True),
        (result(walked=False), False),
        (result("referred", "stale", expected=("referred", "stale"), walked=False), True),
        (result("referred", "stale", expected=("referred", "stale"), walked=True), False),
        (result("referred", "expired", expected=("referred", "stale"), walked=False), False),
        (result("referred", "stale", walked=False), False),
        (result(UNREAD, None, expected=("unread", None), walked=False), True),
        (result(UNREAD, None, walked=False), False),
        (result(expected=(None, None)), True),
    ],
)
def test_what_was_expected(one: Result, good: bool) -> None:  # noqa: FBT001 - a table's column
    assert one.as_expected is good
    assert one.as_json()["as_expected"] is good


def test_the_line_and_the_summary_have_the_keys_of_the_design() -> None:
    assert {"traveller", "expected", "outcome", "reason", "receipt_ms"} <= set(result().as_json())
    found = summary(
        [result(commanded=10.0), result(commanded=30.0), result(UNREAD, None, walked=False, commanded=None)]
    )
    assert found == {
        "travellers": 3,
        "as_expected": 2,
        "captured_to_commanded_ms": {"p50": 10.0, "p95": 30.0, "p99": 30.0, "max": 30.0},
        "budget_ms": 2000,
    }
    assert summary([])["captured_to_commanded_ms"] == dict.fromkeys(("p50", "p95", "p99", "max"))
