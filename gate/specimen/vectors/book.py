"""All vectors and worlds, as files."""

from collections.abc import Iterator
from itertools import chain

from gate.specimen.vectors import keys, lane, layers, wire
from gate.specimen.vectors.case import Case, page
from gate.specimen.vectors.worlds import WORLDS


def cases() -> Iterator[Case]:
    """Every vector."""
    return chain(wire.cases(), layers.cases(), keys.cases(), lane.cases())


def files() -> Iterator[tuple[str, bytes]]:
    """Every file's name below the vectors' folder, and its bytes. Raises ValueError for two of one name."""
    seen: set[str] = set()
    for case in cases():
        if case.file in seen:
            raise ValueError(f"expected each name once, got {case.file} twice")
        seen.add(case.file)
        yield case.file, page(case).encode()
    for name, world in WORLDS.items():
        for file, data in world.files():
            yield f"worlds/{name}/{file}", data
