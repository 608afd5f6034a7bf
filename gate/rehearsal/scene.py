"""What is played, and how each traveller ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from gate.controller.receipt import BUDGET_MS

UNREAD: Final = "unread"


@dataclass(frozen=True, slots=True)
class Scene:
    """One recording: its folder, the Unix time of its first frame, its length in seconds, and what it expects (None: nothing)."""

    name: str
    title: str
    folder: str
    wall: float
    seconds: float
    outcome: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """How a traveller ended. `walked`: the barrier let them in and they left; `receipt_ms` is milliseconds since captured."""

    scene: Scene
    outcome: str
    reason: str | None
    walked: bool
    receipt_ms: Mapping[str, float]

    @property
    def as_expected(self) -> bool:
        """Whether it ended as its recording expects; who was cleared must have walked, and nobody else may have."""
        scene = self.scene
        said = scene.outcome is None or (scene.outcome, scene.reason) == (self.outcome, self.reason)
        return said and self.walked == (self.outcome == "cleared")

    def as_json(self) -> dict[str, object]:
        """The line of `gate rehearse --json`."""
        return {
            "traveller": self.scene.name,
            "expected": self.scene.outcome,
            "expected_reason": self.scene.reason,
            "outcome": self.outcome,
            "reason": self.reason,
            "as_expected": self.as_expected,
            "receipt_ms": dict(self.receipt_ms),
        }


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile, or None of nothing."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)] if ranked else None


def summary(results: Sequence[Result]) -> dict[str, object]:
    """The summary of a rehearsal, captured to commanded against the budget."""
    commanded = [result.receipt_ms["commanded"] for result in results if "commanded" in result.receipt_ms]
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        "travellers": len(results),
        "as_expected": sum(result.as_expected for result in results),
        "captured_to_commanded_ms": {name: percentile(commanded, share) for name, share in shares.items()},
        "budget_ms": BUDGET_MS,
    }
