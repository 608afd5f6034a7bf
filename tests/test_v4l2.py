"""The Video4Linux camera: on a driver with physics and a hand-wound clock; its frames as a function of bytes."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.camera import FIRST_LIMIT_S, NEXT_LIMIT_S, Grey
from hardware.escalation import PATIENCE_S, Step
from hardware.recording import CameraSettings
from hardware.v4l2 import LUMINANCE, V4L2Camera, jpeg, planar, yuyv

INTERVAL = 1 / 30
ASKED = CameraSettings(kind="v4l2", width=64, height=48, fps=30.0)
PICTURE = np.add.outer(np.arange(48), 2 * np.arange(64)).astype(np.uint8)


def encoded(grey: Grey) -> Grey:
    good, data = cv2.imencode(".jpg", cv2.merge([grey] * 3), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert good
    return np.asarray(data, np.uint8).reshape(-1)


SENT = encoded(PICTURE)
# What a webcam has. Exposure in steps of 100 us and only while its automatic is off (1 is manual), no lens that moves.
PROPERTIES = {
    cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV")),
    cv2.CAP_PROP_FRAME_WIDTH: 640.0,
    cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
    cv2.CAP_PROP_FPS: 25.0,
    cv2.CAP_PROP_CONVERT_RGB: 1.0,
    cv2.CAP_PROP_AUTO_EXPOSURE: 3.0,
    cv2.CAP_PROP_EXPOSURE: 333.0,
    cv2.CAP_PROP_GAIN: 64.0,
}


@dataclass
class Webcam:
    """A driver: a frame each interval, stamped when captured, out 5 ms later; what it sends is said by `frames`.

    It fills four buffers and gives them oldest first; with none free it loses frames. One is held until the next grab.
    """

    frames: Iterator[object]
    properties: dict[int, float] = field(default_factory=lambda: dict(PROPERTIES))
    only: str | None = None
    now: float = 100.0
    unplugged: bool = False
    stamped: float | None = None
    released: int = 0
    interval: float = INTERVAL
    filled: deque[int] = field(default_factory=deque)
    seen: int = -1

    def clock(self) -> float:
        return self.now

    def set(self, what: int, value: float, /) -> bool:
        manual = self.properties.get(cv2.CAP_PROP_AUTO_EXPOSURE) == 1
        if what not in self.properties or (what == cv2.CAP_PROP_EXPOSURE and not manual):
            return False
        if what == cv2.CAP_PROP_FOURCC and self.only:
            return False
        self.properties[what] = float(int(value))
        return True

    def get(self, what: int, /) -> float:
        if what == cv2.CAP_PROP_POS_MSEC:
            return 1000 * (self.captured_at if self.stamped is None else self.stamped)
        if what == cv2.CAP_PROP_FOURCC and self.only:
            return float(cv2.VideoWriter.fourcc(*self.only))
        return self.properties.get(what, -1.0)

    def grab(self) -> bool:
        out = int((self.now - 0.005) / self.interval)
        fresh = range(self.seen + 1 if self.seen >= 0 else out + 1, out + 1)
        self.filled.extend(fresh[: 3 - len(self.filled)])
        if not self.filled:
            out += 1
            self.filled.append(out)
            self.now = out * self.interval + 0.005 + 1e-9
        self.seen = out
        self.captured_at = self.filled.popleft() * self.interval
        return not self.unplugged

    def retrieve(self) -> tuple[bool, object]:
        sent = next(self.frames, None)
        return sent is not None, sent

    def release(self) -> None:
        self.released += 1


def always(sent: object) -> Iterator[object]:
    while True:
        yield sent


def opened(webcam: Webcam, asked: CameraSettings = ASKED) -> V4L2Camera:
    return V4L2Camera("/dev/video9", asked, webcam, webcam.clock)


def test_frames_are_the_luminance_of_what_is_sent_with_the_time_of_their_capture() -> None:
    webcam = Webcam(always(SENT))
    camera = opened(webcam)
    for frame in islice(camera.frames(), 5):
        assert frame.grey.shape == (48, 64)
        assert frame.grey.dtype == np.uint8
        assert np.abs(frame.grey.astype(int) - PICTURE).max() <= 4
        assert camera.now() - frame.captured_at == pytest.approx(0.005)
    camera.close()
    assert webcam.released == 1


def test_raw_jpeg_is_asked_for_at_the_configured_size_and_rate() -> None:
    webcam = Webcam(always(SENT))
    opened(webcam)
    for what, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, 64),
        (cv2.CAP_PROP_FRAME_HEIGHT, 48),
        (cv2.CAP_PROP_FPS, 30),
        (cv2.CAP_PROP_CONVERT_RGB, 0),
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
    ):
        assert webcam.properties[what] == value


@pytest.mark.parametrize("fourcc", LUMINANCE)
def test_whatever_format_the_device_insists_on_gives_the_same_rows(fourcc: str) -> None:
    pairs = np.stack([PICTURE, np.full_like(PICTURE, 7)], axis=2)
    colour = np.full((24, 64), 128, np.uint8)
    sent = {"MJPG": SENT, "JPEG": SENT, "YUYV": pairs, "GREY": PICTURE}.get(fourcc, np.vstack([PICTURE, colour]))
    frame = next(opened(Webcam(always(sent), only=fourcc)).frames())
    assert np.abs(frame.grey.astype(int) - PICTURE).max() <= (4 if sent is SENT else 0)


def test_a_format_that_nobody_knows_is_named_and_the_device_let_go() -> None:
    webcam = Webcam(always(SENT), only="H264")
    with pytest.raises(DeviceError, match=r"camera /dev/video9: expected frames as MJPG, .*, got 'H264'; see v4l2-ctl"):
        opened(webcam)
    assert webcam.released == 1


def test_a_torn_frame_is_dropped() -> None:
    torn = SENT[: SENT.size // 2]
    frames = opened(Webcam(iter([torn, SENT, None, np.zeros(0, np.uint8), SENT]))).frames()
    times = [frame.captured_at for frame in islice(frames, 2)]
    assert times[1] - times[0] == pytest.approx(3 * INTERVAL)


@pytest.mark.parametrize("interval", [1 / 5, 1 / 30, 1 / 120])
@pytest.mark.parametrize(("good", "limit"), [(0, FIRST_LIMIT_S), (1, NEXT_LIMIT_S), (40, NEXT_LIMIT_S)])
def test_a_camera_that_sends_only_torn_frames_is_given_up_in_words(interval: float, good: int, limit: float) -> None:
    webcam = Webcam(chain([SENT] * good, always(SENT[:-2])), interval=interval)
    frames = opened(webcam, replace(ASKED, fps=1 / interval)).frames()
    for _ in range(good):
        next(frames)
    began = webcam.now
    with pytest.raises(DeviceError, match=f"frames came torn for {limit} s; try another cable or port"):
        next(frames)
    assert webcam.now - began <= limit + interval + 0.01
    # it must be told before the keeper, who knows no mend, gives up
    assert webcam.now - began < PATIENCE_S[Step.WAITING if good else Step.STARTING]


def test_torn_frames_that_are_not_in_a_row_end_nothing() -> None:
    torn = [SENT[:-2]] * (int(NEXT_LIMIT_S / INTERVAL) - 1)
    assert len(list(islice(opened(Webcam(iter([*torn, SENT, *torn, SENT, *torn, SENT]))).frames(), 3))) == 3


def test_another_size_is_named_with_the_mend() -> None:
    webcam = Webcam(always(encoded(np.zeros((24, 32), np.uint8))))
    with pytest.raises(DeviceError, match=r"expected frames of 64x48, got 32x24; set camera\.width and camera\.height"):
        next(opened(webcam).frames())


def test_a_camera_that_is_pulled_out_is_named() -> None:
    webcam = Webcam(always(SENT))
    frames = opened(webcam).frames()
    next(frames)
    webcam.unplugged = True
    with pytest.raises(DeviceError, match=r"camera /dev/video9 gives no frames; is it still plugged in\?"):
        next(frames)


@pytest.mark.parametrize("stamp", [0.0, 5.0, 1e9, None])
@pytest.mark.parametrize("work", [0.0, 0.01, 0.05, 0.1, 3.0])
def test_whatever_clock_stamps_come_from_what_was_queued_is_left_behind(stamp: float | None, work: float) -> None:
    webcam = Webcam(always(SENT), stamped=stamp)
    camera = opened(webcam)
    for frame in islice(camera.frames(), 40):
        assert webcam.now - webcam.captured_at <= INTERVAL + 0.005 + 1e-6, "the frame's true age"
        assert 0 < webcam.now - frame.captured_at <= INTERVAL + 0.005 + 1e-6, "the age that is claimed"
        webcam.now += work


def test_what_is_asked_is_set_and_what_is_given_is_read_back() -> None:
    camera = opened(Webcam(always(SENT)), replace(ASKED, exposure_us=4167, gain=20.0))
    given = camera.settings()
    assert (given.exposure_us, given.gain, given.lens_position, given.fps) == (4100, 20.0, None, 30.0)
    assert given.asked == {}, "4100 us is 4167 in the driver's steps"
    assert camera.lacks() == ()


def test_what_is_not_asked_stays_and_is_told() -> None:
    webcam = Webcam(always(SENT))
    given = opened(webcam).settings()
    assert webcam.properties[cv2.CAP_PROP_AUTO_EXPOSURE] == 3.0
    assert (given.exposure_us, given.gain, given.asked) == (33300, 64.0, {})


def test_a_setting_that_the_driver_rounds_far_away_is_told_beside_what_was_asked() -> None:
    given = opened(Webcam(always(SENT)), replace(ASKED, exposure_us=150)).settings()
    assert (given.exposure_us, given.asked) == (100, {"exposure_us": 150})


def test_a_setting_that_the_camera_has_not_is_named_with_the_mend_and_the_rest_works() -> None:
    webcam = Webcam(always(SENT))
    camera = opened(webcam, replace(ASKED, exposure_us=4000, lens_position=30.0))
    (lack,) = camera.lacks()
    assert lack == (
        'camera.lens_position: this camera does not take it; set it to "auto", or see v4l2-ctl --list-ctrls'
    )
    assert camera.settings().asked == {"lens_position": 30.0}
    assert camera.settings().exposure_us == 4000
    assert next(camera.frames()).grey.shape == (48, 64)


def test_a_camera_without_an_automatic_takes_an_exposure_all_the_same() -> None:
    fixed = {what: value for what, value in PROPERTIES.items() if what != cv2.CAP_PROP_GAIN}
    webcam = Webcam(always(SENT), properties=fixed | {cv2.CAP_PROP_AUTO_EXPOSURE: 1.0})
    assert opened(webcam, replace(ASKED, exposure_us=4000, gain=2.0)).lacks()[0].startswith("camera.gain: ")


@given(data=st.data())
def test_no_bytes_of_a_jpeg_are_an_exception(data: st.DataObject) -> None:
    bent = bytearray(SENT.tobytes())
    for _ in range(data.draw(st.integers(1, 6))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(bent)))
    grey = jpeg(np.frombuffer(bytes(bent[:end]) + bytes(data.draw(st.integers(0, 9))), np.uint8), 48, 64)
    assert grey is None or (grey.ndim == 2 and grey.dtype == np.uint8)


@given(junk=st.binary(max_size=300))
def test_no_bytes_at_all_are_an_exception(junk: bytes) -> None:
    for read in LUMINANCE.values():
        grey = read(np.frombuffer(junk, np.uint8), 12, 16)
        assert grey is None or grey.ndim == 2


@given(cut=st.integers(0, SENT.size - 1))
def test_a_jpeg_that_is_cut_short_is_torn(cut: int) -> None:
    assert jpeg(SENT[:cut], 48, 64) is None


@given(padding=st.integers(0, 2000))
def test_a_jpeg_is_read_whatever_the_driver_pads_it_with(padding: int) -> None:
    picture = jpeg(np.concatenate([SENT, np.zeros(padding, np.uint8)]), 48, 64)
    assert picture is not None
    assert picture.shape == (48, 64)


@given(height=st.integers(1, 12), width=st.integers(1, 12), less=st.integers(1, 5), more=st.integers(0, 50))
def test_raw_frames_are_cut_from_their_buffer_or_torn(height: int, width: int, less: int, more: int) -> None:
    luminance = np.arange(height * width, dtype=np.uint8)
    pairs = np.stack([luminance, luminance + 1], axis=1).reshape(-1)
    for read, sent in ((planar, luminance), (yuyv, pairs)):
        grey = read(np.concatenate([sent, np.zeros(more, np.uint8)]), height, width)
        assert np.array_equal(grey, luminance.reshape(height, width))
        assert read(sent[:-less], height, width) is None


@pytest.mark.parametrize("device", ["/dev/video-none", "/dev/null"])
def test_a_camera_that_is_not_there_is_named_with_the_mend(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"camera {device} could not be opened; plug it in"):
        V4L2Camera(device, ASKED)
