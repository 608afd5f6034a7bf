"""Draws a family of hard presentations once, on all cores, and keeps it: what is slow to draw is read back in a moment.

Two minutes and half a gigabyte a seed on two cores: twenty frames of each presentation, without loss, for their noise is what makes them hard.

`python benchmarks/presentations.py FOLDER --seed N` writes a few single frames of each, as PNG, and what they say: to look at, and for `gate decode`.

Kept below the folder for temporary files that outlive a restart, under a hash of everything that draws; what another hash left there is removed.
"""

import hashlib
import json
import os
import shutil
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gate import specimen
from gate.specimen.hard import Presentation, family

Grey = NDArray[np.uint8]

STRENGTHS = 2
"""Presentations of each kind."""
NUMBERS = range(8, 28)
"""The frames of its thirty that are drawn: from where most phones have just come to the middle of the lane."""
STILLS = (11, 17, 25)
"""Frames of a presentation that stand for photographs: the phone has come, and the hand has moved on from one to the next."""

_KEPT = Path(os.environ.get("XDG_CACHE_HOME", "/var/tmp"))  # noqa: S108 - what is kept there is no secret, and it is named by its hash
_PREFIX = "echannel-presentations-"
_PNG = (
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_AVG,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
)
"""Measured: 0.4 MB and 20 ms a frame, where the usual settings take 0.44 MB and 44 ms; noise has nothing that repeats."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A presentation and the folder of its frames, a PNG each."""

    presentation: Presentation
    folder: Path

    @property
    def times(self) -> tuple[float, ...]:
        """When each of its frames was captured, in seconds from the first."""
        every = self.presentation.draft.shot.times
        return tuple(every[number] - every[NUMBERS[0]] for number in NUMBERS)

    @property
    def frames(self) -> list[Grey]:
        """All its frames, in order."""
        return [self.frame(number) for number in NUMBERS]

    def frame(self, number: int) -> Grey:
        """One of NUMBERS."""
        return np.asarray(cv2.imread(str(_file(self.folder, number)), cv2.IMREAD_GRAYSCALE), np.uint8)

    @property
    def wanted(self) -> frozenset[str]:
        """What may be read of it."""
        return frozenset(self.presentation.texts)


def drawn(seed: int, strengths: int = STRENGTHS) -> Iterator[Shown]:
    """The family of a seed, one after the other as they are ready."""
    folder = _folder() / f"{seed}-{strengths}"
    folder.mkdir(parents=True, exist_ok=True)
    shown = [Shown(one, folder / one.name) for one in family(seed, strengths)]
    if all(one.folder.exists() for one in shown):
        yield from shown
        return
    # a fresh interpreter, as a forked one would share this one's OpenCV threads
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as cores:
        yield from cores.map(_draw, shown)


def export(shown: Iterable[Shown], folder: Path) -> None:
    """Write single frames as PNG, and manifest.json: [{"path", "texts", "kind", "strength"}]."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for one in shown:
        told = one.presentation
        for number in STILLS:
            path = f"{told.name}-{number:02}.png"
            shutil.copyfile(_file(one.folder, number), folder / path)
            rows.append({"path": path, "texts": told.texts, "kind": told.kind, "strength": told.strength})
    (folder / "manifest.json").write_text(json.dumps(rows, indent=1) + "\n")


def _draw(shown: Shown) -> Shown:
    if shown.folder.exists():
        return shown
    cv2.setNumThreads(1)
    unfinished = shown.folder.with_name(f"{shown.folder.name}.{os.getpid()}")
    unfinished.mkdir()
    for number, frame in zip(NUMBERS, shown.presentation.frames(NUMBERS), strict=True):
        cv2.imwrite(str(_file(unfinished, number)), frame, _PNG)
    unfinished.replace(shown.folder)
    return shown


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:02}.png"


def _folder() -> Path:
    """Where this version's drawings are kept; those of other versions go."""
    code = hashlib.sha256()
    for part in sorted(Path(specimen.__file__).parent.glob("*.py")):
        code.update(part.read_bytes())
    code.update(f"{np.__version__} {cv2.__version__} {NUMBERS} PNG".encode())
    folder = _KEPT / f"{_PREFIX}{code.hexdigest()[:16]}"
    for other in _KEPT.glob(f"{_PREFIX}*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


if __name__ == "__main__":
    parser = ArgumentParser(description="write single frames of hard presentations")
    parser.add_argument("folder", type=Path, help="where to write them")
    parser.add_argument("--seed", type=int, default=1, help="another one draws others of the same kinds")
    asked = parser.parse_args()
    export(drawn(asked.seed), asked.folder)
