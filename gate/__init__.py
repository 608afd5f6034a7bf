"""The controller of one automated border-clearance lane."""

from typing import Final

__version__ = "0.1.0"

RELEASED: Final = 1793577600.0
"""The day of this version's release, 2026-11-02 (Unix seconds, midnight UTC): no clock that says an earlier time is right."""
