"""`gate verify`: this lane's verdict on a text."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from typing import BinaryIO, Final

from gate import config
from gate.cli import assembly
from gate.credential.verifier import Moment
from gate.lane.policy import Decision, Desk, Policy
from gate.lane.replay import Replay

_LONGEST: Final = 1 << 14
"""Bytes of a line that are looked at: far more than a code may have. The rest of the line is thrown away."""


def verify(arguments: Namespace) -> int:
    """The verdict on a text, or on each line of stdin; 0 when there was one and every one was cleared."""
    settings = config.load(arguments.config)
    judge = assembly.verifier(settings)
    rules = Policy(settings.lane.scopes)
    judged, all_cleared = False, True
    for text in lines(sys.stdin.buffer) if arguments.text == "-" else (arguments.text,):
        wall = time.time() if arguments.at is None else float(arguments.at)
        desk = Desk(rules, Replay(0, 1))  # nobody has passed yet: each text is judged on its own
        decision = desk.decide(judge.verify(text, Moment(wall, trusted=True)), wall)
        judged, all_cleared = True, all_cleared and decision.cleared
        _print(decision, as_json=arguments.json)
    return 0 if judged and all_cleared else 1


def lines(stream: BinaryIO) -> Iterator[str]:
    """One text a line, in bounded memory; bytes that are not UTF-8 stay as surrogates, which no code of ours holds."""
    while line := stream.readline(_LONGEST):
        rest = line
        while len(rest) == _LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST)
        yield line.removesuffix(b"\n").decode("utf-8", "surrogateescape")


def _print(decision: Decision, *, as_json: bool) -> None:
    word = "cleared" if decision.cleared else "referred"
    answer = {"decision": word, "reason": decision.reason.value, "answer": decision.answer.value}
    sys.stdout.write((json.dumps(answer) if as_json else f"{word}: {decision.reason.value}") + "\n")
    sys.stdout.flush()
