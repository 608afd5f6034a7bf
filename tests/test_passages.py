"""Who passed, on disk: what a restart gives back, what a cut may lose, and that nobody passes twice for it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.controller.passages import Gap, Passages
from gate.credential.claims import Presentation
from gate.credential.reasons import Reason
from gate.errors import JournalError
from gate.lane.replay import Replay

NOW = 1_800_000_000
BOOT, NEXT = b"a boot's id....1", b"a boot's id....2"
RECORD = 40


def shown(iat: int = 0, cti: int = 1) -> Presentation:
    return Presentation(
        issuer_kid=bytes(8),
        cti=cti.to_bytes(12),
        iat=NOW + iat,
        cnonce=bytes(8),
        aud="HZMB-HK",
        scope="MO-PR",
        exp=NOW + 86_400,
        credential_iat=NOW - 86_400,
        status_uri="urn:uto:x",
        status_index=1,
    )


def opened(folder: Path, boot: bytes = BOOT, anti_passback: float = 60) -> tuple[Passages, Replay]:
    replay = Replay(anti_passback, 100_000)
    return Passages(folder, boot, replay), replay


def opens(folder: Path) -> None:
    opened(folder)


def release(passages: Passages, replay: Replay, presentation: Presentation, at: float) -> None:
    passage = replay.open(presentation, NOW + at)
    assert passage is not None
    passages.keep(passage)


def passes(passages: Passages, replay: Replay, presentation: Presentation, at: float) -> None:
    release(passages, replay, presentation, at)
    replay.commit()


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


# A process that ends.


def test_a_killed_process_has_lost_nothing(tmp_path: Path) -> None:
    passes(*opened(tmp_path), shown(), at=0)
    kept, replay = opened(tmp_path)
    assert kept.gap is Gap.NOTHING
    assert kept.latest == NOW
    assert replay.judge(shown(), NOW + 1) is Reason.REPLAYED
    assert replay.judge(shown(5), NOW + 5) is Reason.ANTI_PASSBACK
    assert replay.judge(shown(5, cti=2), NOW + 5) is None
    assert replay.judge(shown(61), NOW + 61) is None


def test_a_release_that_nobody_settled_is_a_passage(tmp_path: Path) -> None:
    release(*opened(tmp_path), shown(), at=0)
    assert opened(tmp_path)[1].judge(shown(), NOW + 1) is Reason.REPLAYED


def test_what_was_given_back_is_none_and_what_passed_before_it_counts_again(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path, anti_passback=10)
    passes(kept, replay, shown(), at=0)
    release(kept, replay, shown(20), at=20)
    kept.keep(replay.give_back())
    _, again = opened(tmp_path, anti_passback=10)
    assert again.judge(shown(), NOW + 21) is Reason.REPLAYED
    assert again.judge(shown(20), NOW + 21) is None


def test_it_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for number in range(20):
        passes(*opened(tmp_path), shown(number, cti=number), at=number)
    assert len(files(tmp_path)) == 1
    _, replay = opened(tmp_path)
    assert len(replay) == 20


# Whoever has it.


def test_who_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "passages"
    opened(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in files(folder))


def test_it_names_no_credential(tmp_path: Path) -> None:
    for name in ("one", "two"):
        passes(*opened(tmp_path / name), shown(cti=0x1234567890), at=0)
    one, two = (files(tmp_path / name)[0].read_bytes() for name in ("one", "two"))
    assert shown(cti=0x1234567890).cti not in one
    assert one[2 * RECORD :][:16] != two[2 * RECORD :][:16], "two lanes cannot be joined"


# What is forgotten.


def test_what_is_forgotten_goes_with_its_key(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    (first,) = files(tmp_path)
    for at in (10, 1900, 3700, 5600):
        kept.tidy(NOW + at)
        kept.sync()
        if at == 1900:
            passes(kept, replay, shown(1900, cti=2), at=1900)
    assert len(files(tmp_path)) == len(replay.keys) == 1
    assert files(tmp_path) != [first]
    kept.close()
    _, again = opened(tmp_path)
    assert len(again) == 0
    assert again.judge(shown(cti=9), NOW) is Reason.REPLAYED, "though the clock were put back"
    assert again.judge(shown(1900, cti=9), NOW) is Reason.REPLAYED
    assert again.judge(shown(1901, cti=9), NOW + 1901) is None


def test_nothing_is_given_up_that_a_longer_interval_needs(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path, anti_passback=60)
    passes(kept, replay, shown(), at=0)
    replay.adjust(86_400, 20)
    for hour in range(1, 24):
        kept.tidy(NOW + 3600 * hour)
        kept.sync()
    _, again = opened(tmp_path, anti_passback=86_400)
    assert again.judge(shown(86_000), NOW + 86_000) is Reason.ANTI_PASSBACK


def test_a_lane_to_which_nobody_comes_begins_no_files(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path)
    size = files(tmp_path)[0].stat().st_size
    for hour in range(100):
        kept.tidy(NOW + 3600 * hour)
        kept.sync()
    assert [path.stat().st_size for path in files(tmp_path)] == [size]


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    replay = Replay(1e6, 1000)
    kept = Passages(tmp_path, BOOT, replay, most=500)
    for number in range(1500):
        release(kept, replay, shown(number, cti=number), at=number)
        kept.keep(replay.give_back())
        kept.tidy(NOW + number)
    kept.sync()
    assert len(files(tmp_path)) == len(replay.keys) == 1, "of what was given back nothing is remembered"
    for number in range(1500, 5000):
        passes(kept, replay, shown(number, cti=number), at=number)
        kept.tidy(NOW + number)
        assert len(replay) <= 1000
        assert len(replay.keys) <= 4
        if number % 250 == 0:
            kept.sync()
            assert sum(path.stat().st_size for path in files(tmp_path)) < 4 * 510 * RECORD
    _, again = opened(tmp_path, anti_passback=1e6)
    assert len(again) >= len(replay) > 980
    assert again.judge(shown(6000, cti=4999), NOW + 6000) is Reason.ANTI_PASSBACK
    assert again.judge(shown(10, cti=10), NOW + 6000) is Reason.REPLAYED


def test_nothing_turns_while_somebody_is_under_way(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    release(kept, replay, shown(), at=0)
    kept.tidy(NOW + 9000)
    kept.sync()
    kept.keep(replay.give_back())
    assert opened(tmp_path)[1].judge(shown(), NOW) is None


# A cut.


def test_a_cut_is_another_boot_without_a_clean_end(tmp_path: Path) -> None:
    passes(*opened(tmp_path), shown(), at=0)
    assert opened(tmp_path, NEXT)[0].gap is Gap.BEFORE_BOOT


def test_a_first_start_misses_nothing(tmp_path: Path) -> None:
    assert opened(tmp_path / "new")[0].gap is Gap.NOTHING


@pytest.mark.parametrize("boot", [BOOT, NEXT, b""])
def test_after_a_clean_end_nothing_is_missing(tmp_path: Path, boot: bytes) -> None:
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    kept.close()
    again, replay = opened(tmp_path, boot)
    assert again.gap is Gap.NOTHING
    assert replay.judge(shown(), NOW) is Reason.REPLAYED


def test_a_clean_end_counts_once(tmp_path: Path) -> None:
    opened(tmp_path)[0].close()
    passes(*opened(tmp_path, NEXT), shown(), at=0)
    assert opened(tmp_path, b"a third boot's..")[0].gap is Gap.BEFORE_BOOT


def test_who_ends_while_something_is_missing_leaves_no_clean_end(tmp_path: Path) -> None:
    opened(tmp_path)
    opened(tmp_path, NEXT)[0].close()
    assert opened(tmp_path, b"a third boot's..")[0].gap is Gap.BEFORE_BOOT


def test_a_process_that_dies_while_it_waits_goes_on_waiting_for_the_same(tmp_path: Path) -> None:
    opened(tmp_path)
    for _ in range(3):
        assert opened(tmp_path, NEXT)[0].gap is Gap.BEFORE_BOOT


def test_who_has_waited_long_enough_misses_nothing(tmp_path: Path) -> None:
    opened(tmp_path)
    opened(tmp_path, NEXT)[0].fill()
    again, _ = opened(tmp_path, NEXT)
    assert again.gap is Gap.NOTHING
    again.close()
    assert opened(tmp_path, BOOT)[0].gap is Gap.NOTHING


@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"", BOOT), (BOOT, b"")])
def test_where_no_boot_can_be_told_from_another_it_may_always_be_another(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    opened(tmp_path, before)
    assert opened(tmp_path, after)[0].gap is Gap.BEFORE_START


@given(cut=st.integers(1, RECORD - 1))
def test_a_torn_write_was_never_acknowledged(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    kept, replay = opened(folder)
    passes(kept, replay, shown(), at=0)
    passes(kept, replay, shown(1, cti=2), at=1)
    path = files(folder)[0]
    os.truncate(path, path.stat().st_size - cut)
    kept, replay = opened(folder)
    assert kept.gap is Gap.NOTHING, "the same boot: who tore it had not released anybody"
    assert (len(replay), path.stat().st_size % RECORD) == (1, 0)
    passes(kept, replay, shown(2, cti=3), at=2)
    assert len(opened(folder)[1]) == 2, "and what comes later is not lost behind it"


@given(at=st.integers(0, 6 * RECORD * 8 - 1))
def test_a_bit_that_flips_anywhere_makes_everybody_wait(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    folder = tmp_path_factory.mktemp("worn")
    kept, replay = opened(folder)
    for number in range(4):
        passes(kept, replay, shown(number, cti=number), at=number)
    path = files(folder)[0]
    data = bytearray(path.read_bytes())
    assert len(data) == 6 * RECORD
    data[at >> 3] ^= 1 << (at & 7)
    path.write_bytes(data)
    kept, replay = opened(folder)
    assert kept.gap is Gap.BEFORE_START
    assert len(replay) == max(0, at // (8 * RECORD) - 2)
    passes(kept, replay, shown(50, cti=50), at=50)
    kept.sync()
    again, replay = opened(folder)
    assert again.gap is Gap.BEFORE_START
    assert replay.judge(shown(50, cti=50), NOW + 50) is Reason.REPLAYED


def test_an_older_file_that_was_torn_makes_everybody_wait(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path, anti_passback=9000)
    passes(kept, replay, shown(), at=0)
    kept.tidy(NOW + 10_000)
    passes(kept, replay, shown(10_000, cti=2), at=10_000)
    kept.tidy(NOW + 12_000)
    first, *_ = files(tmp_path)
    os.truncate(first, first.stat().st_size - 1)
    assert opened(tmp_path)[0].gap is Gap.BEFORE_START


@given(data=st.binary(max_size=300))
def test_a_file_of_anything_is_no_reason_to_stop(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "00000001.passages").write_bytes(data)
    (folder / "x.passages").write_bytes(data)
    kept, replay = opened(folder)
    passes(kept, replay, shown(), at=0)
    kept.sync()
    assert opened(folder)[1].judge(shown(), NOW) is Reason.REPLAYED


# A disk that does not take it.


@contextmanager
def instead(kept: Passages, other: str) -> Iterator[None]:
    """Another file behind the descriptor."""
    saved, file = os.dup(kept._file), os.open(other, os.O_WRONLY)
    os.dup2(file, kept._file)
    try:
        yield
    finally:
        os.dup2(saved, kept._file)
        os.close(saved)
        os.close(file)


def test_a_full_disk_keeps_it_shut(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    passage = replay.open(shown(), NOW)
    assert passage is not None
    with (
        instead(kept, "/dev/full"),
        pytest.raises(JournalError, match="expected to write the passages, got: "),
    ):
        kept.keep(passage)
    kept.keep(passage)
    assert len(opened(tmp_path)[1]) == 1


def test_what_could_not_be_synced_leaves_no_clean_end(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path)
    with instead(kept, "/dev/null"), pytest.raises(JournalError, match="expected to keep the passages"):
        kept.sync()  # fdatasync gives EINVAL there
    kept.close()
    assert opened(tmp_path, NEXT)[0].gap is Gap.BEFORE_BOOT


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="file/passages: expected a folder for the passages, got: not a directory"):
        opened(tmp_path / "file" / "passages")


def test_another_file_that_cannot_be_begun_leaves_everything_as_it_was(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    (tmp_path / "00000002.passages").mkdir()
    with pytest.raises(JournalError, match="expected to begin another file of passages, got: file exists"):
        kept.tidy(NOW + 2000)
    passes(kept, replay, shown(2001, cti=2), at=2001)
    (tmp_path / "00000002.passages").rmdir()
    assert opened(tmp_path)[1].judge(shown(2001, cti=2), NOW + 2001) is Reason.REPLAYED


@pytest.fixture
def full_disk(small_disk: Path) -> Path:
    """A real file system on which nothing is left."""
    with suppress(OSError), (small_disk / "all").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return small_disk


def test_a_full_disk_at_the_beginning_leaves_nothing_behind(full_disk: Path) -> None:
    with pytest.raises(JournalError, match="expected a folder for the passages, got: no space left on device"):
        opened(full_disk / "passages")
    assert files(full_disk / "passages") == []
    (full_disk / "all").unlink()
    assert opened(full_disk / "passages")[0].gap is Gap.NOTHING


# In which order it reaches the disk: as Python's own profile hook sees it.


def calls(deed: Callable[[], None]) -> list[str]:
    found: list[str] = []
    wanted = {"write", "fdatasync", "fsync", "unlink", "close", "ftruncate"}

    def note(_frame: object, event: str, what: object) -> None:
        name = getattr(what, "__name__", "")
        if event == "c_call" and getattr(what, "__module__", "") == "posix" and name in wanted:
            found.append(name)

    sys.setprofile(note)
    try:
        deed()
    finally:
        sys.setprofile(None)
    return found


def test_the_way_to_the_barrier_waits_for_no_disk(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    assert calls(lambda: release(kept, replay, shown(), at=0)) == ["write"]


def test_a_run_is_on_the_disk_before_it_begins(tmp_path: Path) -> None:
    first = calls(lambda: opens(tmp_path))
    assert [name for name in first if name != "close"] == ["write", "fsync", "fsync", "fdatasync"], "its name too"
    assert calls(lambda: opens(tmp_path)) == ["ftruncate", "write", "fdatasync"]


def test_a_clean_end_is_said_once_all_is_on_the_disk(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    assert calls(kept.close) == ["fdatasync", "write", "fdatasync", "close"]


def test_a_file_goes_after_what_follows_it_is_on_the_disk(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    kept.tidy(NOW + 2000)
    assert "unlink" not in calls(lambda: kept.tidy(NOW + 4000))
    done = calls(kept.sync)
    assert done.count("fdatasync") == 3, "the file of now, before and after, and the one that it follows"
    assert max(at for at, name in enumerate(done) if name in ("fdatasync", "fsync")) < done.index("unlink")


def test_what_is_forgotten_asks_to_be_made_last(tmp_path: Path) -> None:
    """Else a mark and its key would stay on the disk until somebody comes."""
    kept, replay = opened(tmp_path)
    passes(kept, replay, shown(), at=0)
    kept.sync()
    assert kept.tidy(NOW + 4000) is True
    kept.sync()
    assert kept.tidy(NOW + 8000) is False


def test_damage_in_an_older_file_is_found_once(tmp_path: Path) -> None:
    kept, replay = opened(tmp_path, anti_passback=9000)
    passes(kept, replay, shown(), at=0)
    kept.tidy(NOW + 9500)
    passes(kept, replay, shown(9500, cti=2), at=9500)
    kept.close()
    first = files(tmp_path)[0]
    first.write_bytes(first.read_bytes()[:-40] + bytes(40))
    again, _ = opened(tmp_path, anti_passback=9000)
    assert again.gap is Gap.BEFORE_START
    again.fill()
    again.close()
    assert opened(tmp_path, anti_passback=9000)[0].gap is Gap.NOTHING
