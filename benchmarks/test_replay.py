"""Replay and anti-passback of a day of 100,000 credentials: memory, look-up, the write before a release, and taking it all back."""

import gc
import os
import subprocess
import sys
import tracemalloc
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from figures import Figures, percentile, seconds

from gate.controller.passages import Passages
from gate.credential.claims import Presentation
from gate.lane.replay import Replay

_DAY_S = 86_400.0
_CREDENTIALS = 100_000
_ROUNDS = 2_000
_NOW = 1_793_606_400
_MEMORY_MB = 32.0
_LOOK_UP_US = 20.0
_BOOT = bytes(range(16))


def _shown(number: int) -> Presentation:
    cti = number.to_bytes(12)
    return Presentation(bytes(8), cti, _NOW + number, bytes(8), "HZMB-HK", "MO-PR", 1 << 32, 0, "urn:uto:mo", 1)


def _pass(replay: Replay, passages: Passages, number: int) -> None:
    """What the lane does with a cleared presentation: reserve, keep, and later commit."""
    passage = replay.open(_shown(number), _NOW + number * _DAY_S / _CREDENTIALS)
    assert passage is not None
    passages.keep(passage)
    replay.commit()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of passages on disk, one a credential, with an interval of a day."""
    folder = tmp_path_factory.mktemp("day")
    replay = Replay(_DAY_S, 131_072)
    passages = Passages(folder, _BOOT, replay)
    for number in range(_CREDENTIALS):
        _pass(replay, passages, number)
        passages.tidy(_NOW + number * _DAY_S / _CREDENTIALS)
    passages.close()
    return folder


def test_memory(day: Path, figures: Figures) -> None:
    tracemalloc.start()
    replay = Replay(_DAY_S, 131_072)
    passages = Passages(day, _BOOT, replay)
    gc.collect()
    held, most = (size / 1e6 for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    passages.close()
    assert len(replay) == _CREDENTIALS
    figures.add("replay, memory while taken back, most", most, "MB", None, "as Python's allocator counts")
    held = figures.add("replay, memory", held, "MB", _MEMORY_MB, f"{len(replay)} credentials, {len(replay.keys)} keys")
    assert held <= _MEMORY_MB


_RESIDENT = """
import sys
from pathlib import Path
from gate.controller.passages import Passages
from gate.lane.replay import Replay
def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
before = resident()
replay = Replay(86400.0, 131072)
Passages(Path(sys.argv[1]), bytes(range(16)), replay)
assert len(replay) == 100000
print(resident() - before)
"""


def test_resident_memory(day: Path, figures: Figures) -> None:
    command = [sys.executable, "-c", _RESIDENT, str(day)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own command
    grown = figures.add(
        "replay, resident memory", float(done.stdout), "MB", _MEMORY_MB, "a process's growth, files read and all"
    )
    assert grown <= _MEMORY_MB


def test_on_disk(day: Path, figures: Figures) -> None:
    size = sum(path.stat().st_size for path in day.iterdir()) / 1e6
    figures.add("replay, on disk", size, "MB", None, f"{len(list(day.iterdir()))} files")


def test_times(day: Path, figures: Figures) -> None:
    replay = Replay(_DAY_S, 131_072)
    opened: list[Passages] = []
    back = seconds(lambda: opened.append(Passages(day, _BOOT, replay)))
    figures.add("replay, taken back at a start", back, "s", None, f"{len(replay)} credentials")
    (passages,) = opened
    known, strangers = (iter([_shown(start + number * 37) for number in range(_ROUNDS)]) for start in (0, 1_000_000))
    wall = _NOW + _DAY_S
    looks = [seconds(lambda: replay.judge(next(known), wall)) * 1e6 for _ in range(_ROUNDS)]
    looks += [seconds(lambda: replay.judge(next(strangers), wall)) * 1e6 for _ in range(_ROUNDS)]
    number = count(200_000)
    passes = [seconds(lambda: _pass(replay, passages, next(number))) * 1e6 for _ in range(_ROUNDS)]
    tidies = [seconds(lambda: passages.tidy(wall)) * 1e6 for _ in range(_ROUNDS)]
    syncs = [seconds(passages.sync) * 1e3 for _ in range(20)]
    passages.close()
    note = f"among {_CREDENTIALS} credentials, {os.cpu_count()} cores shared"
    figures.add("replay, look-up, p99", percentile(looks, 0.99), "us", None, note)
    figures.add(
        "replay, reserved, written and committed", median(passes), "us", None, "one write, no sync; the commit is later"
    )
    figures.add("replay, looking whether to forget", median(tidies), "us", None, "once a step")
    figures.add("replay, sync, by a thread of its own", median(syncs), "ms", None, "fdatasync")
    look = figures.add("replay, look-up", median(looks), "us", _LOOK_UP_US, note)
    assert look <= _LOOK_UP_US
