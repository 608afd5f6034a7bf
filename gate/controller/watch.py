"""Notices that the trust folder's current generation has moved, and makes the next verifier ready away from the lane's thread."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gate.controller import store
from gate.credential.trust import check_succession
from gate.credential.verifier import Verifier

_YIELD_S: Final = 0.001
"""How long the lane's thread waits for this one while trust is made ready; Python's own 5 ms would be all that it may."""


class Watch:
    """A thread that looks once in `every_s` seconds.

    `put` gets a verifier whose trust is another than the one that is held; `tell` gets why a new one cannot be used, once as long as that is
    the same: then what is held stays, and it is tried again.
    """

    def __init__(
        self,
        folder: Path,
        held: Verifier,
        load: Callable[[], Verifier],
        put: Callable[[Verifier], None],
        tell: Callable[[str], None],
        every_s: float = 1.0,
    ) -> None:
        self._link = folder / store.CURRENT
        self._held = held.trust
        self._load, self._put, self._tell = load, put, tell
        self._every_s = every_s
        self._told = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        seen: Path | None = None  # so that what moved while the lane was being put together is looked at too
        while not self._stopped.wait(self._every_s):
            found = _target(self._link)
            if found != seen and self._look():
                seen = found

    def _look(self) -> bool:
        """Whether what is there was taken, or need not be; else it is looked at again: a file may only have been unreadable."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(_YIELD_S)
        try:
            self._take()
        except Exception as error:  # noqa: BLE001 - whatever it is, a lane that no longer hears of new trust must say so
            if str(error) != self._told:
                self._told = str(error)
                self._tell(self._told)
            return False
        finally:
            sys.setswitchinterval(before)
        self._told = ""
        return True

    def _take(self) -> None:
        verifier = self._load()
        if verifier.trust != self._held:
            check_succession(self._held, verifier.trust)  # whoever moved the link: trust only moves forward
            self._held = verifier.trust
            self._put(verifier)


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None
