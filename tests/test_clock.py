import pytest

from hardware.clock import SystemClock


@pytest.mark.parametrize(
    ("state", "synchronised"), [(0, True), (1, True), (4, True), (5, False), (-1, False), (6, False)]
)
def test_the_kernels_word_is_taken(state: int, *, synchronised: bool) -> None:
    assert SystemClock(lambda: state).synchronised() is synchronised


@pytest.mark.parametrize("failure", [OSError, AttributeError])
def test_a_kernel_that_cannot_be_asked_is_not_synchronised(failure: type[Exception]) -> None:
    def ask() -> int:
        raise failure

    assert SystemClock(ask).synchronised() is False


def test_the_real_call_answers_and_the_clocks_run() -> None:
    clock = SystemClock()
    assert -1 <= clock.adjtimex() <= 5
    assert isinstance(clock.synchronised(), bool)
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_700_000_000
