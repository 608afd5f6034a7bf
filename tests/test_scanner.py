"""The scanner's loop: what is sent, how often, in which order, with which times, and what the controller asks for."""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.camera import Frame
from hardware.chain import Chain, Look
from hardware.decoder import Symbol
from hardware.scanner import GONE_S, LONGEST, Controller, Shown, ours_first, pack, scan

PICTURE: Final = np.zeros((48, 64), np.uint8)
Script = Sequence[tuple[float, Sequence[bytes]]]


@dataclass
class Scene:
    """A camera that shows given texts at given times, who looks and takes a while for it, the lane, and who is told of it."""

    script: Script
    takes: float = 0.01
    asks: dict[float, Sequence[bytes]] = field(default_factory=dict)
    busy_until: float = 0.0
    time: float = 0.0
    texts: Sequence[bytes] = ()
    asked: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def frames(self) -> Iterator[Frame]:
        for at, texts in self.script:
            self.time, self.texts = at, texts
            self.asked += self.asks.get(at, ())
            yield Frame(at, PICTURE)

    def now(self) -> float:
        return self.time

    def close(self) -> None:
        """Nothing is held."""

    def look(self, grey: np.ndarray, at: float) -> Look:
        assert grey is PICTURE
        assert at == self.time
        self.told.append("look")
        self.time += self.takes
        return Look(tuple(Symbol(text, "eye", ()) for text in self.texts))

    def send(self, message: bytes) -> bool:
        self.told.append("send")
        if self.time < self.busy_until:
            return False
        self.sent.append(message)
        return True

    def wanted(self) -> bytes | None:
        return self.asked.pop(0) if self.asked else None

    def taken(self) -> None:
        self.told.append("taken")

    def done(self) -> None:
        self.told.append("done")

    def scan(self) -> list[tuple[float, float, bytes]]:
        scan(self, self.look, self, self)
        return [unpack(message) for message in self.sent]


def unpack(message: bytes) -> tuple[float, float, bytes]:
    captured_at, decoded_at = struct.unpack_from("<dd", message)
    return captured_at, decoded_at, message[16:]


def sent(script: Script, asks: dict[float, Sequence[bytes]] | None = None) -> list[tuple[float, bytes]]:
    return [(captured_at, data) for captured_at, _, data in Scene(script, asks=asks or {}).scan()]


def test_a_symbol_is_sent_with_both_its_times() -> None:
    assert Scene([(5.0, [b"EC1:A"])]).scan() == [(5.0, 5.01, b"EC1:A")]


def test_a_symbol_that_stays_in_view_is_sent_once() -> None:
    assert sent([(number / 30, [b"EC1:A"]) for number in range(1000)]) == [(0.0, b"EC1:A")]


def test_one_that_is_missed_in_some_frames_is_still_in_view() -> None:
    assert sent([(number / 10, [b"EC1:A"] if number % 9 == 0 else []) for number in range(60)]) == [(0.0, b"EC1:A")]


@pytest.mark.parametrize(("away", "again"), [(0.99, False), (1.0, True), (30.0, True)])
def test_one_that_was_gone_for_a_second_is_a_new_one(away: float, again: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert sent([(2.0, [b"A"]), (2.0 + away, [b"A"])]) == [(2.0, b"A"), *[(2.0 + away, b"A")] * again]
    assert GONE_S == 1.0


def test_a_new_symbol_is_sent_at_once_beside_an_old_one() -> None:
    found = sent([(0.0, [b"A"]), (0.1, [b"A", b"B"]), (0.2, []), (0.3, [b"B", b"A"])])
    assert found == [(0.0, b"A"), (0.1, b"B")]


def test_one_that_is_asked_for_is_sent_again_once() -> None:
    script = [(number / 10, [b"A", b"B"]) for number in range(10)]
    assert sent(script, {0.3: [b"A"]}) == [(0.0, b"A"), (0.0, b"B"), (0.3, b"A")]


def test_one_that_is_asked_for_and_not_in_view_is_not_sent_until_it_comes() -> None:
    script: Script = [(0.0, [b"A"]), (0.1, []), (0.2, [b"B"]), (0.3, []), (0.4, [b"A"])]
    assert sent(script, {0.1: [b"A", b"never seen"]}) == [(0.0, b"A"), (0.2, b"B"), (0.4, b"A")]


def test_all_that_are_asked_for_are_heard_before_the_next_frame_is_sent() -> None:
    script = [(number / 10, [b"A", b"B", b"C"]) for number in range(3)]
    assert sent(script, {0.1: [b"B", b"C", b"A", b"A"]})[3:] == [(0.1, b"A"), (0.1, b"B"), (0.1, b"C")]


def test_one_that_the_lane_did_not_take_is_sent_until_it_does_while_it_is_in_view() -> None:
    """It never received it, so that it cannot ask for it."""
    scene = Scene([(number / 10, [b"A", b"B"] if number < 2 else [b"A"]) for number in range(10)], busy_until=0.35)
    assert [(captured_at, data) for captured_at, _, data in scene.scan()] == [(0.4, b"A")]


def test_what_looks_like_ours_goes_first_otherwise_as_the_look_had_them() -> None:
    found = sent([(0.0, [b"https://pay.example", b"EC1:A", b"EC2:B", b""])])
    assert [data for _, data in found] == [b"EC1:A", b"EC2:B", b"https://pay.example", b""]


def test_what_no_symbol_can_hold_is_not_sent() -> None:
    found = sent([(0.0, [b"x" * (LONGEST + 1), b"x" * LONGEST])])
    assert [len(data) for _, data in found] == [LONGEST]


def test_a_time_that_jumps_back_with_the_next_recording_hides_nothing() -> None:
    assert sent([(50.0, [b"A"]), (3.0, [b"A"])]) == [(50.0, b"A"), (3.0, b"A")]


def test_every_frame_is_told_of_before_the_look_and_after_the_sending() -> None:
    scene = Scene([(0.0, []), (0.1, [b"A", b"B"]), (0.2, [])])
    scene.scan()
    assert scene.told == [
        "taken", "look", "done", "taken", "look", "send", "send", "done", "taken", "look", "done",
    ]  # fmt: skip


GAPS = st.lists(st.floats(0.001, 0.7), min_size=1, max_size=40)
VIEWS = st.lists(st.sets(st.sampled_from([b"EC1:A", b"EC1:B", b"pay"])), min_size=40, max_size=40)


@given(gaps=GAPS, views=VIEWS, takes=st.floats(-0.01, 0.3))
def test_whatever_is_shown_each_time_in_view_is_told_once(
    gaps: list[float], views: list[set[bytes]], takes: float
) -> None:
    times = np.cumsum(gaps).tolist()
    found = Scene([(at, sorted(view)) for at, view in zip(times, views, strict=False)], takes).scan()
    assert all(captured_at <= decoded_at for captured_at, decoded_at, _ in found)
    for text in (b"EC1:A", b"EC1:B", b"pay"):
        seen = [at for at, view in zip(times, views, strict=False) if text in view]
        came = [at for before, at in pairwise([float("-inf"), *seen]) if at - before >= GONE_S]
        assert [captured_at for captured_at, _, data in found if data == text] == came


@given(
    gaps=GAPS,
    views=VIEWS,
    wanted=st.lists(st.sets(st.sampled_from([b"EC1:A", b"pay", b"no"])), min_size=40, max_size=40),
)
def test_whatever_is_asked_for_nothing_is_sent_that_is_not_in_view(
    gaps: list[float], views: list[set[bytes]], wanted: list[set[bytes]]
) -> None:
    times = np.cumsum(gaps).tolist()
    script = [(at, sorted(view)) for at, view in zip(times, views, strict=False)]
    found = sent(script, {at: sorted(one) for at, one in zip(times, wanted, strict=False)})
    shown = dict(script)
    assert all(data in shown[at] for at, data in found)
    assert len(set(found)) == len(found)
    for at, asked, view in zip(times, wanted, views, strict=False):
        assert {(at, text) for text in asked & view} <= set(found)


@given(texts=st.lists(st.sampled_from([b"a", b"b"]), max_size=3), times=st.lists(st.floats(0, 100), max_size=20))
def test_what_is_remembered_does_not_grow(texts: list[bytes], times: list[float]) -> None:
    shown = Shown()
    for number, at in enumerate(sorted(times)):
        shown.new([Symbol(b"%d" % number, "eye", ()), *(Symbol(text, "eye", ()) for text in texts)], at)
    if times:
        assert len(shown._seen) <= sum(max(times) - at < GONE_S for at in times) + 2


@given(data=st.binary(max_size=LONGEST), captured_at=st.floats(allow_nan=False), decoded_at=st.floats(allow_nan=False))
def test_a_message_holds_both_times_and_the_bytes(data: bytes, captured_at: float, decoded_at: float) -> None:
    assert unpack(pack(data, captured_at, decoded_at)) == (captured_at, decoded_at, data)


@given(texts=st.lists(st.sampled_from([b"EC1:A", b"EC2", b"E", b"ec1:", b"pay", b""])))
def test_ours_first_keeps_the_engines_order_otherwise(texts: list[bytes]) -> None:
    ordered = [symbol.data for symbol in ours_first(Symbol(text, "eye", ()) for text in texts)]
    assert ordered == [t for t in texts if t[:2] == b"EC"] + [t for t in texts if t[:2] != b"EC"]


# The controller, at the other end of a real socket.

Ends = tuple[socket.socket, Controller]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Ends]:
    """A controller's end and a scanner's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(tmp_path / "symbols"))
        listening.listen()
        scanner = Controller(tmp_path / "symbols")
        controller, _ = listening.accept()
        with controller:
            yield controller, scanner
        scanner.close()


def closed(lane: socket.socket) -> None:
    lane.close()


def shut(lane: socket.socket) -> None:
    lane.shutdown(socket.SHUT_RDWR)


either_way = pytest.mark.parametrize("leave", [closed, shut])
Leave = Callable[[socket.socket], None]


def test_a_drawn_code_crosses_the_socket(lane: Ends) -> None:
    controller, scanner = lane
    code = zxingcpp.create_barcode("EC1:HELLO", zxingcpp.BarcodeFormat.QRCode)
    picture = np.array(code.to_image(scale=4, add_quiet_zones=True))
    scan(Scene([(1.5, [])]), lambda _, at: Chain().look(picture, at), scanner)
    captured_at, _, data = unpack(controller.recv(8192))
    assert (captured_at, data) == (1.5, b"EC1:HELLO")


def test_what_the_controller_asks_for_crosses_again(lane: Ends) -> None:
    controller, scanner = lane
    controller.send(b"EC1:A")
    scene = Scene([(0.0, [b"EC1:A"]), (0.1, [b"EC1:A"])])
    scan(scene, scene.look, scanner)
    controller.send(b"EC1:A")
    again = Scene([(0.2, [b"EC1:A"]), (0.3, [b"EC1:A"])])
    shown = [unpack(controller.recv(8192))[0]]
    scan(again, again.look, scanner)
    shown.append(unpack(controller.recv(8192))[0])
    assert shown == [0.0, 0.2]
    assert scanner.wanted() is None


def test_wanted_texts_come_in_order_and_none_is_none_at_once(lane: Ends) -> None:
    controller, scanner = lane
    assert scanner.wanted() is None
    for text in (b"one", b"two", "déjà\udcff".encode("utf-8", "surrogateescape")):
        controller.send(text)
    assert [scanner.wanted() for _ in range(4)] == [b"one", b"two", b"d\xc3\xa9j\xc3\xa0\xff", None]


@either_way
def test_a_controller_that_has_gone_ends_the_scan(lane: Ends, leave: Leave) -> None:
    controller, scanner = lane
    leave(controller)
    scene = Scene([(0.0, [b"EC1:A"]), (0.1, [b"EC1:B"])])
    with pytest.raises(DeviceError, match="the controller has gone"):
        scan(scene, scene.look, scanner)


@either_way
def test_it_ends_too_where_nothing_is_to_be_sent(lane: Ends, leave: Leave) -> None:
    """Or a scanner before an empty hall would stay when its controller has gone."""
    controller, scanner = lane
    leave(controller)
    scene = Scene([(0.0, []), (0.1, [])])
    with pytest.raises(DeviceError, match="the controller has gone"):
        scan(scene, scene.look, scanner)


def test_a_controller_that_has_gone_with_something_unread_has_gone(lane: Ends) -> None:
    controller, scanner = lane
    scanner.send(b"unread")
    controller.close()
    with pytest.raises(DeviceError, match="the controller has gone: connection reset by peer"):
        scanner.wanted()


def filled(scanner: Controller) -> None:
    """As a controller leaves its socket that is busy for long."""
    with suppress(TimeoutError):
        while True:
            scanner._socket.send(b"x" * 4000)


def test_a_controller_that_takes_nothing_does_not_hold_the_scanner_up(lane: Ends) -> None:
    _, scanner = lane
    filled(scanner)
    assert not scanner.send(b"late"), "or this would never end"


@dataclass
class Draining(Scene):
    """A controller that comes back to its socket before the second frame."""

    controller: socket.socket | None = None

    def frames(self) -> Iterator[Frame]:
        yield from Scene(self.script[:1]).frames()
        self.time, self.texts = self.script[1]
        with suppress(BlockingIOError):
            while self.controller and self.controller.recv(8192, socket.MSG_DONTWAIT):
                pass
        yield Frame(self.time, PICTURE)


def test_what_the_controller_had_no_room_for_is_sent_once_it_has(lane: Ends) -> None:
    """It was never received, so that nobody will ask for it."""
    controller, scanner = lane
    filled(scanner)
    scene = Draining([(0.0, [b"EC1:A"]), (0.5, [b"EC1:A"])], texts=[b"EC1:A"], controller=controller)
    scan(scene, scene.look, scanner)
    controller.settimeout(1)
    assert unpack(controller.recv(8192))[::2] == (0.5, b"EC1:A")


@pytest.mark.parametrize("name", ["nowhere", "a-file", "x" * 200])
def test_no_controller_is_a_device_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(DeviceError, match="the controller does not listen"):
        Controller(tmp_path / name)
