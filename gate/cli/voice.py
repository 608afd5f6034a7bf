"""What a rehearsal says: one line a traveller and the summary on stdout, progress and talk on stderr."""

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gate.rehearsal.scene import Result, Scene, summary

_BEFORE_THE_BARRIER: Final = ("decoded", "received", "verified", "decided", "commanded")
_AFTER: Final = ("moved", "entered", "left")


class Voice:
    """The audience of a rehearsal."""

    def __init__(self, travellers: int, as_json: bool) -> None:  # noqa: FBT001 - argparse's own
        self._as_json = as_json
        self._out = Console(soft_wrap=True, highlight=False)
        talk = Console(stderr=True, soft_wrap=True, highlight=False)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        # Drawn when something happens: a thread that draws by itself would take the interpreter from the lane.
        self._progress = Progress(
            *columns, console=talk, transient=True, auto_refresh=False, disable=not talk.is_terminal
        )
        self._task = self._progress.add_task("", total=travellers)

    def __enter__(self) -> Self:
        """Show the progress."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self._progress.stop()

    def began(self, scene: Scene) -> None:
        """Name who is coming."""
        self._progress.update(self._task, description=escape(scene.title), refresh=True)

    def ended(self, result: Result) -> None:
        """One line for a traveller."""
        self._progress.advance(self._task)
        if self._as_json:
            self._print_json(result.as_json())
        else:
            self._out.print(_line(result))

    def told(self, text: str) -> None:
        """Talk."""
        self._progress.console.print(f"gate: {escape(text)}")

    def sum_up(self, results: Sequence[Result]) -> None:
        """The summary."""
        self._progress.stop()
        content = summary(results)
        if self._as_json:
            self._print_json({"summary": content})
            return
        self._out.print(_reasons(results))
        self._out.print(_latency(content))

    def _print_json(self, content: Mapping[str, object]) -> None:
        self._out.out(json.dumps(content), highlight=False)


def _line(result: Result) -> str:
    mark = "[green]✓[/]" if result.as_expected else "[red]✗[/]"
    said = f"{result.outcome} ({result.reason})" if result.reason not in (None, "cleared") else result.outcome
    wanted = "" if result.as_expected else f" [red]expected {result.scene.outcome} ({result.scene.reason})[/]"
    stages = " ".join(
        f"{stage} {result.receipt_ms[stage]:.1f}" for stage in _BEFORE_THE_BARRIER if stage in result.receipt_ms
    )
    walk = " ".join(f"{stage} {result.receipt_ms[stage]:.0f}" for stage in _AFTER if stage in result.receipt_ms)
    receipt = f"[dim]{stages}{' | ' if walk else ''}{walk}{' ms' if stages else ''}[/]"
    return f"{mark} {result.scene.name:<24} {said:<26}{wanted} {receipt}"


def _reasons(results: Sequence[Result]) -> Table:
    table = Table("reason", "travellers", title="How they ended")
    reasons = [result.reason or result.outcome for result in results]
    for reason in sorted(set(reasons), key=lambda reason: (reason != "cleared", reason)):
        table.add_row(reason, str(reasons.count(reason)))
    return table


def _latency(content: Mapping[str, object]) -> str:
    took = content["captured_to_commanded_ms"]
    shares = took if isinstance(took, Mapping) else {}
    figures = ", ".join(f"{name} {'-' if value is None else f'{value:.1f}'}" for name, value in shares.items())
    return (
        f"{content['as_expected']} of {content['travellers']} as expected; "
        f"captured to commanded, ms: {figures} (budget {content['budget_ms']})"
    )
