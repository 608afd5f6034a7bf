"""The scanner's process as the controller sees it: started, watched, started again (DESIGN, concurrency).

Native decoders parse attackers' pictures and a camera can hang for ever, so the scanner may die at any time; the lane must not.
"""

import subprocess
import threading
from collections.abc import Callable
from typing import Final

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0
_PATIENCE_S: Final = 1.0
_STEADY_S: Final = 10.0
"""A scanner that lived this long was well: its successor comes at once again."""


class ScannerProcess:
    """Keeps one scanner running from a thread of its own. `told` hears what an operator should know."""

    def __init__(
        self,
        spawn: Callable[[], "subprocess.Popen[bytes]"],
        told: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._spawn = spawn
        self._told = told
        self._monotonic = monotonic
        self._ending = threading.Event()
        self._turn = threading.Lock()
        self._process = spawn()
        self._thread = threading.Thread(target=self._watch, name="scanner", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process that runs now, or ran last."""
        return self._process.pid

    def close(self) -> None:
        """End the scanner: asked first, killed after a second."""
        with self._turn:  # none is started behind our back
            self._ending.set()
            self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join()

    def _watch(self) -> None:
        wait, why = _FIRST_WAIT_S, _how(self._process.wait())
        while not self._ending.is_set():
            self._told(f"scanner lost ({why}); another starts in {wait:.1f} s")
            self._ending.wait(wait)
            began = self._monotonic()
            why = self._start_another() or _how(self._process.wait())
            wait = _FIRST_WAIT_S if self._monotonic() - began > _STEADY_S else min(wait * 2, _LONGEST_WAIT_S)

    def _start_another(self) -> str:
        """Start one unless we are ending; why it could not be, or nothing."""
        with self._turn:
            try:
                if not self._ending.is_set():
                    self._process = self._spawn()
            except OSError as error:
                return error.strerror or str(error)
        return ""


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
