"""Where the benchmarks find what they measure, and where their figures are told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import pytest
from figures import Call, Figures
from presentations import STILLS, STRENGTHS, Shown, drawn
from reading import Still
from rich.progress import track

from gate import config
from gate.cli import assembly
from gate.cli.specimen import write
from gate.config import Config
from gate.credential import cose
from gate.credential.armor import unarmor
from gate.credential.claims import parse_key_binding
from gate.credential.keys import ControlPointKey
from gate.credential.verifier import Verifier
from gate.specimen.cases import REHEARSAL_SEED, Specimen
from gate.specimen.hard import KINDS
from gate.specimen.traveller import DAY
from hardware import recording, video

HERE = Path(__file__).parent
NOW = 1793606400
"""Unix seconds at which every code of these benchmarks is made: a day that no clock is asked for."""

_SHIPPED = (14, None, 6)
"""The phone frames of a recording: from the fifteenth on, when the phone is there, every sixth."""
_WEAK = 0.5
"""The strength up to which frames of presentations are among the phone frames: one frame alone has no others to help it."""

_FIGURES = pytest.StashKey[Figures]()


@dataclass(frozen=True, slots=True)
class SpecimenLane:
    """A lane on disk and the world whose codes it reads."""

    settings: Config
    specimen: Specimen
    verifier: Verifier


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("figures")
    group.addoption("--figures", metavar="FILE", type=Path, help="write the table of figures there as JSON")
    group.addoption(
        "--recordings", metavar="DIR", type=Path, default=HERE / "recordings", help="recordings (default: the shipped)"
    )
    group.addoption(
        "--seed",
        metavar="N",
        type=int,
        default=1,
        help="of the hard presentations: another one draws others of the same kinds",
    )
    group.addoption(
        "--photos",
        metavar="DIR",
        type=Path,
        default=HERE.parents[1] / "shared" / "photos",
        help="photographs and their manifest.csv, which are not shipped",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash[_FIGURES]
    if not figures.found:
        return
    terminalreporter.write_line("")
    terminalreporter.write(figures.table(max(100, terminalreporter._tw.fullwidth)))  # noqa: SLF001 - pytest gives the width nowhere else
    if (path := config.getoption("--figures")) is not None:
        figures.save(path)


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where a benchmark leaves its figures."""
    return request.config.stash[_FIGURES]


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> Path:
    """The folder of recordings. They are shipped: without them the benchmarks fail."""
    folder: Path = request.config.getoption("--recordings")
    if not any(folder.glob("*/recording.toml")):
        pytest.fail(f"{folder}: expected recordings; make them with `python benchmarks/record.py {folder}`")
    return folder


@pytest.fixture(scope="session")
def photos(request: pytest.FixtureRequest) -> Path:
    """The folder of real photographs, which are not shipped."""
    folder: Path = request.config.getoption("--photos")
    if not (folder / "manifest.csv").exists():
        pytest.skip(f"{folder}: no photographs there; name a folder with --photos")
    return folder


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """From which the hard presentations are drawn."""
    return int(request.config.getoption("--seed"))


@pytest.fixture(scope="session")
def shown(seed: int, request: pytest.FixtureRequest) -> list[Shown]:
    """The hard presentations, drawn in about two minutes where they are not kept from the last time."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        count = len(KINDS) * STRENGTHS
        return list(track(drawn(seed), f"drawing presentations of seed {seed}", total=count, transient=True))


@pytest.fixture(scope="session")
def phone_frames(shown: Sequence[Shown], recordings: Path) -> list[Still]:
    """The project's own phone frames: of the shipped day, and of the weaker presentations."""
    day = Specimen.from_seed(REHEARSAL_SEED)
    texts = {comer.name: frozenset(comer.texts(day)) for comer in DAY}
    shipped = [
        Still(frame, texts[one.name])
        for one in recording.find(recordings)
        for frame in islice(video.read(one), *_SHIPPED)
    ]
    weak = [one for one in shown if one.presentation.strength <= _WEAK]
    return [
        *shipped,
        *(Still(one.frame(number), frozenset(one.presentation.texts)) for one in weak for number in STILLS),
    ]


@pytest.fixture(scope="session")
def lane(tmp_path_factory: pytest.TempPathFactory) -> SpecimenLane:
    """A specimen lane as `gate specimen new` makes it, always the same."""
    folder = tmp_path_factory.mktemp("lane")
    specimen = Specimen.from_seed(b"benchmarks")
    write(folder, specimen, NOW - 3600)
    settings = config.load(folder / "gate.toml")
    return SpecimenLane(settings, specimen, assembly.verifier(settings))


@pytest.fixture(scope="session")
def bare(lane: SpecimenLane) -> Call:
    """The yardstick: `cryptography` alone verifies the issuer's Ed25519 signature of a code."""
    point, issuer = lane.specimen.kit.point, lane.specimen.kit.macau
    envelope = cose.parse_encrypt0(unarmor(lane.specimen.code("cleared", NOW)))
    shown = parse_key_binding(cose.open_encrypt0(envelope, ControlPointKey(point.key, point.public)))
    signed, public = shown.credential.message, issuer.key.public_key()
    signature, message = signed.signature, signed.signed()
    return lambda: public.verify(signature, message)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """OpenCV on one thread, as in the scanner."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)
