"""`gate journal`: the audit record, read and proved."""

import sys
from argparse import Namespace

from gate import config
from gate.cli import say
from gate.controller import journal
from gate.errors import JournalError
from gate.lane import audit


def show(arguments: Namespace) -> int:
    """Every line as it was written."""
    settings = config.load(arguments.config)
    for line in journal.read(settings.path(settings.journal.folder)):
        sys.stdout.buffer.write(line + b"\n")  # whatever somebody put there
    return 0


def verify(arguments: Namespace) -> int:
    """0 when the chain holds from its beginning; the head is what to compare with one that was noted before."""
    settings = config.load(arguments.config)
    lines = journal.read(settings.path(settings.journal.folder))
    try:
        chain = audit.verify(lines)
    except JournalError as error:
        say(str(error))
        return 1
    sys.stdout.write(f"{chain.seq} records, head {chain.head}\n")
    return 0
