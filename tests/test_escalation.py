"""What follows a hang, a loss or growth, with the time wound by hand."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.escalation import PATIENCE_S, READING, STEADY_S, WAITS_S, Escalation, Mend, Step

GONE = "camera gives no frames: the camera is opened anew"


@dataclass
class Told:
    """An escalation, its clock and what was told."""

    escalation: Escalation = field(default_factory=Escalation)
    now: float = 100.0
    count: int = 0
    texts: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.count = 0
        self.escalation.began(self.now)

    def mark(self, step: Step) -> None:
        self.count = (self.count + 1) % 256
        self.texts += self.escalation.marked(self.count, step, self.now)

    def read(self, seconds: float) -> None:
        """Frames flow, ten a second."""
        for _ in range(round(seconds * 10)):
            self.now += 0.05
            self.mark(Step.DECODING)
            self.now += 0.05
            self.mark(Step.WAITING)
            assert not self.escalation.overdue(self.now)

    def lose(self, why: str = "camera gives no frames") -> Mend:
        mend = self.escalation.lost(why)
        self.texts += filter(None, [mend.text])
        return mend


@pytest.fixture
def told() -> Told:
    found = Told()
    found.begin()
    return found


@pytest.mark.parametrize(
    ("steps", "patience", "why"),
    [
        ([], 3.0, "no first frame for 3 s"),
        ([Step.DECODING], 1.0, "a picture kept the decoder for 1 s"),
        ([Step.DECODING, Step.WAITING], 1.0, "no frame for 1 s"),
        ([Step.WAITING], 1.0, "no frame for 1 s"),
    ],
)
def test_what_hangs_is_known_by_what_was_done_last(told: Told, steps: list[Step], patience: float, why: str) -> None:
    for step in steps:
        told.mark(step)
    assert not told.escalation.overdue(told.now + patience)
    assert told.escalation.overdue(told.now + patience + 0.01) == why


def test_a_mark_that_was_seen_already_is_none(told: Told) -> None:
    told.read(1.0)
    for late in (0.5, 1.0):
        assert told.escalation.marked(told.count, Step.WAITING, told.now + late) == ()
    assert told.escalation.overdue(told.now + 1.01)


def test_reading_is_told_with_the_first_frame_that_was_read(told: Told) -> None:
    told.mark(Step.DECODING)
    assert told.texts == []
    told.mark(Step.WAITING)
    told.read(20.0)
    assert told.texts == [READING]


def test_a_camera_that_is_lost_is_opened_anew_and_then_everything_starts_anew(told: Told) -> None:
    told.read(20.0)
    assert told.lose() == Mend(0.0, GONE)
    told.begin()
    again = told.lose("camera could not be opened")
    assert again == Mend(None, "camera could not be opened: the whole scanner starts anew")


def test_a_keeper_that_never_saw_a_frame_tries_about_once_a_second_and_says_so_once(told: Told) -> None:
    waits = []
    for _ in range(50):
        waits.append(told.lose().after)
        told.begin()
    assert waits == [*WAITS_S, *[WAITS_S[-1]] * 45]
    assert told.texts == [GONE]
    told.lose("camera could not be opened")
    told.begin()
    told.read(1.0)
    assert told.texts == [GONE, "camera could not be opened: the camera is opened anew", READING]


def test_a_deadly_picture_costs_workers_but_never_the_keeper(told: Told) -> None:
    told.read(20.0)
    waits = []
    for _ in range(8):
        told.now += 0.05
        told.mark(Step.DECODING)
        waits.append(told.lose("the worker was killed by signal 11").after)
        told.begin()
    assert waits == [*WAITS_S, *[WAITS_S[-1]] * 3]
    assert told.texts == [READING, "the worker was killed by signal 11: another decoder takes over"]


def test_ten_seconds_of_frames_make_it_well(told: Told) -> None:
    told.read(1.0)
    for _ in range(3):
        told.lose()
        told.begin()
        told.read(STEADY_S - 1)
    assert told.lose().after == WAITS_S[3]
    told.begin()
    told.read(STEADY_S + 1)
    assert told.lose() == Mend(0.0, GONE)


def test_a_camera_that_flaps_is_told_of_once_until_it_has_been_well(told: Told) -> None:
    for _ in range(30):
        told.read(1.0)
        told.lose()
        told.begin()
    assert told.texts == [READING, GONE, READING]
    told.read(1.0)
    told.lose("camera could not be opened")
    told.begin()
    told.read(STEADY_S - 1)
    assert told.texts[3:] == ["camera could not be opened: the camera is opened anew"]
    told.read(2.0)
    assert told.texts[4:] == [READING]


EVENTS = st.one_of(
    st.just("begin"),
    st.sampled_from([Step.DECODING, Step.WAITING]),
    st.sampled_from(["a", "b"]),
    st.floats(0, 5),
)


@given(st.lists(EVENTS, max_size=200))
def test_whatever_happens_the_wait_is_bounded_and_the_last_word_is_true(events: list[object]) -> None:
    told = Told()
    told.begin()
    lost = False
    for event in events:
        if isinstance(event, Step):
            if not lost:
                told.mark(event)
        elif isinstance(event, float):
            told.now += event
        elif event == "begin" or lost:
            told.begin()
            lost = False
        else:
            mend = told.lose(str(event))
            assert mend.after is None or 0 <= mend.after <= 0.8
            lost = True
    told.begin()
    told.read(STEADY_S + 1)
    assert told.texts[-1] == READING
    assert all(earlier != later for earlier, later in zip(told.texts, told.texts[1:], strict=False))


def test_every_step_has_its_patience() -> None:
    assert set(PATIENCE_S) == set(Step)
    assert max(PATIENCE_S[step] for step in Step if step is not Step.STARTING) + WAITS_S[-1] < 2
