"""The journal on disk: one chain over restarts, torn lines and days; a full disk leaves it as it was; day keys end."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.controller import journal
from gate.controller.journal import Journal, Syncer, last_trusted
from gate.errors import JournalError
from gate.lane import audit
from gate.lane.audit import Kind, Value
from gate.lane.clock import ClockState

DAY = 86400.0
NOON = 1_793_620_800.0
CTI = b"twelve bytes"
TRUSTED = ClockState.TRUSTED


def write(folder: Path, wall: float = NOON, count: int = 1, what: str = "x") -> None:
    kept = Journal(folder, 30, wall)
    for _ in range(count):
        kept.append(Kind.FAULT, wall, TRUSTED, {"what": what})
    kept.close()


def seqs(folder: Path) -> list[int]:
    lines = list(journal.read(folder))
    assert audit.verify(lines).seq == len(lines)
    return [json.loads(line)["seq"] for line in lines]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_the_chain_goes_on_over_restarts_and_days(tmp_path: Path) -> None:
    for day in range(5):
        write(tmp_path, NOON + day * DAY, count=3)
    assert seqs(tmp_path) == list(range(15))
    assert len(files(tmp_path)) == 5


def test_files_stay_in_order_beyond_ten_and_with_a_clock_that_went_back(tmp_path: Path) -> None:
    for start in range(12):
        write(tmp_path, NOON - start * DAY)
    assert seqs(tmp_path) == list(range(12))


def test_a_day_that_turns_while_it_is_open(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 30, NOON)
    before, after = kept.who(CTI, NOON), kept.who(CTI, NOON + DAY)
    assert before != after
    assert kept.who(CTI, NOON) == before
    kept.close()


@given(torn=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_a_line_that_was_torn_is_cut_off(tmp_path_factory: pytest.TempPathFactory, torn: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    write(folder, count=3)
    path = files(folder)[0]
    data = path.read_bytes()
    last = data.splitlines(keepends=True)[-1]
    path.write_bytes(data[: -min(torn, len(last))])
    write(folder)
    assert seqs(folder) == [0, 1, 2]


def test_a_file_of_which_nothing_is_left_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, count=2)
    (tmp_path / "000000000002-2026-11-09.jsonl").write_bytes(b'{"torn')
    write(tmp_path, NOON + DAY)
    assert seqs(tmp_path) == [0, 1, 2]


def test_a_last_line_longer_than_the_first_look(tmp_path: Path) -> None:
    write(tmp_path, count=2)
    write(tmp_path, what="y" * 200_000)
    write(tmp_path)
    assert seqs(tmp_path) == [0, 1, 2, 3]


def test_a_month_of_lines_is_not_read_into_memory(tmp_path: Path) -> None:
    write(tmp_path, count=1)
    data = files(tmp_path)[0].read_bytes()
    with (tmp_path / "000000000000-0000-00-00.jsonl").open("wb") as file:
        file.truncate(1 << 32)  # sparse: nothing that could be held
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + data)
    files(tmp_path)[1].unlink()
    write(tmp_path)
    assert len(files(tmp_path)) == 2


def test_a_last_line_that_was_changed_is_named_with_the_mend(tmp_path: Path) -> None:
    write(tmp_path, count=2)
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'"what":"x"', b'"what":"z"'))
    with pytest.raises(
        JournalError,
        match=rf"^{path}: last line: expected the hash.*; keep this folder as it is, name another .* and move `passages` there",
    ):
        Journal(tmp_path, 30, NOON)


@pytest.mark.parametrize("field", [{"text": "x"}, {"what": "EC1:ABC"}, {"ms": float("inf")}, {"seq": 1}])
def test_what_may_not_be_on_record_is_not(tmp_path: Path, field: dict[str, Value]) -> None:
    kept = Journal(tmp_path, 30, NOON)
    with pytest.raises(JournalError):
        kept.append(Kind.FAULT, NOON, TRUSTED, field)
    kept.append(Kind.FAULT, NOON, TRUSTED, {})
    kept.close()
    assert seqs(tmp_path) == [0]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="file/journal: expected a folder for the journal, got: not a directory"):
        Journal(tmp_path / "file" / "journal", 30, NOON)
    with pytest.raises(JournalError, match="expected the folder of a journal, got none"):
        journal.read(tmp_path / "none")


def test_who_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    write(folder)
    assert folder.stat().st_mode & 0o007 == 0
    assert all(path.stat().st_mode & 0o007 == 0 for path in files(folder))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.glob("*.key"))


# The floor that it leaves to the clock.


def told(folder: Path, wall: float, clock: ClockState, count: int = 1) -> None:
    kept = Journal(folder, 30, wall)
    for _ in range(count):
        kept.append(Kind.FAULT, wall, clock, {"what": '"clock":"trusted"'})
    kept.close()


def test_the_last_trusted_time_is_found_behind_any_number_of_others(tmp_path: Path) -> None:
    assert last_trusted(tmp_path / "none") == 0.0
    told(tmp_path, NOON, TRUSTED)
    for day, clock in enumerate((ClockState.UNTRUSTED, ClockState.HOLDOVER, ClockState.AHEAD), 1):
        told(tmp_path, NOON + 9000 * DAY * day, clock, count=400)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert last_trusted(tmp_path) == NOON
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert Journal(tmp_path, 30, NOON).floor == NOON


def test_a_line_that_does_not_hold_is_no_floor(tmp_path: Path) -> None:
    write(tmp_path, NOON)
    write(tmp_path, NOON + 60)
    path = files(tmp_path)[-1]
    data = path.read_bytes()
    path.write_bytes(data.replace(b"%.1f" % (NOON + 60), b"9%.1f" % (NOON + 60)))
    assert last_trusted(tmp_path) == NOON
    path.write_bytes(data[:-1])
    assert last_trusted(tmp_path) == NOON, "a torn line was never acknowledged"
    path.write_bytes(b"")
    assert last_trusted(tmp_path) == NOON


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="file: expected a journal that can be read, got: not a directory"):
        last_trusted(tmp_path / "file")
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(JournalError, match=r"x\.jsonl: expected a journal that can be read, got: is a directory"):
        last_trusted(tmp_path)


# Day keys.


def test_a_day_keeps_its_key_over_restarts(tmp_path: Path) -> None:
    marks = []
    for _ in range(2):
        kept = Journal(tmp_path, 30, NOON)
        marks.append(kept.who(CTI, NOON))
        kept.close()
    assert marks[0] == marks[1]
    assert len(marks[0]) == 32
    assert CTI.hex() not in marks[0]


def test_keys_are_destroyed_after_their_retention(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 3, NOON)
    for day in range(6):
        kept.who(CTI, NOON + day * DAY)
        kept.append(Kind.START, NOON + day * DAY, ClockState.TRUSTED, {})
        kept.sync()
    assert len(list(tmp_path.glob("*.key"))) == 5, "today's, three days' and tomorrow's"
    kept.append(Kind.START, NOON + 9000 * DAY, ClockState.UNTRUSTED, {})
    kept.close()
    assert len(list(tmp_path.glob("*.key"))) == 5, "a clock that nobody trusts destroys nothing"


def test_keys_of_days_to_come_are_a_wrong_clocks_and_go(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 3, NOON + 4000 * DAY)
    kept.who(CTI, NOON + DAY)
    kept.who(CTI, NOON)
    kept.append(Kind.START, NOON, TRUSTED, {})
    kept.close()
    assert [path.stem for path in sorted(tmp_path.glob("*.key"))] == ["2026-11-02", "2026-11-03"]


def test_a_key_that_cannot_be_kept_is_a_journal_error(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 30, NOON)
    (tmp_path / ".2026-11-03.key.new").mkdir()
    with pytest.raises(JournalError, match="expected to keep the day's key"):
        kept.who(CTI, NOON + DAY)
    with pytest.raises(JournalError, match="expected to keep the day's key"):
        kept.who(CTI, NOON + DAY)
    kept.close()


# A disk that is full.

_FULL = """
import resource, sys
from pathlib import Path
from gate.controller.journal import Journal
from gate.errors import JournalError
from gate.lane.audit import Kind
from gate.lane.clock import ClockState
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
kept = Journal(folder, 30, 1793620800.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
good = 0
try:
    while True:
        kept.append(Kind.FAULT, 1793620800.0, ClockState.TRUSTED, {"what": "x"})
        good += 1
except JournalError as error:
    told = str(error)
    size = next(folder.glob("*.jsonl")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
kept.append(Kind.FAULT, 1793620800.0, ClockState.TRUSTED, {"what": "x"})
kept.close()
print(good, size, told)
"""


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(tmp_path), "1000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - our own command
    good, size, error = done.stdout.split(maxsplit=2)
    assert int(size) < 1000, "the part of a line that did fit is gone"
    assert "expected to write the journal, got: " in error
    assert seqs(tmp_path) == list(range(int(good) + 1)), "and what comes later follows on"


def append_for_ever(kept: Journal) -> None:
    while True:
        kept.append(Kind.FAULT, NOON, TRUSTED, {"what": "x" * 50})


def test_a_full_disk(small_disk: Path) -> None:
    kept = Journal(small_disk / "journal", 30, NOON)
    with pytest.raises(JournalError, match="expected to write the journal, got: no space left on device"):
        append_for_ever(kept)
    with pytest.raises(JournalError, match="expected to keep the day's key, got: no space left on device"):
        kept.who(CTI, NOON + DAY)
    kept.close()
    assert seqs(small_disk / "journal")


# The thread that syncs.


def test_what_was_written_is_synced(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 30, NOON)
    syncer = Syncer([kept], pytest.fail)
    kept.append(Kind.FAULT, NOON, TRUSTED, {})
    syncer.wake()
    syncer.close()
    kept.close()


def test_a_sync_that_fails_is_told(tmp_path: Path) -> None:
    kept = Journal(tmp_path, 30, NOON)
    told = threading.Event()
    saved, other = os.dup(kept._file), os.open("/dev/null", os.O_WRONLY)
    os.dup2(other, kept._file)  # what cannot be synced: fdatasync gives EINVAL
    syncer = Syncer([kept], lambda _: told.set())
    syncer.wake()
    assert told.wait(5)
    syncer.close()
    os.dup2(saved, kept._file)
    kept.close()
    os.close(saved)
    os.close(other)


class Broken:
    """What cannot be synced."""

    def sync(self) -> None:
        raise JournalError("this one is broken")


def test_one_that_cannot_be_synced_keeps_the_others_from_nothing() -> None:
    done = threading.Event()

    class Last:
        def sync(self) -> None:
            done.set()

    told: list[str] = []
    syncer = Syncer([Broken(), Last()], lambda error: told.append(str(error)))
    syncer.wake()
    assert done.wait(5)
    syncer.close()
    assert told[0] == "this one is broken"


def test_what_was_written_while_it_synced_is_synced_before_it_ends() -> None:
    seen: list[int] = []
    written = 1

    class Slow:
        def sync(self) -> None:
            nonlocal written
            seen.append(written)
            if written == 1:
                written = 2
                with suppress(RuntimeError):  # no thread waits for itself: the end is asked for, and this round goes on
                    syncer.close()

    syncer = Syncer([Slow()], pytest.fail)
    syncer.wake()
    syncer._thread.join(5)
    assert seen == [1, 2]


def changed(data: bytes) -> bytes:
    return data.replace(b'"what":"x"', b'"what":"y"', 1)


def cut(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[1:])


def swapped(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([lines[1], lines[0], *lines[2:]])


def returned(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r", 1)


@pytest.mark.parametrize("tamper", [changed, cut, swapped, returned])
def test_what_was_tampered_with_does_not_hold(tmp_path: Path, tamper: Callable[[bytes], bytes]) -> None:
    write(tmp_path, count=4)
    path = files(tmp_path)[0]
    path.write_bytes(tamper(path.read_bytes()))
    with pytest.raises(JournalError, match=r"^line 1: "):
        audit.verify(journal.read(tmp_path))
