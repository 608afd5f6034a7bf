"""Throws mutants at the verdict and judges what becomes of them: `python tests/attack.py --count 1000000`, seeded, on every core.

What comes of each must be what the reference verdict (tests/reference.py) says, for the same reason and of the same presentation; no
exception may come out of the verdict, nor be swallowed by its net; none may take more than 5 ms of CPU time; and no code that was spent
passes again under another signature or seal. `--prove` first weakens a copy of the verifier in several ways and wants each one found.
"""

import argparse
import ast
import inspect
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Final

import reference
from forge import AT, FILES, KEY, KIT, NOW, PLACE, TRUST, URI, VERIFIER
from mutate import CODES, CONFUSED, drawn_list, drawn_status, numbered
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import gate
from gate.credential import verifier
from gate.credential.reasons import Reason
from gate.credential.status import StatusList, load_status_list
from gate.credential.trust import build_trust, parse_trust_list
from gate.credential.verifier import Moment, Verdict
from gate.errors import TrustError
from gate.lane.replay import Replay

Verify = Callable[[str, Moment], Verdict]
Expected = tuple[Reason, reference.Facts | None]
MOST_S: Final = 0.005
"""What no input may take, in seconds of CPU time."""


def spent() -> Replay:
    """A lane's memory after every good code passed once."""
    replay = Replay(60.0, 100)
    for code in CODES:
        presentation = VERIFIER.verify(code.text, NOW).presentation
        if presentation is None:
            raise LookupError("expected good codes to be cleared; nothing can be shown with these")
        replay.open(presentation, NOW.wall)
        replay.commit()
    return replay


def bare(source: ModuleType = verifier) -> Verify:
    """The verdict without its net: the verifier's own source, less its one `except Exception`, so that what the net hides comes out."""
    tree = ast.parse(inspect.getsource(source))
    nets = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and any(map(_is_net, node.handlers))]
    if len(nets) != 1:
        raise LookupError(f"expected one net in {source.__name__}, got {len(nets)}")
    nets[0].handlers = [handler for handler in nets[0].handlers if not _is_net(handler)]
    module = ModuleType("bare_verifier")
    sys.modules[module.__name__] = module  # dataclasses look there
    exec(compile(tree, f"{source.__file__} without its net", "exec"), module.__dict__)  # noqa: S102 - our own source
    verify: Verify = module.Verifier(TRUST, {KIT.point.kid: KEY}, PLACE).verify
    return verify


def _is_net(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


@dataclass(slots=True)
class Judge:
    """Throws texts at a verdict and says what must not be. `slowest` in seconds of CPU time, the best of five where it was slow."""

    verify: Verify = VERIFIER.verify
    bare: Verify = field(default_factory=bare)
    spent: Replay = field(default_factory=spent)
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def faults(self, text: str, expected: Expected) -> Iterator[str]:
        """Nothing, where all is well."""
        began = time.perf_counter()  # never less than the thread's own time, which some machines take 0.2 ms to tell
        try:
            verdict = self.verify(text, NOW)
        except BaseException as error:  # noqa: BLE001 - Rust's panics are no Exceptions
            yield f"an exception came out of the verdict: {error!r}"
            return
        took = time.perf_counter() - began
        self.reasons[verdict.reason] += 1
        yield from self._slow(text, took)
        yield from _wrong(verdict, *expected)
        yield from self._passes_again(verdict)
        if verdict.reason is Reason.MALFORMED:
            yield from self._caught(text, verdict)

    def _slow(self, text: str, took: float) -> Iterator[str]:
        if took > max(self.slowest, MOST_S / 2):
            took = min(self._time(text) for _ in range(5))
        self.slowest = max(self.slowest, took)
        if took > MOST_S:
            yield f"the verdict took {took * 1e3:.1f} ms"

    def _time(self, text: str) -> float:
        began = time.thread_time()
        self.verify(text, NOW)
        return time.thread_time() - began

    def _passes_again(self, verdict: Verdict) -> Iterator[str]:
        """A credential that passed passes no second time at once, however its code was signed, sealed or written again."""
        shown = verdict.presentation
        again = verdict.reason is Reason.CLEARED and shown is not None and (shown.issuer_kid, shown.cti) in _SPENT
        if again and self.spent.judge(shown, NOW.wall) is None:
            yield "a spent code passes again"

    def _caught(self, text: str, verdict: Verdict) -> Iterator[str]:
        """Whether the net answered: nothing but a refusal may be the answer."""
        try:
            if self.bare(text, NOW) != verdict:
                yield "the verdict is another without its net"
        except BaseException as error:  # noqa: BLE001 - whatever the net would have caught, and more
            yield f"the net caught an exception: {error!r}"


_SPENT: Final = frozenset((code.showing.issuer.kid, code.showing.cti) for code in CODES)


def _wrong(verdict: Verdict, expected: Reason, facts: reference.Facts | None) -> Iterator[str]:
    if verdict.reason is not expected:
        kind = "a wrong accept" if verdict.reason is Reason.CLEARED else "a wrong reason"
        yield f"{kind}: {verdict.reason}, expected {expected}"
    shown = verdict.presentation
    said = None if shown is None else {name: getattr(shown, name) for name in facts or ()}
    if said != facts:
        yield f"a wrong presentation: {shown}, expected {facts}"


# Trust data

MOST_LOAD_S: Final = 0.05
"""What a hostile list of the specimen's size may take to refuse, in seconds of CPU time."""


def status_faults(data: bytes, signed: reference.Signed) -> Iterator[str]:
    """A status list is loaded as what its issuer signed, or refused with a TrustError."""
    began = time.thread_time()
    try:
        listed = load_status_list(
            data, uri=URI, issuer_kid=KIT.macau.kid, key=TRUST.issuers[KIT.macau.kid].key, entries=4096
        )
    except TrustError:
        listed = None
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        yield f"a status list raised {error!r}"
        return
    if time.thread_time() - began > MOST_LOAD_S:
        yield "a status list took too long"
    said = reference.status(data, URI, KIT.macau.kid, KIT.macau.key.public_key().public_bytes_raw(), 4096, signed)
    if said != (listed and _said(listed)):
        yield f"a status list was {'taken' if listed else 'refused'} wrongly"


def _said(listed: StatusList) -> tuple[int, int, int, bytes]:
    return listed.iat, listed.exp, listed.bits, listed.packed


def list_faults(data: bytes) -> Iterator[str]:
    """A trust list becomes trust whose keys and lists it names, or is refused with a TrustError."""
    began = time.thread_time()
    try:
        trust = build_trust(parse_trust_list(data), FILES)
    except TrustError:
        return
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        yield f"a trust list raised {error!r}"
        return
    if time.thread_time() - began > MOST_LOAD_S:
        yield "a trust list took too long"
    if any(
        kid.hex().encode() not in data or issuer.key.raw.hex().encode() not in data
        for kid, issuer in trust.issuers.items()
    ):
        yield "a trust list gave a key that it does not name"


# A million of them


@dataclass(frozen=True, slots=True)
class Finding:
    """What must not be, and how to see it again."""

    what: str
    how: str
    again: str

    def __str__(self) -> str:
        return f"{self.what}\n  {self.how}\n  again: {self.again}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of some of the mutants."""

    count: int
    findings: list[Finding]
    reasons: Counter[str]
    slowest: float

    def joined(self, other: "Batch") -> "Batch":
        return Batch(
            self.count + other.count,
            self.findings + other.findings,
            self.reasons + other.reasons,
            max(self.slowest, other.slowest),
        )

    def narrow(self) -> bool:
        """Whether nearly all ended alike: then nothing is tested."""
        return sum(number >= self.count / ONE_IN for number in self.reasons.values()) < SPREAD


BATCH: Final = 1000
TRUST_SHARE: Final = 50
"""One status list and one trust list for so many codes."""
MOST_FINDINGS: Final = 20
SPREAD: Final = 12
"""How many reasons must come up, each in at least one of so many mutants."""
ONE_IN: Final = 10_000


def run_batch(work: tuple[int, int, int]) -> Batch:
    """The mutants of `seed` from one number to before another."""
    seed, first, last = work
    judge = Judge()
    found = (finding for index in range(first, last) for finding in findings_of(judge, seed, index))
    findings = [*islice(found, MOST_FINDINGS)]
    return Batch(judge.reasons.total(), findings, judge.reasons, judge.slowest)


def findings_of(judge: Judge, seed: int, index: int) -> Iterator[Finding]:
    again = f"python tests/attack.py --seed {seed} --only {index}"
    try:
        mutant = numbered(seed, index)
    except Exception as error:
        raise RuntimeError(f"expected a mutant of every number, got none; again: {again}") from error
    for what in judge.faults(mutant.code.text, mutant.expected()):
        yield Finding(what, f"{mutant.how}: at {AT}, {mutant.code.text!r}", again)
    if index % TRUST_SHARE == 0:
        for data, faults in trust_faults(seed, index):
            yield from (Finding(what, f"hex {data.hex()}", again) for what in faults)


def trust_faults(seed: int, index: int) -> Iterator[tuple[bytes, Iterator[str]]]:
    listed, trust_list = drawn_status(seed, index), drawn_list(seed, index)
    yield listed, status_faults(listed, reference.truly_signed)
    yield trust_list, list_faults(trust_list)


def run(count: int, seed: int, jobs: int, console: Console) -> int:
    """Throw `count` mutants; 1 where there is a finding or no spread."""
    work = [(seed, first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
    total, began = Batch(0, [], Counter(), 0.0), time.monotonic()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool, Progress(console=console) as progress:
        task = progress.add_task("mutants", total=count)
        for batch in pool.imap_unordered(run_batch, work):
            total = total.joined(batch)
            progress.advance(task, batch.count)
            if len(total.findings) >= MOST_FINDINGS:
                break
    tell(total, time.monotonic() - began, console)
    return 1 if total.findings or total.narrow() else 0


def tell(total: Batch, seconds: float, console: Console) -> None:
    table = Table("reason", "mutants", "%", title="How they ended")
    for reason, number in total.reasons.most_common():
        table.add_row(reason, f"{number:,}", f"{100 * number / total.count:.2f}")
    console.print(table)
    pace = f"{total.count / seconds:,.0f} a second; the slowest verdict took {total.slowest * 1e3:.2f} ms"
    say(console, f"{total.count:,} mutants in {seconds:.0f} s, {pace}")
    if total.narrow():
        say(
            console,
            f"expected at least {SPREAD} reasons, each in one of {ONE_IN:,} mutants: what is drawn has become too narrow",
        )
    say(console, *total.findings[:MOST_FINDINGS], f"{len(total.findings)} findings")


def say(console: Console, *lines: object) -> None:
    """As it is: a reproducer may hold brackets, and must stay on one line."""
    console.print(*map(str, lines), sep="\n", markup=False, highlight=False, soft_wrap=True)


def again(seed: int, index: int, console: Console) -> int:
    """One mutant once more, and all of it."""
    given, judge = numbered(seed, index), Judge()
    say(console, given.how, given.code.text, f"expected {given.expected()}", judge.verify(given.code.text, NOW))
    say(console, *(f"{layer}: {data.hex()}" for layer, data in given.code.parts.items()))
    findings = [*findings_of(judge, seed, index)]
    say(console, *findings, f"{len(findings)} findings")
    return 1 if findings else 0


# That it finds what there is


@dataclass(frozen=True, slots=True)
class Weakness:
    """A function of the verifier that does something else; `kept` is what it was. `told` is how the harness must tell of it."""

    what: str
    module: str
    function: str
    instead: str
    told: str


_VERIFY: Final = ("verifier", "Verifier.verify")
_OPEN: Final = ("cose", "open_encrypt0")
_JUDGED: Final = "judged = kept(self, text, moment)\nreturn "
_OPENED: Final = "opened = kept(message, key)\nreturn "
_LAX: Final = """opened = kept(message, key)
if len(opened) < 300: return opened
at = 5 + int.from_bytes(opened[3:5], 'big') if opened[2] == 0x59 else 4 + opened[3]
return opened[:at] + opened[at:at + 1].replace(bytes((0x80,)), bytes((0xa0,))) + opened[at + 1:]
"""
_HIDES: Final = "judged._replace(reason=Reason.SUSPENDED) if judged.reason is Reason.REVOKED else judged"
_SLOW: Final = "judged if len(text) > 99 else (sum(range(10**6)), judged)[1]"
WEAKNESSES: Final = (
    Weakness("no signature is looked at", "keys", "verify", "return None", "a wrong accept"),
    Weakness("any place will do", "verifier", "Place.is_meant_by", "return True", "a wrong accept"),
    Weakness("a zero at the end is let pass", *_OPEN, _OPENED + "opened.removesuffix(bytes(1))", "a wrong"),
    Weakness("[] passes for {}", *_OPEN, _LAX, "a wrong accept"),
    Weakness("a space at the end is let pass", *_VERIFY, "return kept(self, text.rstrip(), moment)", "a wrong"),
    Weakness("revoked is suspended", *_VERIFY, _JUDGED + _HIDES, "a wrong reason"),
    Weakness("the net has something to catch", *_OPEN, _OPENED + "opened if opened[-1] else {}[opened]", "the net caught"),
    Weakness("the net has a hole", *_VERIFY, _JUDGED + "judged if len(text) < 620 else {}[text]", "came out of the verdict"),
    Weakness("an input is slow", *_VERIFY, _JUDGED + _SLOW, "the verdict took"),
)  # fmt: skip
PROVE_COUNT: Final = len(CONFUSED) + 2000


def prove(console: Console) -> int:
    """First that nothing is found in a copy as it is, then that each weakness is. 1 where one is not."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for weakness in (None, *WEAKNESSES):
            told = attack_copy(Path(folder), weakness)
            held = told.endswith("\n0 findings\n") if weakness is None else weakness.told in told
            say(
                console,
                f"{'found' if held else 'MISSED'}: {weakness.what}"
                if weakness
                else f"as it is: {told.splitlines()[-1]}",
            )
            missed += not held
            if not held:
                say(console, told[-2000:])
    return 1 if missed else 0


def copied(folder: Path, weakness: Weakness | None) -> int:
    """Put a copy of the gate with this weakness into a folder."""
    shutil.rmtree(folder / "gate", ignore_errors=True)
    shutil.copytree(Path(gate.__file__).parent, folder / "gate", ignore=shutil.ignore_patterns("__pycache__"))
    if weakness is not None:
        weaken(folder / "gate" / "credential" / f"{weakness.module}.py", weakness)
    return 0


def attack_copy(folder: Path, weakness: Weakness | None) -> str:
    """What is told of such a copy."""
    copied(folder, weakness)
    command = [sys.executable, __file__, "--count", str(PROVE_COUNT), "--of", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}
    done = subprocess.run(  # noqa: S603 - ourselves
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def weaken(path: Path, weakness: Weakness) -> None:
    """Rewrite one function of a module: its parameters stay, `kept` is what it was."""
    tree = ast.parse(path.read_text())
    *within, name = weakness.function.split(".")
    scope: ast.Module | ast.ClassDef = tree
    for part in within:
        scope = next(node for node in scope.body if isinstance(node, ast.ClassDef) and node.name == part)
    at, old = next(
        (i, node) for i, node in enumerate(scope.body) if isinstance(node, ast.FunctionDef) and node.name == name
    )
    new = ast.parse(weakness.instead).body
    kept = ast.FunctionDef("kept", old.args, old.body, [], None, lineno=0)
    scope.body[at] = ast.FunctionDef(name, old.args, [kept, *new], old.decorator_list, None, lineno=0)
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)))


def main() -> int:
    options = argparse.ArgumentParser(description="Throw mutants of good codes at the verdict.")
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    options.add_argument("--only", type=int, help="the mutant of this number once more, told in full")
    options.add_argument(
        "--prove", action="store_true", help="weaken a copy of the verifier and want each weakness found"
    )
    options.add_argument("--weaken", type=Path, help="only put a weakened copy of the gate into this folder")
    options.add_argument("--of", type=Path, help="stop unless the gate is the one in this folder")
    chosen = options.parse_args()
    if chosen.of and not Path(gate.__file__).is_relative_to(chosen.of):
        options.error(f"expected the gate of {chosen.of}, got {gate.__file__}")
    console = Console()
    if chosen.weaken:
        return copied(chosen.weaken, WEAKNESSES[0])
    if chosen.prove:
        return prove(console)
    if chosen.only is not None:
        return again(chosen.seed, chosen.only, console)
    return run(chosen.count, chosen.seed, chosen.jobs, console)


if __name__ == "__main__":
    sys.exit(main())
