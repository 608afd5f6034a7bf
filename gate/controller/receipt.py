"""Latency receipts: when each stage of one clearance was reached, under the same names everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STAGES: Final = ("captured", "decoded", "received", "verified", "decided", "commanded", "moved", "entered", "left")
BUDGET_MS: Final = 2000
"""The most that a clearance may take from captured to commanded."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Stage -> monotonic seconds, in the order in which they were reached."""

    stages: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str, at: float) -> None:
        """Note when a stage was first reached."""
        self.stages.setdefault(stage, at)

    def ms(self) -> Mapping[str, float]:
        """Stage -> milliseconds since captured."""
        captured = self.stages.get("captured", 0.0)
        return {stage: round((self.stages[stage] - captured) * 1e3, 3) for stage in STAGES if stage in self.stages}
