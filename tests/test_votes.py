"""What frames say together, on drawn symbols."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pytest
from hostile import OURS, Grey, code
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.decoder import zxing_modules
from hardware.grid import Levels, Place, Straight, straightened
from hardware.votes import Votes

ANOTHER: Final = "EC1:" + OURS[:3:-1]  # as long, so that it is as large


SCALE: Final = 4
QUIET: Final = 8 * SCALE


def laid_flat(picture: Grey) -> Straight:
    """What a frame with such a symbol shows of it."""
    side = picture.shape[0] - 2 * QUIET
    first, last = QUIET - 0.5, QUIET + side - 0.5
    place = Place(((first, first), (last, first), (last, last), (first, last)), side // SCALE)
    return next(straightened(picture, place, 0, 0.0))


def count(votes: Votes, straight: Straight, left: float = 0.0) -> Iterator[Levels]:
    """Count it as lying so far to the right in its frame."""
    corners = ((left, 0.0), (left + 300, 0.0), (left + 300, 300.0), (left, 300.0))
    return votes.add(straight, Place(corners, straight.levels.shape[0]))


def read(together: Iterable[Levels]) -> set[bytes]:
    """What any of the sums says."""
    return {data for data in map(zxing_modules, together) if data is not None}


def alone(straight: Straight) -> set[bytes]:
    return read((straight.levels, straight.clear))


def glared(picture: Grey, first: float, last: float) -> Grey:
    """As a lamp leaves it: everything light in a band across, shares of the height."""
    hidden = picture.copy()
    hidden[round(first * len(picture)) : round(last * len(picture))] = 255
    return hidden


def noisy(picture: Grey, sigma: float, chance: np.random.Generator) -> Grey:
    return np.clip(picture * 0.5 + 64 + chance.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def test_a_symbol_of_which_each_frame_hides_another_third_is_read() -> None:
    votes, picture = Votes(), code(OURS, SCALE)
    frames = [laid_flat(glared(picture, third / 3, (third + 1) / 3)) for third in range(3)]
    assert [alone(frame) for frame in frames] == [set()] * 3
    assert list(count(votes, frames[0])) == []
    assert OURS.encode() in read(count(votes, frames[1])) | read(count(votes, frames[2]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_noise_that_hides_a_symbol_in_every_frame_adds_up_to_it(seed: int) -> None:
    chance, votes, picture = np.random.default_rng(seed), Votes(), code(OURS, SCALE)
    found: set[bytes] = set()
    for _ in range(10):
        frame = laid_flat(noisy(picture, 130, chance))
        assert alone(frame) == set()
        found |= read(count(votes, frame))
    assert found == {OURS.encode()}


def test_glare_in_one_frame_does_not_outvote_the_frames_that_saw_what_is_there() -> None:
    votes, picture = Votes(), code(OURS, SCALE)
    count(votes, laid_flat(glared(picture, 0.2, 0.8)))
    assert any(read(count(votes, laid_flat(picture))) for _ in range(3))


def test_they_are_forgotten() -> None:
    votes, straight = Votes(), laid_flat(code(OURS, SCALE))
    assert list(count(votes, straight)) == []
    assert list(count(votes, straight)) != []
    votes.forget()
    assert list(count(votes, straight)) == []


def test_symbols_of_two_sizes_are_counted_apart() -> None:
    votes, large, small = Votes(), laid_flat(code(OURS, SCALE)), laid_flat(code("EC1:AB12", SCALE))
    assert list(count(votes, large)) == []
    assert list(count(votes, small)) == []
    assert read(count(votes, large)) == {OURS.encode()}
    assert read(count(votes, small)) == {b"EC1:AB12"}


@pytest.mark.parametrize("seen", [1, 3, 10, 100])
def test_a_code_that_was_renewed_wins_within_a_few_frames(seen: int) -> None:
    """However long the one before was in view."""
    votes, before, after = Votes(), laid_flat(code(OURS, SCALE)), laid_flat(code(ANOTHER, SCALE))
    assert before.levels.shape == after.levels.shape
    for _ in range(seen):
        count(votes, before)
    found = [read(count(votes, after)) for _ in range(12)]
    assert ANOTHER.encode() in found[-1]
    assert all(data <= {OURS.encode(), ANOTHER.encode()} for data in found)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), renewed=st.integers(0, 6), sigma=st.floats(0, 160))
def test_two_codes_are_never_mixed_to_a_third(seed: int, renewed: int, sigma: float) -> None:
    chance, votes, codes = np.random.default_rng(seed), Votes(), (code(OURS, SCALE), code(ANOTHER, SCALE))
    for number in range(7):
        found = read(count(votes, laid_flat(noisy(codes[number >= renewed], sigma, chance))))
        assert found <= {OURS.encode(), ANOTHER.encode()}


def test_two_phones_beside_each_other_are_counted_apart() -> None:
    votes, codes = Votes(), (code(OURS, SCALE), code(ANOTHER, SCALE))
    found: list[set[bytes]] = [set(), set()]
    for third in range(3):
        for phone, picture in enumerate(codes):
            hidden = laid_flat(glared(picture, third / 3, (third + 1) / 3))
            found[phone] |= read(count(votes, hidden, 400.0 * phone + 10 * third))
    assert found == [{OURS.encode()}, {ANOTHER.encode()}]
