from pathlib import Path

import pytest

from hardware.clock import SystemClock, boot_id


@pytest.mark.parametrize(
    ("state", "synchronised"), [(0, True), (1, True), (4, True), (5, False), (-1, False), (6, False)]
)
def test_the_kernels_word_is_taken(state: int, *, synchronised: bool) -> None:
    assert SystemClock(lambda: (state, 0.01)).synchronised() is synchronised


@pytest.mark.parametrize(("error_s", "synchronised"), [(0.0, True), (2.0, True), (2.1, False), (16.0, False)])
def test_a_clock_that_nothing_has_set_for_long_is_not_synchronised_whatever_the_kernel_still_says(
    error_s: float, *, synchronised: bool
) -> None:
    assert SystemClock(lambda: (0, error_s)).synchronised() is synchronised


@pytest.mark.parametrize("failure", [OSError, AttributeError])
def test_a_kernel_that_cannot_be_asked_is_not_synchronised(failure: type[Exception]) -> None:
    def ask() -> tuple[int, float]:
        raise failure

    assert SystemClock(ask).synchronised() is False


def test_the_real_call_answers_and_the_clocks_run() -> None:
    clock = SystemClock()
    state, error_s = clock.adjtimex()
    assert -1 <= state <= 5
    assert 0 <= error_s <= 16  # NTP_PHASE_LIMIT, linux/timex.h
    assert isinstance(clock.synchronised(), bool)
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_700_000_000


def test_a_boot_is_told_from_another(tmp_path: Path) -> None:
    assert len(boot_id()) == 16
    assert boot_id() == boot_id()
    (tmp_path / "boot_id").write_text("6e1c1d5e-8f0a-4b5e-9d3b-0123456789ab\n")
    assert boot_id(tmp_path / "boot_id").hex() == "6e1c1d5e8f0a4b5e9d3b0123456789ab"


@pytest.mark.parametrize("content", [None, b"", b"no boot id", b"\xff"])
def test_a_boot_that_cannot_be_told_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "boot_id").write_bytes(content)
    assert boot_id(tmp_path / "boot_id") == b""
