"""`python -m gate.specimen.vectors DIR`."""

import sys
from pathlib import Path

from gate.specimen.vectors.book import files


def write(folder: Path) -> int:
    """Write every vector and every world; how many files that were."""
    made = dict(files())
    for name, data in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return len(made)


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one folder
        sys.exit("usage: python -m gate.specimen.vectors DIR")
    print(f"{write(Path(sys.argv[1]))} files")  # noqa: T201 - the result
