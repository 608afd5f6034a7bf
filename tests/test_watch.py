"""New trust is noticed, made ready beside the lane, and handed over; what cannot be used is told and changes nothing."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from offers import MO, Offer, key, offer
from plant import NOW

from gate.controller import store
from gate.controller.watch import Watch
from gate.credential.verifier import Place, Verifier
from gate.errors import TrustError

SOON = 5.0
EVERY = 0.01


@pytest.fixture
def one(tmp_path: Path) -> Offer:
    offered = offer(tmp_path)
    offered.take()
    return offered


def load(trust: Path) -> Verifier:
    return Verifier(store.load_trust(trust), {}, Place("HZMB-HK", "7", "specimen"))


Watched = tuple["SimpleQueue[Verifier]", "SimpleQueue[str]"]


@contextmanager
def watched(trust: Path, held: Verifier | None = None) -> Iterator[Watched]:
    put: SimpleQueue[Verifier] = SimpleQueue()
    told: SimpleQueue[str] = SimpleQueue()
    with closing(Watch(trust, held or load(trust), lambda: load(trust), put.put, told.put, EVERY)):
        yield put, told


def nothing(queue: "SimpleQueue[Verifier] | SimpleQueue[str]", seconds: float = 20 * EVERY) -> bool:
    try:
        queue.get(timeout=seconds)
    except Empty:
        return True
    return False


def test_new_trust_is_handed_over_once(one: Offer) -> None:
    with watched(one.trust) as (put, told):
        for index in (1024, 1025):
            one.revoke(index)
            one.take()
            assert put.get(timeout=SOON).trust.status_lists[MO].at(index) == 1
        assert nothing(put)
    assert told.empty()


def test_the_same_trust_is_not_handed_over(one: Offer) -> None:
    with watched(one.trust) as (put, told):
        one.repository.publish(one.repository.files(), NOW + 86400)
        one.take()
        assert (one.trust / "current").resolve().name == "g00000002"
        assert nothing(put)
    assert told.empty()


def test_what_moved_before_the_watch_began_is_noticed(one: Offer) -> None:
    held = load(one.trust)
    one.revoke(1)
    one.take()
    with watched(one.trust, held) as (put, _):
        assert put.get(timeout=SOON).trust.serial == 2


def test_what_cannot_be_used_is_told_once_and_the_next_is_taken(one: Offer) -> None:
    with watched(one.trust) as (put, told):
        broken = one.trust / "broken"
        broken.mkdir()
        _point(one.trust, "broken")
        text = told.get(timeout=SOON)
        assert "broken/trust-list.json: expected a file that can be read" in text
        assert nothing(told)
        assert put.empty()
        _point(one.trust, "g00000001")
        assert nothing(put), "what came back is what was held all the time"
        one.repository.rotate("timestamp", key("timestamp 2"))
        one.revoke(1)
        one.take()
        assert put.get(timeout=SOON).trust.serial == 2


def test_a_link_that_was_moved_back_changes_nothing(one: Offer) -> None:
    one.revoke(1)
    one.take()
    with watched(one.trust) as (put, told):
        _point(one.trust, "g00000001")
        assert "expected serial 2 or newer, got 1" in told.get(timeout=SOON)
        assert put.empty()


def test_anything_that_goes_wrong_is_told_once_and_tried_again(one: Offer) -> None:
    """A file may only have been unreadable for a moment: nobody need publish or restart for that."""
    told: SimpleQueue[str] = SimpleQueue()
    put: SimpleQueue[Verifier] = SimpleQueue()
    held = load(one.trust)
    one.revoke(1)
    one.take()
    words = iter(("deep", "deep", "deeper", "deep"))

    def fail() -> Verifier:
        if word := next(words, ""):
            raise RecursionError(word)
        return load(one.trust)

    with closing(Watch(one.trust, held, fail, put.put, told.put, EVERY)):
        assert put.get(timeout=SOON).trust.serial == 2
    assert [told.get(), told.get(), told.get()] == ["deep", "deeper", "deep"]
    assert told.empty()


def test_the_interpreter_is_left_as_it_was(one: Offer) -> None:
    before = sys.getswitchinterval()
    during: SimpleQueue[float] = SimpleQueue()

    def look() -> Verifier:
        during.put(sys.getswitchinterval())
        return load(one.trust)

    with closing(Watch(one.trust, load(one.trust), look, lambda _: None, lambda _: None, EVERY)):
        assert during.get(timeout=SOON) == pytest.approx(0.001)
    assert sys.getswitchinterval() == before


def test_a_link_that_vanishes_is_told(one: Offer) -> None:
    with watched(one.trust) as (put, told):
        assert nothing(told)
        (one.trust / "current").unlink()
        assert "expected a file that can be read" in told.get(timeout=SOON)
        assert put.empty()


def test_closing_ends_the_thread(one: Offer) -> None:
    def never() -> Verifier:
        raise TrustError("never")

    watch = Watch(one.trust, load(one.trust), never, lambda _: None, lambda _: None, 1000.0)
    watch.close()
    assert not watch._thread.is_alive()


def _point(trust: Path, name: str) -> None:
    os.symlink(name, trust / "fresh")  # noqa: PTH211 - as short as it gets
    (trust / "fresh").replace(trust / "current")
