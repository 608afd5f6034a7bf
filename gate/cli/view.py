"""How `gate aim` looks: the camera's view in half blocks, a bar for each figure with the line to aim for, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from gate.cli.gauge import AIM_CONTRAST, AIM_SHARPNESS, GOOD_SHARE, LIGHT_SHARE, State
from hardware.sighting import AIM_PX

Grey = NDArray[np.uint8]

COLUMNS: Final = 60  # of the picture, two pixels high each
NEEDED: Final = (66, 34)  # columns and rows of a terminal that the picture fits into
_BAR: Final = 24
_GREYS: Final = 24  # of the 256 colours that every terminal has
_MARK: Final = 255


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as a bar: its name, value and words, the end of the bar, and the line to aim for."""

    name: str
    value: float
    words: str
    full: float
    aim: float


def figures(state: State) -> tuple[Figure, ...]:
    """The figures of a frame; those of the code are left out where there is none."""
    code, share = state.reading.code, state.share
    of_all = Figure("frames read", share, f"{share:.0%} of the last 2 s", 1.0, GOOD_SHARE)
    if code is None:
        return (of_all,)
    return (
        Figure("pixels per module", code.module_px, f"{code.module_px:.1f}", 2 * AIM_PX, AIM_PX),
        Figure("sharpness", code.sharpness, f"{code.sharpness:.2f}", 2 * AIM_SHARPNESS, AIM_SHARPNESS),
        Figure("contrast", code.contrast, f"{code.contrast:.0%}", 1.0, AIM_CONTRAST),
        Figure("saturated", code.saturation, f"{code.saturation:.0%}, at most {LIGHT_SHARE:.0%}", 1.0, LIGHT_SHARE),
        of_all,
    )


def bar(value: float, full: float, aim: float, width: int = _BAR) -> str:
    """A bar of `width` characters, filled by value / full, with the line to aim for in it."""
    filled = round(width * min(max(value / full, 0), 1))
    line = min(round(width * aim / full), width - 1)
    cells = "█" * filled + "·" * (width - filled)
    return cells[:line] + "│" + cells[line + 1 :]


def line(state: State) -> str:
    """A frame in one line, for where there is no terminal."""
    parts = [f"{figure.name} {figure.words}" for figure in figures(state)]
    return f"{', '.join(parts)}, {state.fps:.1f} fps, age {1e3 * state.reading.age:.0f} ms: {state.advice}"


def page(state: State, camera: str, grey: Grey | None) -> RenderableType:
    """The whole view; without the picture where `grey` is None."""
    table = Table.grid(padding=(0, 1))
    for figure in figures(state):
        good = (figure.value >= figure.aim) != (figure.name == "saturated")
        table.add_row(
            figure.name, Text(bar(figure.value, figure.full, figure.aim), "green" if good else "yellow"), figure.words
        )
    table.add_row(
        "score",
        Text(bar(state.score, 1, 1), "cyan"),
        f"{state.score:.2f}; {state.fps:.1f} fps, age {1e3 * state.reading.age:.0f} ms",
    )
    told = Text(state.advice, "bold green" if state.reading.read else "bold yellow")
    below = (table, told, Text(camera, "dim"))
    if grey is None:
        return Group(*below)
    code = state.reading.code
    return Group(picture(grey, code.outline if code else (), read=state.reading.read), *below)


def picture(grey: Grey, outline: Sequence[tuple[float, float]], *, read: bool) -> Text:
    """The frame as half blocks of 24 greys, COLUMNS wide, and the code's outline in it: green where it is read."""
    small, mark = _small(grey, outline)
    colour = "green" if read else "yellow"
    shades = small.astype(int) * (_GREYS - 1) // 255 + 256 - _GREYS  # the last of the 256 colours
    names = np.where(mark, colour, np.char.add("color(", np.char.add(shades.astype(str), ")")))
    text = Text(no_wrap=True)
    for upper, lower in zip(names[::2], names[1::2], strict=True):
        for (above, below), cells in groupby(zip(upper.tolist(), lower.tolist(), strict=True)):
            text.append("▀" * len(list(cells)), Style.parse(f"{above} on {below}"))
        text.append("\n")
    return text


def _small(grey: Grey, outline: Sequence[tuple[float, float]]) -> tuple[Grey, NDArray[np.bool_]]:
    """The frame at COLUMNS wide and an even height, and where the outline is in it."""
    height, width = grey.shape
    rows = max(2, round(height * COLUMNS / width / 2) * 2)
    small = np.asarray(cv2.resize(grey, (COLUMNS, rows), interpolation=cv2.INTER_AREA), np.uint8)
    mark = np.zeros_like(small)
    if outline:
        corners = np.array(outline) * (COLUMNS / width, rows / height)
        cv2.polylines(mark, [np.rint(corners).astype(np.int32)], isClosed=True, color=_MARK)
    return small, mark > 0
