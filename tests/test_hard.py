"""Hard presentations: every kind, the same from the same seed, and hard indeed."""

from dataclasses import replace

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gate.specimen import hard, screen
from gate.specimen.hard import KINDS, Draft, Glint, Presentation, family
from gate.specimen.page import Grey
from gate.specimen.screen import FOCAL, HEIGHT, WIDTH, Scene
from gate.specimen.traveller import Flicker, Hand, Lamp, Light, Pose, Shot, Spot

FAMILY = family(1)
DARK = Light(screen=0.0, hall=0.0)
TEXT = FAMILY[0].texts[0]


def read(frame: Grey) -> set[str]:
    return {symbol.text for symbol in zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormat.QRCode)}


def frame_of(presentation: Presentation, number: int) -> Grey:
    return next(presentation.frames([number]))


def of_kind(kind: str, strength: float) -> Presentation:
    """The family's presentation of that kind whose strength is nearest."""
    return min((one for one in FAMILY if one.kind == kind), key=lambda one: abs(one.strength - strength))


def test_a_family_has_every_kind_in_every_strength() -> None:
    assert [one.kind for one in FAMILY] == [kind for kind in KINDS for _ in range(2)]
    assert all((0 <= one.strength < 0.5) == (number % 2 == 0) for number, one in enumerate(FAMILY))
    assert len({one.name for one in FAMILY}) == len({one.texts for one in FAMILY}) == len(FAMILY) >= 60


def test_the_same_seed_gives_the_same_family_and_another_seed_another() -> None:
    assert family(1) == FAMILY
    assert not {one.draft for one in FAMILY} & {one.draft for one in family(2)}
    assert not {one.texts for one in FAMILY} & {one.texts for one in family(2)}


def test_the_same_presentation_draws_the_same_frames() -> None:
    one = of_kind("cracked in glare", 1.0)
    assert np.array_equal(frame_of(one, 1), frame_of(one, 1))
    assert not np.array_equal(frame_of(one, 1), frame_of(one, 2))


@pytest.mark.parametrize("one", FAMILY[::2], ids=lambda one: one.name)
def test_every_kind_can_be_drawn_and_shows_nothing_but_its_texts(one: Presentation) -> None:
    frame = frame_of(one, 0)
    assert (frame.shape, frame.dtype) == ((HEIGHT, WIDTH), np.uint8)
    assert read(frame) <= set(one.texts)
    assert len(one.draft.shot.times) == 30


def test_only_a_renewed_code_is_followed_by_another() -> None:
    assert {one.kind for one in FAMILY if len(one.texts) == 2} == {"renewed"}
    for one in FAMILY:
        assert len(set(one.texts)) == len(one.texts)


def test_a_renewed_code_is_first_the_one_and_then_the_other() -> None:
    one = of_kind("renewed", 0.0)
    one = replace(one, draft=replace(one.draft, comes=None))
    first, last = one.frames([0, 29])
    assert (read(first), read(last)) == ({one.texts[0]}, {one.texts[1]})


def test_renewal_goes_from_nothing_to_all_about_the_middle() -> None:
    assert [hard._renewed(at, 0.4) for at in (0.0, 0.3, 0.5, 0.7, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])


@given(
    u=st.floats(-1, 1), v=st.floats(-1, 1), when=st.floats(0, 1), radius=st.floats(5, 90),
    begins=st.builds(Pose, st.floats(-40, 40), st.floats(-40, 40), st.floats(150, 400), *[st.floats(-40, 40)] * 3),
    ends=st.builds(Pose, st.floats(-40, 40), st.floats(-40, 40), st.floats(150, 400), *[st.floats(-40, 40)] * 3),
)  # fmt: skip
def test_a_glint_is_seen_where_the_code_is(
    u: float, v: float, when: float, radius: float, begins: Pose, ends: Pose
) -> None:
    lamp = Glint(u, v, radius, 0.8, when).lamp(begins, ends)
    pose = hard._six(begins) + when * (hard._six(ends) - hard._six(begins))
    turned = screen.rotation(pose[3:])
    point = pose[:3] + turned @ np.array([u, v, 0]) * 24.3
    image = screen.mirrored(np.array(lamp.place), pose[:3], turned[:, 2])
    assert image[:2] / image[2] == pytest.approx(point[:2] / point[2], abs=1e-6)
    assert FOCAL * lamp.radius / image[2] == pytest.approx(radius)


def picture(shot: Shot, number: int = 0) -> Grey:
    return Scene.of([TEXT] * len(shot.hands), shot, 1).frame(number)


STILL = Hand(((0.0, Pose()),), shake=0)


def test_more_lamps_are_more_spots() -> None:
    draft = Draft(Pose(), Pose(), glints=(Glint(-0.6, 0, 20, 0.9), Glint(0.6, 0, 20, 0.9)))
    frame = picture(replace(draft.shot, hands=(STILL,), light=DARK))
    bright = np.argwhere(frame > 220)
    spots = [bright[bright[:, 1] < WIDTH / 2], bright[bright[:, 1] > WIDTH / 2]]
    for side, spot in zip((-1, 1), spots, strict=True):
        middle = WIDTH / 2 + side * 0.6 * 24.3 * FOCAL / Pose().z
        assert spot.mean(axis=0) == pytest.approx((HEIGHT / 2, middle), abs=2)


def test_a_lamp_of_the_light_and_a_further_one_are_alike() -> None:
    lamp = Lamp((0.0, 0.0, -5000.0), 0.9)
    own = Shot((STILL,), light=replace(DARK, lamp=lamp.place, glare=lamp.glare))
    further = Shot((STILL,), light=replace(DARK, lamp=lamp.place), lamps=(lamp,))
    assert np.array_equal(picture(own), picture(further))


def test_a_spot_in_the_pane_stands_still_and_lies_over_everything() -> None:
    away = Hand(((0.0, Pose(x=3000)),), shake=0)
    for hand in (STILL, away):
        frame = picture(Shot((hand,), light=DARK, pane=(Spot(400, 300, 20, 0.9),)))
        assert np.argwhere(frame > 200).mean(axis=0) == pytest.approx((300, 400), abs=1)


def test_haze_is_everywhere() -> None:
    assert picture(Shot((STILL,), light=DARK, pane=(Spot(0, 0, 0, 0.2),)))[100:-100, 100:-100].min() > 90


@given(
    flicker=st.builds(Flicker, st.floats(100, 300), st.floats(0.2, 0.9), st.floats(0, 1)),
    exposure=st.floats(0.0005, 0.02), time=st.floats(0, 2),
)  # fmt: skip
def test_bands_take_no_light_away_but_move_it(flicker: Flicker, exposure: float, time: float) -> None:
    rows = screen.banded(flicker, exposure, time)
    assert rows.shape == (HEIGHT, 1)
    assert (rows >= -1e-4).all()
    every = np.mean([screen.banded(flicker, exposure, time + part / flicker.hertz / 40) for part in range(40)], axis=0)
    assert every == pytest.approx(1, abs=0.08)


def test_a_long_exposure_evens_the_bands_and_the_next_frame_has_others() -> None:
    flicker = Flicker(240.0, 0.3)
    short, long = (screen.banded(flicker, exposure, 0.0) for exposure in (0.001, 1 / 240))
    assert np.ptp(long) < 1e-3
    assert np.ptp(short) > 1
    assert not np.allclose(short, screen.banded(flicker, 0.001, 1 / 30 + 0.001))


def test_strong_ones_are_hard_and_weak_ones_are_not() -> None:
    """The middle frame of each of a few kinds, drawn at the ends of its range."""
    few = ("dim", "faint", "glare, standing", "small")
    weak, strong = (
        sum(bool(read(frame_of(at(kind, strength), 15)) & set(of_kind(kind, strength).texts)) for kind in few)
        for strength in (0.0, 1.0)
    )
    assert strong <= 1 < weak


def at(kind: str, strength: float) -> Presentation:
    """The same presentation at that strength to the dot."""
    one = of_kind(kind, strength)
    trouble = hard.Trouble(strength, np.random.default_rng(7))
    draft = KINDS[kind][0](hard._usual(trouble), trouble)
    return replace(one, draft=replace(draft, comes=None))
