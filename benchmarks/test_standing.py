"""Standing: how long the lane hears no symbol when something happens to its scanner, with the real keeper, decoder, socket and processes."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from figures import Figures

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from standing import Standing, standing

_AGAIN_S = 2.0
_ROUNDS = 3
_FAULTS = {
    "decoder loops for ever": "loops",
    "decoder aborts": "aborts",
    "decoder segfaults": "segfaults",
    "decoder leaks slowly": "leaks",
    "decoder leaks at once": "leaks at once",
    "camera hangs": "hangs",
    "camera stalls": "stalls",
    "camera tears": "tears",
    "camera vanishes and is back": "vanishes",
}
_SIGNALS: dict[str, tuple[signal.Signals, Callable[[Standing], int], Callable[[int, int], None]]] = {
    "SIGKILL to the worker": (signal.SIGKILL, lambda kept: kept.worker, os.kill),
    "SIGSTOP to the worker": (signal.SIGSTOP, lambda kept: kept.worker, os.kill),
    "SIGKILL to the keeper": (signal.SIGKILL, lambda kept: kept.keeper, os.kill),
    "SIGSTOP to the keeper": (signal.SIGSTOP, lambda kept: kept.keeper, os.kill),
    "SIGKILL to both": (signal.SIGKILL, lambda kept: kept.keeper, os.killpg),
    "SIGSTOP to both": (signal.SIGSTOP, lambda kept: kept.keeper, os.killpg),
}


@pytest.mark.parametrize(("name", "fault"), _FAULTS.items(), ids=list(_FAULTS))
def test_a_fault_of_decoder_or_camera(figures: Figures, name: str, fault: str) -> None:
    _told(figures, name, [_outage(fault, lambda kept: kept.arm()) for _ in range(_ROUNDS)])


@pytest.mark.parametrize(("name", "sent"), _SIGNALS.items(), ids=list(_SIGNALS))
def test_a_signal(
    figures: Figures,
    name: str,
    sent: tuple[signal.Signals, Callable[[Standing], int], Callable[[int, int], None]],
) -> None:
    number, whom, send = sent
    _told(figures, name, [_outage("", lambda kept: send(whom(kept), number)) for _ in range(_ROUNDS)])


def _outage(fault: str, happen: Callable[[Standing], None]) -> float:
    with tempfile.TemporaryDirectory(prefix="gate-") as folder, standing(Path(folder), fault) as kept:
        return kept.outage(lambda: happen(kept))


def _told(figures: Figures, name: str, outages: list[float]) -> None:
    note = f"longest without a symbol, worst of {len(outages)}, median {median(outages):.2f} s"
    assert figures.add(f"{name}: reading again", max(outages), "s", _AGAIN_S, note) <= _AGAIN_S
