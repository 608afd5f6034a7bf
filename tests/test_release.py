"""When this version was released: the first floor of every clock."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import gate

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
HEADING = re.compile(r"^## \[(?P<version>[^]]+)](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)


def test_the_release_is_the_changelogs() -> None:
    """A version that is not out yet may count from any day that is past, but not from before the last one's."""
    dates = {found["version"]: found["date"] for found in HEADING.finditer(CHANGELOG.read_text())}
    released = datetime.fromtimestamp(gate.RELEASED, UTC)
    assert (released.hour, released.minute, released.second) == (0, 0, 0)
    assert time.time() > gate.RELEASED
    if dates.get(gate.__version__):
        assert released.date().isoformat() == dates[gate.__version__]
    else:
        assert released.date().isoformat() >= max(filter(None, dates.values()), default="")
