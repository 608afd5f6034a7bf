"""The scanner's loop: what is sent, how often, in which order, with which times."""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.camera import Frame
from hardware.decoder import Chain, Symbol
from hardware.scanner import LONGEST, connect, ours_first, pack, scan

PICTURE = np.zeros((48, 64), np.uint8)


@dataclass
class Shown:
    """A camera that shows given texts at given times, one list a frame, and a reader that takes a while to see them."""

    script: Sequence[tuple[float, Sequence[bytes]]]
    takes: float = 0.01
    time: float = 0.0
    texts: Sequence[bytes] = ()
    sent: list[bytes] = field(default_factory=list)
    beats: int = 0

    def frames(self) -> Iterator[Frame]:
        for at, texts in self.script:
            self.time, self.texts = at, texts
            yield Frame(at, PICTURE)

    def now(self) -> float:
        return self.time

    def close(self) -> None:
        """Nothing is held."""

    def read(self, grey: np.ndarray) -> list[Symbol]:
        assert grey is PICTURE
        self.time += self.takes
        return [Symbol(text, "eye", ()) for text in self.texts]

    def beat(self) -> None:
        self.beats += 1

    def scan(self, repeat_s: float = 0.5) -> list[tuple[float, float, bytes]]:
        scan(self, self.read, self.sent.append, repeat_s, self.beat)
        return [unpack(message) for message in self.sent]


def unpack(message: bytes) -> tuple[float, float, bytes]:
    captured_at, decoded_at = struct.unpack_from("<dd", message)
    return captured_at, decoded_at, message[16:]


def test_a_symbol_is_sent_with_both_its_times() -> None:
    assert Shown([(5.0, [b"EC1:A"])]).scan() == [(5.0, 5.01, b"EC1:A")]


def test_a_symbol_that_stays_in_view_is_sent_again_twice_a_second() -> None:
    sent = Shown([(number / 30, [b"EC1:A"]) for number in range(61)]).scan()
    assert [captured_at for captured_at, _, _ in sent] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])


def test_a_new_symbol_is_sent_at_once_beside_an_old_one() -> None:
    sent = Shown([(0.0, [b"A"]), (0.1, [b"A", b"B"]), (0.2, []), (0.3, [b"B", b"A"])]).scan()
    assert [(captured_at, data) for captured_at, _, data in sent] == [(0.0, b"A"), (0.1, b"B")]


def test_what_looks_like_ours_goes_first() -> None:
    sent = Shown([(0.0, [b"https://pay.example", b"EC1:A", b"EC2:B", b""])]).scan()
    assert [data for _, _, data in sent] == [b"EC1:A", b"EC2:B", b"https://pay.example", b""]


def test_what_no_symbol_can_hold_is_not_sent() -> None:
    sent = Shown([(0.0, [b"x" * (LONGEST + 1), b"x" * LONGEST])]).scan()
    assert [len(data) for _, _, data in sent] == [LONGEST]


def test_a_time_that_jumps_back_with_the_next_recording_hides_nothing() -> None:
    assert len(Shown([(50.0, [b"A"]), (3.0, [b"A"])]).scan()) == 2


def test_every_frame_is_a_beat_with_or_without_a_symbol() -> None:
    shown = Shown([(0.0, []), (0.1, [b"A"]), (0.2, [])])
    shown.scan()
    assert shown.beats == 3


GAPS = st.lists(st.floats(0.001, 0.4), min_size=1, max_size=40)
VIEWS = st.lists(st.sets(st.sampled_from([b"EC1:A", b"EC1:B", b"pay"])), min_size=40, max_size=40)


@given(gaps=GAPS, views=VIEWS, takes=st.floats(-0.01, 0.3), repeat_s=st.floats(0.05, 1.0))
def test_whatever_is_shown_nothing_is_missed_and_nothing_is_sent_too_often(
    gaps: list[float], views: list[set[bytes]], takes: float, repeat_s: float
) -> None:
    times = np.cumsum(gaps).tolist()
    sent = Shown([(at, sorted(view)) for at, view in zip(times, views, strict=False)], takes=takes).scan(repeat_s)
    assert all(captured_at <= decoded_at for captured_at, decoded_at, _ in sent)
    for text in (b"EC1:A", b"EC1:B", b"pay"):
        seen = [at for at, view in zip(times, views, strict=False) if text in view]
        told = [captured_at for captured_at, _, data in sent if data == text]
        assert all(later - earlier >= repeat_s for earlier, later in pairwise(told))
        assert all(any(0 <= at - one < repeat_s for one in told) for at in seen)


@given(data=st.binary(max_size=LONGEST), captured_at=st.floats(allow_nan=False), decoded_at=st.floats(allow_nan=False))
def test_a_message_holds_both_times_and_the_bytes(data: bytes, captured_at: float, decoded_at: float) -> None:
    assert unpack(pack(data, captured_at, decoded_at)) == (captured_at, decoded_at, data)


@given(texts=st.lists(st.sampled_from([b"EC1:A", b"EC2", b"E", b"ec1:", b"pay", b""])))
def test_ours_first_keeps_the_engines_order_otherwise(texts: list[bytes]) -> None:
    ordered = [symbol.data for symbol in ours_first(Symbol(text, "eye", ()) for text in texts)]
    assert ordered == [t for t in texts if t[:2] == b"EC"] + [t for t in texts if t[:2] != b"EC"]


def closed(lane: socket.socket) -> None:
    lane.close()


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A controller's end and a scanner's end of a real socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(tmp_path / "symbols"))
        listening.listen()
        with connect(tmp_path / "symbols") as scanner:
            controller, _ = listening.accept()
            with controller:
                yield controller, scanner


def test_a_drawn_code_crosses_the_socket(lane: tuple[socket.socket, socket.socket]) -> None:
    controller, scanner = lane
    code = zxingcpp.create_barcode("EC1:HELLO", zxingcpp.BarcodeFormat.QRCode)
    picture = np.array(code.to_image(scale=4, add_quiet_zones=True))
    scan(Shown([(1.5, [])]), lambda _: Chain().glance(picture), scanner.sendall)
    captured_at, _, data = unpack(controller.recv(8192))
    assert (captured_at, data) == (1.5, b"EC1:HELLO")


@pytest.mark.parametrize("leave", [closed, lambda lane: lane.shutdown(socket.SHUT_RDWR)])
def test_a_controller_that_has_gone_ends_the_scan(
    lane: tuple[socket.socket, socket.socket], leave: Callable[[socket.socket], None]
) -> None:
    controller, scanner = lane
    leave(controller)
    camera = Shown([(0.0, [b"EC1:A"]), (0.1, [b"EC1:B"])])
    with pytest.raises(DeviceError, match="the controller has gone: broken pipe"):
        scan(camera, camera.read, scanner.sendall)


@pytest.mark.parametrize("name", ["nowhere", "a-file", "x" * 200])
def test_no_controller_is_a_device_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(DeviceError, match="the controller does not listen"):
        connect(tmp_path / name)
