"""What a run of the benchmarks found: figures with their targets, as a table for people and as JSON for machines.

`python benchmarks/figures.py FILE` prints such JSON as the Markdown of README.md.
"""

import io
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `target` is the most that it may be (None: only reported); `note` says what it is made of."""

    name: str
    measured: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def share(self) -> float | None:
        """How much of the target is used up; above 1 the target is missed."""
        return None if self.target is None else self.measured / self.target


@dataclass(slots=True)
class Figures:
    """The figures of one run, in the order in which they were found."""

    found: list[Figure] = field(default_factory=list)

    def add(self, name: str, measured: float, unit: str, target: float | None = None, note: str = "") -> float:
        """Keep a figure, and give it back to be asserted on."""
        self.found.append(Figure(name, measured, unit, target, note))
        return measured

    def table(self, width: int) -> str:
        """The table that a person reads."""
        here = machine()
        title = f"figures: {here['processor']}, {here['cores']} cores, load {here['load']:.1f}"
        table = Table("figure", title=title, title_justify="left")
        for column in ("measured", "target", "of target"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("made of")
        for one in self.found:
            target = "" if one.target is None else f"<= {_with_unit(one.target, one.unit)}"
            share = "" if one.share is None else f"{one.share:.2f}"
            table.add_row(one.name, _with_unit(one.measured, one.unit), target, share, one.note)
        out = io.StringIO()
        Console(file=out, width=width).print(table)
        return out.getvalue()

    def save(self, path: Path) -> None:
        """Write the same for machines."""
        figures = [asdict(one) | {"of_target": one.share} for one in self.found]
        path.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2) + "\n")


def markdown(saved: Mapping[str, Any]) -> str:
    """What `save` wrote, as README.md shows it."""
    here = saved["machine"]
    head = f"{here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}, load {here['load']:.1f}"
    lines = [head, "", "| figure | measured | target | of target | made of |", "|---|---:|---:|---:|---|"]
    for one in saved["figures"]:
        target = "" if one["target"] is None else _with_unit(one["target"], one["unit"])
        share = "" if one["of_target"] is None else f"{one['of_target']:.2f}"
        cells = (one["name"], _with_unit(one["measured"], one["unit"]), target, share, one["note"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """What the figures were measured on. `load` is the last minute's; above 1 something else ran beside the benchmarks."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of some values, share 0 to 1."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratios(calls: Mapping[str, Call], to: str, rounds: int, repeats: int = 3) -> dict[str, float]:
    """How long each call takes, as a ratio to the one named `to`.

    Each turn of `repeats` calls stands between two turns of the yardstick and is divided by their mean, for a machine changes its speed from one
    moment to the next; the median of `rounds` such ratios is what a turn costs.
    """
    found: dict[str, list[float]] = {name: [] for name in calls}
    before = _turn(calls[to], repeats)
    for _ in range(rounds):
        for name, call in calls.items():
            took, after = _turn(call, repeats), _turn(calls[to], repeats)
            found[name].append(2 * took / (before + after))
            before = after
    return {name: median(each) for name, each in found.items()}


def _turn(call: Call, repeats: int) -> float:
    return sum(seconds(call) for _ in range(repeats))


def seconds(call: Call) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()


def _processor() -> str:
    """The processor's own name; a Pi says what board it is."""
    for file, key in ((Path("/proc/device-tree/model"), ""), (Path("/proc/cpuinfo"), "model name")):
        if file.exists():
            lines = [line for line in file.read_text().splitlines() if line.startswith(key)]
            if lines:
                return lines[0].rpartition(": ")[2].rstrip("\0")
    return f"{platform.machine()} ({sys.platform})"


if __name__ == "__main__":
    sys.stdout.write(markdown(json.loads(Path(sys.argv[1]).read_bytes())) + "\n")
