"""The newest frame, never a queue: on drivers with physics and a clock that is wound by hand."""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.camera import TRIES, Newest

INTERVAL = 1 / 30
WORKS = st.lists(st.floats(0.0, 5.0).map(lambda part: part * INTERVAL), min_size=2, max_size=40)


@dataclass
class Queue:
    """A V4L2 driver: it fills free buffers, one a frame interval, and gives them oldest first; with none free it loses frames.

    A frame comes out `delay` after it was captured. The buffer that was taken last is given back with the next grab.
    """

    buffers: int
    delay: float
    now: float = 50.0
    filled: deque[int] = field(default_factory=deque)
    number: int = 0
    held: int = 0
    grabs: int = 0

    def clock(self) -> float:
        return self.now

    def captured(self, number: int) -> float:
        return 50.0 + number * INTERVAL

    def out(self, number: int) -> float:
        return self.captured(number) + self.delay

    def pass_by(self, seconds: float) -> None:
        """Time goes on: each frame that comes out meanwhile finds a buffer or is lost."""
        self.now += seconds
        while self.out(self.number + 1) <= self.now:
            self.number += 1
            if len(self.filled) + self.held < self.buffers:
                self.filled.append(self.number)

    def grab(self) -> float:
        self.held, self.grabs = 0, self.grabs + 1
        if not self.filled:
            self.pass_by(self.out(self.number + 1) - self.now + 1e-9)
        self.held = 1
        return self.captured(self.filled.popleft())


@dataclass
class Latest(Queue):
    """Picamera2 with queue=True: only the newest finished frame is kept."""

    def pass_by(self, seconds: float) -> None:
        super().pass_by(seconds)
        while len(self.filled) > 1:
            self.filled.popleft()


DRIVERS = st.builds(Queue, buffers=st.integers(2, 6), delay=st.floats(0.0, 0.1)) | st.builds(
    Latest, buffers=st.just(6), delay=st.floats(0.0, 0.1)
)


@given(driver=DRIVERS, slept=st.floats(0.0, 3.0), works=WORKS)
def test_whatever_the_consumers_speed_no_frame_waited_longer_than_a_frame_interval(
    driver: Queue, slept: float, works: list[float]
) -> None:
    driver.pass_by(slept)  # from opening to the first look
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    last = 0.0
    for work in works:
        captured_at = newest()
        assert driver.now - captured_at <= driver.delay + INTERVAL + 1e-6
        assert captured_at > last
        last = captured_at
        driver.pass_by(work)


@given(driver=DRIVERS, slept=st.floats(0.0, 3.0), works=WORKS)
def test_no_frame_waited_at_all_where_nobody_can_tell_when_it_was_captured(
    driver: Queue, slept: float, works: list[float]
) -> None:
    taken: list[float] = []

    def grab() -> None:
        taken.append(driver.grab())

    driver.pass_by(slept)
    newest = Newest(grab, driver.clock, INTERVAL)
    last = 0.0
    for work in works:
        asked_at = newest()
        assert driver.now - taken[-1] <= driver.delay + 1e-6
        assert last < asked_at < driver.now <= asked_at + driver.delay + INTERVAL + 1e-6
        last = asked_at
        driver.pass_by(work)


@given(driver=DRIVERS, works=st.lists(st.floats(0.0, 0.9), min_size=30, max_size=30))
def test_a_consumer_as_fast_as_the_camera_gets_every_frame(driver: Queue, works: list[float]) -> None:
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    newest()
    before = driver.grabs
    for work in works:
        driver.pass_by(work * INTERVAL)
        newest()
    assert driver.grabs - before == len(works)


@given(work=st.floats(1.0, 2.9), delay=st.floats(0.0, 0.1))
def test_a_consumer_up_to_three_times_slower_than_the_camera_never_waits(work: float, delay: float) -> None:
    """Three of OpenCV's four buffers fill meanwhile: a thread that drains them would hand over no newer frame, no sooner."""
    driver = Queue(buffers=4, delay=delay)
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    newest()
    newest()
    began = driver.now
    for _ in range(20):
        driver.pass_by(work * INTERVAL)
        newest()
    assert driver.now - began <= 20 * work * INTERVAL + INTERVAL


@given(before=st.floats(0.0, 0.03), more=st.floats(0.04, 0.2))
def test_a_delay_that_grows_is_learned(before: float, more: float) -> None:
    driver = Queue(buffers=4, delay=before)
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    for _ in range(3):
        newest()
    driver.delay += more  # the exposure became longer
    newest()
    assert newest.delay == pytest.approx(before + more, abs=1e-6)
    grabs = driver.grabs
    newest()
    assert driver.grabs == grabs + 1


def test_a_driver_whose_stamps_say_nothing_still_gives_frames() -> None:
    driver = Queue(buffers=4, delay=0.01)

    def grab() -> float:
        driver.grab()
        return 0.0

    newest = Newest(grab, driver.clock, INTERVAL)
    for count in (1, 2, 3):
        newest()
        assert driver.grabs <= count * TRIES


def test_the_delay_is_the_cameras_own_and_not_the_queues() -> None:
    driver = Queue(buffers=4, delay=0.021)
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    assert newest.delay == 0.0
    driver.pass_by(1.0)
    newest()
    assert newest.delay == pytest.approx(0.021)
    driver.pass_by(1.5 * INTERVAL)
    newest()
    assert newest.delay == pytest.approx(0.021)


@given(before=st.floats(0.02, 0.1), less=st.floats(0.3, 0.9))
def test_a_delay_that_was_learned_too_long_is_mended_by_the_next_fresh_frame(before: float, less: float) -> None:
    driver = Queue(buffers=4, delay=before)
    newest = Newest(driver.grab, driver.clock, INTERVAL)
    newest()
    driver.pass_by(INTERVAL / 2)
    driver.delay *= less
    newest()
    newest()
    assert newest.delay == pytest.approx(before * less, abs=1e-6)
