"""Cuts an update off at every one of its calls to the filesystem, and takes away what was not made last. Run by test_updates.py.

One process imports everything and forks for each cut. In the child an audit hook counts the calls and ends the process at the n-th, while
a profile hook notes which files and folders were synced. In the parent every file of the update that was not synced since it was written is cut
to nothing, to a half, or left; then the trust must load, as the old one or the new one, and the next update must succeed.
"""

import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from shutil import copytree, rmtree
from types import FrameType

from offers import Offer, offer

from gate.controller import store

CALLS = frozenset((
    "open", "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.listdir", "os.scandir",
))  # fmt: skip


def main(folder: Path) -> None:
    one = offer(folder)
    one.take()
    one.revoke(1024)
    seen: Counter[str] = Counter()
    ended = False
    while not ended:
        seen["cuts"] += 1
        trial = Offer(one.repository, copytree(one.trust, folder / "trial", symlinks=True), one.specimen)
        kept = _inodes(trial.trust)
        ended = _cut(trial, seen["cuts"])
        lasting = kept | set(map(int, (folder / "synced").read_text().split()))
        seen["lost"] += _lose(trial.trust, lasting, seen["cuts"] % 2 / 2)
        generation = (trial.trust / "current").resolve()
        assert _inodes(generation) <= lasting, "everything that the link leads to was synced, folders too"
        _check(trial, seen)
        rmtree(trial.trust)
    sys.stdout.write(json.dumps(seen))


def _cut(trial: Offer, nth: int) -> bool:
    """Run an update in a child that dies at its nth call; whether it came to its end first."""
    child = os.fork()
    if not child:
        _die(trial, nth)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _die(trial: Offer, nth: int) -> None:
    synced = os.open(trial.trust.parent / "synced", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    left = nth

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in CALLS and str(trial.trust) in str(arguments[0]):
            left -= 1
            if not left:
                os._exit(1)

    def note(frame: FrameType, event: str, called: object) -> None:
        if event == "c_return" and called is os.fsync:  # what `store.sync` calls its file
            os.write(synced, f"{os.fstat(frame.f_locals['descriptor']).st_ino}\n".encode())

    sys.addaudithook(count)
    threading.setprofile(note)  # an update syncs in threads of its own
    trial.take()
    os._exit(0)


def _inodes(folder: Path) -> set[int]:
    return {path.stat().st_ino for path in (folder, *folder.rglob("*")) if not path.is_symlink()}


def _lose(trust: Path, lasting: set[int], share: float) -> int:
    """Cut every file that the update wrote and did not sync; how many there were."""
    written = [path for path in trust.rglob("*") if path.is_file() and not path.is_symlink()]
    lost = [path for path in written if path.stat().st_ino not in lasting]
    for path in lost:
        os.truncate(path, int(path.stat().st_size * share))
    return len(lost)


def _check(trial: Offer, seen: Counter[str]) -> None:
    serial = store.load_trust(trial.trust).serial
    seen["old" if serial == 1 else "new"] += 1
    assert trial.take().after == 2
    assert store.load_trust(trial.trust).status_lists["urn:uto:uto-mo"].at(1024) == 1
    assert not list(trial.trust.glob(".*"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
