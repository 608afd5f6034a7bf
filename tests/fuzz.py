"""Coverage-guided fuzzing of the verdict and of trust data: `python tests/fuzz.py TARGET [libFuzzer's options]`, where atheris is installed.

What is instrumented is gate.credential. The judges are those of tests/attack.py; who signed is asked of `cryptography`.
"""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["gate.credential"], enable_loader_override=False):
    import gate.credential.trust
    import gate.credential.verifier  # noqa: F401 - imported here to be instrumented

import mutate
import reference
from attack import Judge, list_faults, status_faults
from forge import FILES, NOW
from mutate import CODES, LIST, STATUS_CLAIMS, STATUS_FILE, STATUS_HEADER, Layer, Ledger, Signers

from gate.specimen.cbor import Raw, encode

Faults = Callable[[bytes], "list[str]"]
JUDGE: Final = Judge()
BENT: Final = (
    Layer.MESSAGE,
    Layer.PHONE_HEADER,
    Layer.PAYLOAD,
    Layer.CREDENTIAL,
    Layer.ISSUER_HEADER,
    Layer.CLAIMS,
    Layer.DEVICE_KEY,
)
"""What the first byte of a `layer` input chooses; the rest of it is that layer, and everything around it is signed and sealed anew."""


def text(data: bytes) -> list[str]:
    """Whatever a scanner read."""
    shown = data.decode("utf-8", "surrogateescape")
    return [*JUDGE.faults(shown, reference.verdict(shown, NOW.wall, mutate.LANE, reference.truly_signed))]


def layer(data: bytes) -> list[str]:
    """One layer of a code, for whatever the first byte says."""
    chosen, code = BENT[data[0] % len(BENT)], CODES[data[0] // len(BENT) % len(CODES)]
    bent = mutate.bend(code, {chosen: lambda _: data[1:]}, Signers.BOTH, Ledger())
    expected = reference.judged(bent.parts[Layer.MESSAGE], NOW.wall, mutate.LANE, reference.truly_signed)
    return [*JUDGE.faults(bent.text, expected)]


def status(data: bytes) -> list[str]:
    """A status list as it came, or its claims or header, signed again."""
    claims, header = encode(STATUS_CLAIMS), encode(STATUS_HEADER)
    written = (
        data[1:],
        mutate.status_list(header, data[1:], Ledger()),
        mutate.status_list(data[1:], claims, Ledger()),
    )
    return [*status_faults(written[data[0] % 3], reference.truly_signed)]


def trust(data: bytes) -> list[str]:
    """A trust list's JSON."""
    return [*list_faults(data)]


TARGETS: Final[Mapping[str, tuple[Faults, list[bytes]]]] = {
    "text": (text, [code.text.encode() for code in CODES]),
    "layer": (
        layer,
        [
            bytes((at + len(BENT) * n,)) + code.parts[part]
            for n, code in enumerate(CODES)
            for at, part in enumerate(BENT)
        ],
    ),
    "status": (
        status,
        [b"\0" + FILES[STATUS_FILE], b"\1" + encode(STATUS_CLAIMS), b"\2" + encode(STATUS_HEADER)],
    ),
    "trust": (trust, [FILES[LIST]]),
}
"""How an input is judged, and what the fuzzer begins with."""


def mutator(seeds: Sequence[bytes]) -> Callable[[bytes, int, int], bytes]:
    """The fuzzer's own mutation, or one of ours that knows whole items: something else in some place, a byte or a piece changed."""

    def changed(data: bytes, most: int, seed: int) -> bytes:
        draw = random.Random(seed)  # noqa: S311 - must repeat
        if draw.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        if draw.random() < 0.5:  # what is kept for its coverage alone strays far from anything valid
            data = draw.choice(seeds)
        at = draw.randrange(len(data) + 1)
        new = encode(draw.choice([*mutate.STRANGERS.values(), *mutate.RIVALS]))
        bent = encode(draw.choice(mutate.ON_BYTES)(draw, Raw(data), draw.choice(seeds)))
        return draw.choice((bent, bent, data[:at] + new + data[at + draw.choice((0, 1, len(new))) :]))[:most]

    return changed


def main() -> None:
    """Stop at the first input that has a fault, with what it was; libFuzzer keeps the input too."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"expected a target: {', '.join(TARGETS)}")
    faults, seeds = TARGETS[sys.argv.pop(1)]
    corpus = next((Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if corpus is not None and corpus.is_dir():
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed)

    def once(data: bytes) -> None:
        found = faults(data) if data else []
        if found:
            raise AssertionError(f"{'; '.join(found)}: {data!r}")

    atheris.Setup(sys.argv, once, custom_mutator=mutator(seeds))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
