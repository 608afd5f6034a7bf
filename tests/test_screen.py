"""The drawn camera: what it sees follows the lens, the hand and the light, and is the same from the same seed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.specimen import screen
from gate.specimen.cases import Specimen
from gate.specimen.screen import FOCAL, HEIGHT, WIDTH, Grey, Scene
from gate.specimen.traveller import DAY, MORNING, Hand, Lens, Light, Pose, Shot, Traveller

TEXT = Specimen.from_seed(b"test_screen").code("cleared", MORNING)
STILL = Hand(((0.0, Pose(roll=2)),), shake=0)
AWAY = Hand(((0.0, Pose(x=3000)),), shake=0)
HELD = Shot((STILL,))
PHONE = Scene.of([TEXT], HELD, 1).phones[0]
DARK = Light(screen=0.0, hall=0.0)


def read(frame: Grey) -> list[str]:
    return [symbol.text for symbol in zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormat.QRCode)]


def picture(shot: Shot, number: int = 0, seed: int = 1) -> Grey:
    return Scene.of([TEXT] * len(shot.hands), shot, seed).frame(number)


def sharpness(frame: Grey) -> float:
    code = np.ascontiguousarray(frame[HEIGHT // 2 - 90 : HEIGHT // 2 + 90, WIDTH // 2 - 90 : WIDTH // 2 + 90])
    return float(np.abs(cv2.Laplacian(code, cv2.CV_32F)).mean())


def shot_of(name: str) -> Shot:
    return next(comer.shot for comer in DAY if comer.name.endswith(name))


def test_a_frame_is_what_a_grey_camera_gives() -> None:
    frame = picture(HELD)
    assert (frame.shape, frame.dtype) == ((HEIGHT, WIDTH), np.uint8)


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    shot = DAY[0].shot
    assert np.array_equal(picture(shot, 20), picture(shot, 20))
    assert not np.array_equal(picture(shot, 20), picture(shot, 20, seed=2))
    assert not np.array_equal(picture(shot, 20), picture(shot, 21))


def test_a_frame_does_not_depend_on_those_before_it() -> None:
    shot = replace(HELD, seconds=0.067)
    assert all(
        np.array_equal(frame, picture(shot, number)) for number, frame in enumerate(Scene.of([TEXT], shot, 1).frames())
    )


def test_a_recording_has_a_frame_for_each_of_its_times() -> None:
    shot = Shot((AWAY,), seconds=0.2)
    assert len(list(Scene.of([TEXT], shot, 1).frames())) == len(shot.times) == 6


def test_a_held_phone_is_read() -> None:
    assert read(picture(HELD)) == [TEXT]


def test_a_phone_held_too_far_is_read_only_once_it_has_come_closer() -> None:
    scene = Scene.of([TEXT], shot_of("too-far"), 1)
    times = scene.shot.times
    far, near = 0, len(times) - 1
    assert scene.phones[0].pixels_a_module(times[far]) < 1.6
    assert read(scene.frame(far)) == []
    assert read(scene.frame(near)) == [TEXT]


def test_two_phones_are_read_in_one_frame() -> None:
    scene = Scene.of([TEXT, TEXT[:-3]], shot_of("two-phones"), 1)
    assert sorted(read(scene.frame(30))) == sorted([TEXT, TEXT[:-3]])


def test_a_phone_out_of_view_leaves_the_hall_as_it_is() -> None:
    further = Hand(((0.0, Pose(x=-4000)),), shake=0)
    assert np.array_equal(picture(Shot((AWAY,))), picture(Shot((further,))))


def test_a_scene_needs_a_text_for_each_hand() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        Scene.of([TEXT], Shot((STILL, AWAY)), 1)


@given(
    st.builds(
        Pose,
        x=st.floats(-100, 100), y=st.floats(-100, 100), z=st.floats(120, 600),
        pitch=st.floats(-50, 50), yaw=st.floats(-50, 50), roll=st.floats(-180, 180),
    )
)  # fmt: skip
def test_the_camera_is_a_pinhole(pose: Pose) -> None:
    held = replace(PHONE, hand=Hand(((0.0, pose),), shake=0))
    centre = cv2.perspectiveTransform(np.array([[held.page.origin]]), held.homography(0.0))[0, 0]
    expected = FOCAL * pose.x / pose.z + (WIDTH - 1) / 2, FOCAL * pose.y / pose.z + (HEIGHT - 1) / 2
    assert tuple(centre) == pytest.approx(expected, abs=1e-6)
    assert held.pixels_a_module(0.0) == pytest.approx(FOCAL * held.page.module_mm / pose.z)


@given(st.tuples(*[st.floats(-360, 360)] * 3))
def test_turning_neither_stretches_nor_mirrors(degrees: tuple[float, float, float]) -> None:
    turned = screen.rotation(np.array(degrees))
    assert np.allclose(turned @ turned.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turned) == pytest.approx(1)


@given(st.sampled_from(DAY), st.floats(0, 3))
def test_a_hand_never_leaps(comer: Traveller, time: float) -> None:
    for hand in comer.shot.hands:
        before, after = screen.on_path(hand, time), screen.on_path(hand, time + 1e-4)
        assert np.abs(after - before).max() < 0.3  # mm or degrees in a tenth of a millisecond: 3 m/s, a quick arm


def test_a_hand_rests_at_the_ends_of_its_reach() -> None:
    hand = Hand(((0.0, Pose(x=100)), (1.0, Pose(x=0))))
    places = [screen.on_path(hand, time)[0] for time in (0.0, 0.01, 0.5, 0.99, 1.0, 5.0)]
    assert places == pytest.approx([100, 100, 50, 0, 0, 0], abs=0.01)


def test_a_steady_hand_does_not_shake_and_a_trembling_one_does() -> None:
    scene = Scene.of([TEXT, TEXT], Shot((STILL, replace(STILL, shake=2.0))), 1)
    steady, trembling = (np.ptp([phone.pose(time / 30) for time in range(30)], axis=0) for phone in scene.phones)
    assert steady == pytest.approx(0)
    assert (trembling > 0.1).all()


def test_motion_blurs_and_a_short_exposure_saves() -> None:
    moving = Shot((Hand(((0.0, Pose(x=-60, roll=2)), (0.4, Pose(x=60, roll=2))), shake=0),))
    middle = moving.times.index(0.2)
    short, long = (picture(replace(moving, lens=Lens(exposure=seconds)), middle) for seconds in (0.0002, 0.02))
    assert sharpness(short) > 2 * sharpness(long)
    assert (read(short), read(long)) == ([TEXT], [])


def test_a_phone_out_of_focus_is_blurred() -> None:
    sharp, near = (picture(replace(HELD, lens=Lens(focus=focus, aperture=2.5))) for focus in (215, 90))
    assert sharpness(sharp) > 2 * sharpness(near)
    assert (read(sharp), read(near)) == ([TEXT], [])


def test_low_brightness_is_darker_and_still_read() -> None:
    bright, dim = picture(HELD), picture(replace(HELD, light=Light(screen=0.1, hall=0.04)))
    assert bright.mean() > 2 * dim.mean()
    assert read(dim) == [TEXT]


def test_the_lamp_shines_where_the_glass_mirrors_it_and_runs_ahead_of_the_turning_phone() -> None:
    rows = []
    for pitch in (0.0, -3.0):
        hand = Hand(((0.0, Pose(pitch=pitch)),), shake=0)
        lamp = replace(DARK, lamp=(0.0, 0.0, -5000.0), glare=0.9)
        frame = picture(Shot((hand,), light=lamp))
        rows.append(np.argwhere(frame > 200).mean(axis=0)[0])
    # square to the lens the glass mirrors what is behind the lens; turned by 3 degrees, what is 6 degrees away from that
    assert rows[0] == pytest.approx(HEIGHT / 2, abs=2)
    assert abs(rows[1] - rows[0]) == pytest.approx(FOCAL * np.tan(np.radians(6)), rel=0.05)


def test_a_lamp_behind_the_phone_is_not_mirrored() -> None:
    lamp = replace(DARK, lamp=(0.0, 0.0, 900.0), glare=0.9)
    assert picture(replace(HELD, light=lamp)).max() < 60


def test_glare_hides_the_code_until_the_phone_is_turned() -> None:
    scene = Scene.of([TEXT], shot_of("glare"), 1)
    assert read(scene.frame(18)) == []
    assert read(scene.frame(len(scene.shot.times) - 1)) == [TEXT]


def test_the_grids_of_display_and_sensor_beat() -> None:
    hand = Hand(((0.0, Pose(z=186, yaw=1)),), shake=0)
    plain, beating = (picture(Shot((hand,), lens=Lens(moire=share))).astype(int) for share in (0.0, 0.2))
    paper = slice(150, 165), slice(560, 720)
    assert np.std(beating[paper]) > 3 * np.std(plain[paper])
    assert np.array_equal(plain[:, :200], beating[:, :200])  # the hall has no grid


def test_light_is_uneven_by_as_much_as_it_says() -> None:
    field = screen.ambient(Light(hall=0.2, uneven=0.5))
    assert field.mean() == pytest.approx(0.2, rel=1e-3)
    assert field[HEIGHT // 2, -1] == pytest.approx(0.2 * 1.4, rel=1e-2)
    assert field[HEIGHT // 2, 0] == pytest.approx(0.2 * 0.6, rel=1e-2)


def test_noise_is_modest_and_in_every_frame_another() -> None:
    shot = Shot((AWAY,), seconds=0.1)
    first, second = picture(shot, 0).astype(int), picture(shot, 1).astype(int)
    sigma = float(np.std(first - second)) / np.sqrt(2)
    assert 0.5 < sigma < 2.5


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_seed_makes_a_hall_in_which_the_phone_is_read(seed: int) -> None:
    assert read(picture(HELD, seed=seed)) == [TEXT]
