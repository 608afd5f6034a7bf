"""What several tests stand on: a specimen world of fixed keys, made once."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import plant as plants
import pytest
from hypothesis import settings
from plant import Plant, WoundClock

from gate.cli import assembly
from gate.config import Config
from gate.credential.verifier import Verifier
from gate.specimen.cases import Specimen

# A person waits for the tests; CI does not, and tries the usual hundred, the same ones every time.
settings.register_profile("quick", max_examples=40)
if "CI" not in os.environ:
    settings.load_profile("quick")


@dataclass(frozen=True, slots=True)
class World:
    """A specimen lane's folder, configuration, keys and verifier."""

    folder: Path
    settings: Config
    specimen: Specimen
    judge: Verifier


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("specimen")
    settings = plants.new_lane(folder)
    return World(folder, settings, Specimen.from_seed(plants.SEED), assembly.verifier(settings))


Open = Callable[..., Plant]


@pytest.fixture
def make(world: World, tmp_path: Path) -> Iterator[Open]:
    """Lanes that have not begun yet, each on a journal of its own unless it is given one; closed after the test."""
    with ExitStack() as stack:
        number = iter(range(1000))
        made: list[Plant] = []

        def make(
            clock: WoundClock | None = None,
            journal: Path | None = None,
            judge: Verifier | None = None,
            boot: bytes = plants.BOOT,
        ) -> Plant:
            folder = journal or tmp_path / f"journal-{next(number)}"
            kept = msgspec.structs.replace(world.settings.journal, folder=str(folder))
            settings = msgspec.structs.replace(world.settings, journal=kept)
            for before in made:  # the process that it was is gone: its thread must not work beside the next one's
                before.end_sync()
            made.append(stack.enter_context(plants.plant(settings, judge or world.judge, clock, boot=boot)))
            return made[-1]

        yield make


@pytest.fixture
def lane(make: Open) -> Plant:
    """A lane at standby."""
    opened = make()
    opened.controller.start()
    opened.wind(1.0)
    return opened


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=5)  # noqa: S603 - our own command
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield disk
    subprocess.run(["/bin/umount", "--lazy", str(disk)], check=True, timeout=5)  # noqa: S603 - our own command
