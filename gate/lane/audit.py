"""The audit record: one line of JSON an event, each sealed to the one before it, and nothing in it about a person.

A line proves that something happened and what decided it. Whose it was can be asked only with the credential at hand
and while the day's key lives (`who`). The chain shows that no line was changed, removed, added or moved in front of a
line that is known; whether the last lines are all there, only one who knows the head can say.
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from math import isfinite
from typing import Final, TypeAlias

from gate.errors import JournalError
from gate.lane.clock import ClockState

Value: TypeAlias = str | int | float | bool | None

WHO_BYTES: Final = 16
_GENESIS: Final = "0" * 64
_NO_HASH: Final = b'"hash":""'
"""What a line's hash is taken with. No value can hold these bytes: a quote inside one is escaped."""
_RESERVED: Final = frozenset({"seq", "at", "clock", "kind", "prev", "hash"})
# Words that no field's name may hold: the text, what identifies a credential or its phone, a picture, a person.
_PERSONAL: Final = frozenset(
    {"text", "symbol", "cti", "cnonce", "key", "frame", "image", "picture"}
    | {"name", "nickname", "birth", "passport", "nationality", "document"}
)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CODE: Final = "EC1:"
_INT_LIMIT: Final = 1 << 63
_CLOCKS: Final = frozenset(state.value for state in ClockState)


class Kind(StrEnum):
    """What a line is about."""

    START = "start"
    DECISION = "decision"
    PASSAGE = "passage"
    NO_SHOW = "no_show"
    ALARM = "alarm"
    FAULT = "fault"
    EVACUATION = "evacuation"
    RESET = "reset"
    SCANNER = "scanner"
    CLOCK = "clock"
    TRUST = "trust"
    CUT = "cut"
    STOP = "stop"


_KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event for the record: a kind of `Kind`, `at` in Unix seconds, a state of `ClockState`, the kind's own fields.

    Raises JournalError for a kind or state that does not exist, and for a field that could be personal, is named like
    one of the line's own, or holds what JSON cannot.
    """

    kind: str
    at: float
    clock: str
    fields: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS or self.clock not in _CLOCKS:
            raise JournalError(
                f"expected a kind of record and a state of the clock, not {self.kind!r} and {self.clock!r}"
            )
        if not isfinite(self.at):
            raise JournalError(f"expected a time in seconds for a record, not {self.at}")
        for name, value in self.fields.items():
            _check_name(name)
            _check_value(name, value)


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the record stands: the number of the next line, and the SHA-256 of the last one in hex."""

    seq: int = 0
    head: str = _GENESIS

    def seal(self, entry: Entry) -> tuple[bytes, "Chain"]:
        """Seal an entry: its line, line feed and all, and the chain after it."""
        content: dict[str, object] = {
            **entry.fields,
            "seq": self.seq,
            "at": entry.at,
            "clock": entry.clock,
            "kind": entry.kind,
            "prev": self.head,
        }
        blank = _encode({**content, "hash": ""})
        line = blank.replace(_NO_HASH, b'"hash":"%s"' % _digest(blank).encode())
        return line + b"\n", Chain(self.seq + 1, _digest(line))

    @classmethod
    def begin(cls) -> "Chain":
        """Begin a record: nothing sealed yet."""
        return cls()

    @classmethod
    def resume(cls, last_line: bytes) -> "Chain":
        """Go on after a line that was sealed before. Raises JournalError when it does not hold in itself."""
        line = last_line.removesuffix(b"\n")
        return cls(_opened(line)[0] + 1, _digest(line))


def verify(lines: Iterable[bytes], start: Chain = Chain()) -> Chain:
    """Follow a record from `start` (its beginning): the chain after it, to be compared with a head that is known.

    Raises JournalError with the number of the first line that does not hold, from 1.
    """
    chain = start
    for number, line in enumerate(lines, 1):
        try:
            chain = _followed(chain, line.removesuffix(b"\n"))
        except JournalError as error:
            raise JournalError(f"line {number}: {error}") from error
    return chain


def who(day_key: bytes, cti: bytes) -> str:
    """Name a credential for one day: as long as that key lives, one who has the credential can find its lines."""
    return hmac.digest(day_key, cti, "sha256")[:WHO_BYTES].hex()


def _followed(chain: Chain, line: bytes) -> Chain:
    seq, prev = _opened(line)
    if seq != chain.seq:
        raise JournalError(f"expected record {chain.seq}, not {seq}: lines are missing, added or moved")
    if prev != chain.head:
        raise JournalError("expected the hash of the line before it, not another: that line was changed")
    return Chain(seq + 1, _digest(line))


def _opened(line: bytes) -> tuple[int, str]:
    """Take a line's number and what it follows, once the line holds in itself."""
    content = _decode(line)
    sealed = content.get("hash")
    if sealed != _digest(_encode({**content, "hash": ""})):
        raise JournalError("expected the hash of its own content, not another: this line was changed")
    seq, prev = content.get("seq"), content.get("prev")
    if type(seq) is not int or not isinstance(prev, str):
        raise JournalError("expected a number and the hash of the line before it, not a line without")
    return seq, prev


def _decode(line: bytes) -> dict[str, object]:
    try:
        content = json.loads(line)
        if isinstance(content, dict) and _encode(content) == line:
            return content
    except (ValueError, RecursionError) as error:
        raise JournalError("expected one JSON object, not something else: this line was cut or changed") from error
    raise JournalError("expected a JSON object as this program writes it, not another: this line was changed")


_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _encode(content: Mapping[str, object]) -> bytes:
    """Write JSON the one way that hashes are taken of: sorted keys, no spaces, ASCII."""
    return _JSON.encode(content).encode()


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


@lru_cache(maxsize=128)  # names are few and stand in the code; this is on the way to the barrier
def _check_name(name: str) -> None:
    if name in _RESERVED or not _NAME.fullmatch(name):
        raise JournalError(f"expected a field's name in lower case that is not the line's own, not {name!r}")
    if personal := _PERSONAL.intersection(name.split("_")):
        raise JournalError(f"expected nothing personal in a record, not a field of {min(personal)!r}")


def _check_value(name: str, value: Value) -> None:
    if not isinstance(value, str | int | float | None):
        raise JournalError(f"expected text, a number, a bool or nothing in {name!r}, not {type(value).__name__}")
    if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        raise JournalError(f"expected an integer of 64 bits in {name!r}, not a longer one")
    if isinstance(value, float) and not isfinite(value):
        raise JournalError(f"expected a finite number in {name!r}, not {value}")
    if isinstance(value, str) and _CODE in value:
        raise JournalError(f"expected no code in a record, not the text of one in {name!r}")
