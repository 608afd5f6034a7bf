# ruff: noqa: INP001 - a script and its one module, no package
"""Are the tests any good? Breaks the core in every small way, one at a time, and demands that its tests notice (`mutation.toml` says which).

    .ci/mutation                 the whole tier
    .ci/mutation clock policy    only the modules whose path has one of these words
    .ci/mutation --list clock    the mutants, without running anything

First each module's tests must be green as it is, all of it imported from a copy of the tree, and red with each of its functions broken.
Only then do its mutants count. Exit 1 when one survives that `mutation.toml` does not list, or when it lists one that does not survive.

Our own harness, because what there is does not serve (measured on machine.py and policy.py): mutmut 3.8 (249 mutants, 76 s) leaves code outside
functions as it is, and with it the lane's table, the answers and each byte literal; cosmic-ray 8.7 starts pytest for each mutant in the working
tree (315 mutants at 3.3 s or more, one at a time), removes no statement, row or command and names a mutant by its number in the file; mutatest
2.0 knows Python up to 3.8.
"""

import argparse
import difflib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NoReturn

import grimp
import pytest
from hypothesis import HealthCheck, Phase, settings
from mutation_operators import Mutant, enums_of, gutted, mutants_of
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

ROOT: Final = Path(__file__).resolve().parent.parent
LISTED: Final = Path(__file__).with_suffix(".toml")
LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "recordings", "build", "dist")
MEMORY: Final = 4 << 30
"""A mutant may not take more, in bytes: one that collects for ever is killed too."""
PATIENCE: Final = 3
"""How many times the time of the green run a mutant may take of the processor (and 5 s more) before it counts as killed, however busy the machine."""
KILLERS: Final = 8
"""How many of the tests that killed last are run first."""
WAITING: Final = 300
"""How many seconds it may take by the clock, whatever it waits for."""
PYTEST: Final = (
    *("-x", "-q", "--tb=line", "--assert=plain", "--noconftest", "--rootdir=.", "-o", "addopts="),
    *(
        f"-pno:{name}"
        for name in ("cacheprovider", "faulthandler", "unraisableexception", "threadexception", "junitxml", "logging")
    ),
    *(
        f"-pno:{name}"
        for name in ("doctest", "unittest", "pastebin", "debugging", "stepwise", "setuponly", "setupplan")
    ),
)
"""As little of pytest as the core's tests need: it starts once a mutant. They need no fixture of conftest.py, which imports the whole house."""

SURVIVED: Final = "survived"
KILLED: Final = "killed"
AT_IMPORT: Final = "at import"
TIMED_OUT: Final = "timed out"
NONE: Final = "none"
UNUSED: Final = "unused"
_ENDS: Final = {0: SURVIVED, 1: KILLED, 2: AT_IMPORT, 4: AT_IMPORT, 77: NONE, 78: UNUSED}


@dataclass(frozen=True, slots=True)
class Target:
    """A module and the tests that must notice its mutants, the nearest first."""

    file: str
    tests: tuple[str, ...]
    without: frozenset[str]
    skipped: frozenset[str]

    @property
    def module(self) -> str:
        """Its dotted name."""
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def paths(self) -> list[str]:
        """Its tests' files."""
        return [f"tests/{name}.py" for name in self.tests]


@dataclass(frozen=True, slots=True)
class World:
    """The copy of the tree: what its tests import of it, and what imports what."""

    folder: Path
    modules: tuple[str, ...]
    graph: grimp.ImportGraph

    def unchanged(self, target: Target) -> list[str]:
        """The modules that a mutant of the target cannot change: neither it nor what imports it, however indirectly."""
        changed = {target.module} | self.graph.find_downstream_modules(target.module)
        return [name for name in self.modules if name not in changed]


def main() -> int:
    """Run what the command line asks for; the exit status."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("words", nargs="*", help="only modules whose path has one of these")
    asked.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    asked.add_argument("--all", action="store_true", help="show the listed survivors too")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    told = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    mutants = {
        target: _mutants(target)
        for target in _targets(told)
        if not given.words or any(word in target.file for word in given.words)
    }
    console = Console(soft_wrap=True, highlight=False)
    if given.list:
        for mutant in (mutant for found in mutants.values() for mutant in found):
            console.print(f"{mutant.file}:{mutant.line} {mutant.where}: {mutant.was} -> {mutant.now}", markup=False)
        return 0
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        return _tier(mutants, told, _world(Path(folder), list(mutants)), console, given)


def _targets(told: Mapping[str, Any]) -> Iterator[Target]:
    without = frozenset(entry["test"] for entry in told["without"])
    for file, tests in told["tests"].items():
        skipped = frozenset(entry["where"] for entry in told["skipped"] if entry["file"] == file)
        yield Target(file, tuple(tests), without, skipped)


def _mutants(target: Target) -> list[Mutant]:
    enums = enums_of(path.read_bytes() for path in sorted((ROOT / "gate").rglob("*.py")))
    return list(mutants_of(target.file, (ROOT / target.file).read_bytes(), enums, target.skipped))


def _tier(
    mutants: Mapping[Target, list[Mutant]],
    told: Mapping[str, Any],
    world: World,
    console: Console,
    given: argparse.Namespace,
) -> int:
    began = time.monotonic()
    green = {}
    for target in mutants:
        took = _prove(world, target, given.jobs, console)
        if took is None:
            return 1
        green[target] = took
    console.print(
        f"every baseline is green, and notices when its module is broken or not there ({time.monotonic() - began:.0f} s)"
    )
    listed = told.get("survivor", [])
    ended = {}
    for target, found in mutants.items():
        ended[target] = _ends(world, target, found, green[target], given.jobs, console)
        for mutant, end in ended[target]:
            if end == SURVIVED and (given.all or mutant.name not in {_name(entry) for entry in listed}):
                _show(mutant, console)
    status = _tell(ended, listed, console)
    console.print(f"{time.monotonic() - began:.0f} s")
    return status


# The copy, and what no mutant changes.


def _world(folder: Path, targets: Sequence[Target]) -> World:
    """Copy the tree and go there: from here on nothing touches or imports the working tree."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    (folder / "shared").symlink_to(ROOT.parent / "shared")
    (folder / "scratch").mkdir()
    os.chdir(tree)
    sys.path[:0] = [str(tree / "tests"), str(tree)]
    os.environ |= {
        "PYTHONPATH": str(tree),
        "CI": "true",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "TMPDIR": str(folder / "scratch"),
    }
    quick = settings(
        deadline=None,
        derandomize=True,  # the same survivors from run to run
        database=None,
        phases=(Phase.explicit, Phase.generate),  # that it fails is enough: no smaller example
        suppress_health_check=list(HealthCheck),  # a busy machine kills no mutant
    )
    settings.register_profile("mutation", quick)
    settings.load_profile("mutation")
    return World(folder, _warm(tree, targets), grimp.build_graph("gate", "hardware", cache_dir=None))


def _warm(tree: Path, targets: Sequence[Target]) -> tuple[str, ...]:
    """Import once what is not the tree's; the names of its own modules that the tests import."""
    files = sorted({path for target in targets for path in target.paths})
    report, heard = tree.parent / "scratch" / "modules.json", tree.parent / "scratch" / "collected"
    pid = os.fork()
    if not pid:
        _hush(heard)
        code = pytest.main([*PYTEST, "--collect-only", *files])
        report.write_text(
            json.dumps({name: getattr(module, "__file__", None) for name, module in [*sys.modules.items()]})
        )
        os._exit(int(code))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise SystemExit(
            f"{_last_words(heard)}\nmutation: expected tests that can be collected, got exit status {code} of pytest"
        )
    found = json.loads(report.read_text())
    ours = tuple(name for name, file in found.items() if file and Path(file).is_relative_to(tree))
    stray = [name for name in found if name.partition(".")[0] in ("gate", "hardware") and name not in ours]
    if stray:
        raise SystemExit(f"mutation: expected every module to come from the copy, not {', '.join(stray)}")
    for name in found:
        if name not in ours and name not in sys.modules:
            _import(name)
    return tuple(name for name in ours if name.partition(".")[0] in ("gate", "hardware"))


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - a module that another one made up: whoever needs it makes it again
        return


# One target: a process that has imported what stays the same forks one more for each source.


def _prove(world: World, target: Target, jobs: int, console: Console) -> dict[str, float] | None:
    """How long each test takes on the module as it is; None when they are not green, or stay so without it."""
    source = (ROOT / target.file).read_bytes()
    report = world.folder / "scratch" / f"{target.module}.json"
    ends = dict(_run(world, target, [source, gutted(source), source + b"\nraise SystemError"], {}, jobs, report))
    if ends[0] != SURVIVED:
        console.print(_last_words(report.with_suffix(".heard")), markup=False)
        console.print(
            f"[red]{target.file}: its tests are not green before any mutation[/] ({ends[0]}): pytest -x {' '.join(target.paths)}"
        )
        return None
    if SURVIVED in (ends[1], ends[2]):
        console.print(
            f"[red]{target.file}: its tests do not notice that it is broken[/] ({ends[1]}, {ends[2]}): they test something else"
        )
        return None
    return dict(json.loads(report.read_text()))


def _ends(
    world: World, target: Target, mutants: Sequence[Mutant], took: Mapping[str, float], jobs: int, console: Console
) -> list[tuple[Mutant, str]]:
    began, ends = time.monotonic(), {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(target.file, total=len(mutants))
        for number, end in _run(world, target, [mutant.source for mutant in mutants], took, jobs, None):
            ends[number] = end
            progress.advance(bar)
    if UNUSED in ends.values() or len(ends) < len(mutants):
        raise SystemExit(f"mutation: {target.file}: expected an end of each mutant, got {Counter(ends.values())}")
    console.print(f"{target.file}: {len(mutants)} mutants in {time.monotonic() - began:.0f} s")
    return [(mutant, ends[number]) for number, mutant in enumerate(mutants) if ends[number] != NONE]


def _run(
    world: World, target: Target, sources: Sequence[bytes], took: Mapping[str, float], jobs: int, report: Path | None
) -> Iterator[tuple[int, str]]:
    """How the target's tests end on each source, as they end. The report is of the first."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _hush()
        for name in world.unchanged(target):
            importlib.import_module(name)
        gc.freeze()
        gc.disable()
        _breed(world, target, sources, took, jobs, report, writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            number, end = line.split(maxsplit=1)
            yield int(number), end.strip()
    os.waitpid(pid, 0)


def _breed(
    world: World,
    target: Target,
    sources: Sequence[bytes],
    took: Mapping[str, float],
    jobs: int,
    report: Path | None,
    writing: int,
) -> NoReturn:
    waiting = list(enumerate(sources))[::-1]
    running: dict[int, int] = {}
    killers: list[str] = []
    patience = 5 + PATIENCE * sum(took.values()) if took else WAITING
    while waiting or running:
        while waiting and len(running) < jobs:
            number, source = waiting.pop()
            pid = os.fork()
            if not pid:
                signal.setitimer(signal.ITIMER_PROF, patience)
                signal.alarm(WAITING)
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                os._exit(_test(world, target, source, took, killers, None if number else report))
            running[pid] = number
        pid, status = os.wait()
        killer = _killer(world, pid)
        if killer.exists():  # what killed one is likely to kill the next: the same line, changed otherwise
            killers = [killer.read_text(), *(name for name in killers if name != killer.read_text())][:KILLERS]
            killer.unlink()
        code = os.waitstatus_to_exitcode(status)
        end = TIMED_OUT if -code in (signal.SIGPROF, signal.SIGALRM) else _ENDS.get(code, KILLED)
        os.write(writing, f"{running.pop(pid)} {end}\n".encode())
    os._exit(0)


def _test(
    world: World, target: Target, source: bytes, took: Mapping[str, float], killers: Sequence[str], report: Path | None
) -> int:
    try:
        compile(source, target.file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return 77
    if report is not None:
        _hush(report.with_suffix(".heard"))
    finder, order = _Instead(target, source), _Order(target, took, killers, _killer(world, os.getpid()))
    sys.meta_path.insert(0, finder)
    scratch = world.folder / "scratch" / str(os.getpid())
    code = int(pytest.main([*PYTEST, f"--basetemp={scratch}", *target.paths], plugins=[order]))
    shutil.rmtree(scratch, ignore_errors=True)
    if report is not None:
        report.write_text(json.dumps(order.took))
    if not finder.used:
        return 78
    return code if order.took or not code else 2


def _killer(world: World, pid: int) -> Path:
    return world.folder / "scratch" / f"{pid}.killer"


def _hush(heard: Path = Path(os.devnull)) -> None:
    """Let what this process and its children print go to a file."""
    file = os.open(heard, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _last_words(heard: Path) -> str:
    return "\n".join(heard.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


class _Source(importlib.machinery.SourceFileLoader):
    """Loads a module from bytes that lie nowhere."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._bytes = source

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's code."""
        return compile(self._bytes, self.get_filename(fullname), "exec", dont_inherit=True)


class _Instead(importlib.abc.MetaPathFinder):
    """Finds a module's mutant before anything else finds the module."""

    def __init__(self, target: Target, source: bytes) -> None:
        self._target = target
        self._source = source
        self.used = False

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The mutant, for its own name alone."""
        del path, target
        if fullname != self._target.module:
            return None
        self.used = True
        file = str(Path.cwd() / self._target.file)
        return importlib.util.spec_from_file_location(fullname, file, loader=_Source(fullname, file, self._source))


class _Order:
    """The last killers first, then the nearest tests, of those the quickest; and how long each took."""

    def __init__(self, target: Target, known: Mapping[str, float], killers: Sequence[str], killer: Path) -> None:
        self._killers = {name: place - len(killers) for place, name in enumerate(killers)}
        self._killer = killer
        self._place = {path: place for place, path in enumerate(target.paths)}
        self._without = target.without
        self._known = known
        self.took: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort them, and leave out those that would notice anything."""
        items[:] = [item for item in items if item.name.partition("[")[0] not in self._without]
        items.sort(key=self._when)

    def _when(self, item: pytest.Item) -> tuple[int, int, float]:
        near = self._place[item.nodeid.partition("::")[0]]
        return self._killers.get(item.nodeid, 0), near, self._known.get(item.nodeid, 0.0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what one phase of a test took, and write down which one failed."""
        if report.failed:
            self._killer.write_text(report.nodeid)
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration


# What came of it.


def _tell(ended: Mapping[Target, list[tuple[Mutant, str]]], listed: list[dict[str, Any]], console: Console) -> int:
    known = {_name(entry) for entry in listed if any(entry["file"] == target.file for target in ended)}
    alive = [mutant for ends in ended.values() for mutant, end in ends if end == SURVIVED]
    new = [mutant for mutant in alive if mutant.name not in known]
    gone = known - {mutant.name for mutant in alive}
    console.print(_table(ended, {mutant.name for mutant in new}))
    for name in sorted(gone):
        console.print(
            f"listed as a survivor, but killed or not there any more: {' | '.join(map(str, name))}", markup=False
        )
    console.print(f"{len(new)} survivors are not listed; {len(gone)} are listed and do not survive")
    return 1 if new or gone else 0


def _table(ended: Mapping[Target, list[tuple[Mutant, str]]], new: set[tuple[str, str, str, str, int]]) -> Table:
    table = Table(Column("module", no_wrap=True), "mutants", KILLED, AT_IMPORT, TIMED_OUT, "listed", SURVIVED)
    total: Counter[str] = Counter()
    for target, ends in ended.items():
        counts = Counter("listed" if end == SURVIVED and mutant.name not in new else end for mutant, end in ends)
        total += counts
        table.add_row(
            target.file.removeprefix("gate/"),
            str(counts.total()),
            *(str(counts[key]) for key in (KILLED, AT_IMPORT, TIMED_OUT, "listed", SURVIVED)),
        )
    table.add_section()
    table.add_row(
        "all", str(total.total()), *(str(total[key]) for key in (KILLED, AT_IMPORT, TIMED_OUT, "listed", SURVIVED))
    )
    return table


def _show(mutant: Mutant, console: Console) -> None:
    was = Path(mutant.file).read_text(encoding="utf-8").splitlines()
    for line in difflib.unified_diff(
        was, mutant.source.decode().splitlines(), mutant.file, f"survives in {mutant.where}", n=1, lineterm=""
    ):
        console.print(line, markup=False)
    entry = {"file": mutant.file, "where": mutant.where, "was": mutant.was, "now": mutant.now} | (
        {"nth": mutant.nth} if mutant.nth > 1 else {}
    )
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())
    console.print("\n".join(["[[survivor]]", *lines, 'why = ""', ""]), markup=False)


def _name(entry: Mapping[str, Any]) -> tuple[str, str, str, str, int]:
    return entry["file"], entry["where"], entry["was"], entry["now"], entry.get("nth", 1)


if __name__ == "__main__":
    sys.exit(main())
