"""Real processes and real faults: whatever happens to the scanner, the lane hears symbols again within 2 s."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standing import KEPT, LIMIT_S, REPO, Standing, standing

from gate.controller import scanner as controller
from hardware import escalation
from hardware.escalation import READING, Step
from hardware.keeper import MEMORY_LIMIT, RESTART, Marks

AGAIN_S = 2.0
GROWN = f"the worker's memory grew above {MEMORY_LIMIT >> 20} MB: another decoder takes over"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")  # short: a socket's path holds 107 bytes


@pytest.fixture
def kept(folder: Path) -> Iterator[Standing]:
    with standing(folder) as found:
        yield found


FAULTS = {
    "loops": "a picture kept the decoder for 1 s: another decoder takes over",
    "aborts": "the worker was killed by signal 6: another decoder takes over",
    "segfaults": "the worker was killed by signal 11: another decoder takes over",
    "leaks": GROWN,
    "leaks at once": GROWN,
    "raises": "ValueError: what no engine should raise: another decoder takes over",
    "hangs": "no frame for 1 s: the camera is opened anew",
    "stalls": "no frame for 1 s: the camera is opened anew",
    "tears": "camera none: expected frames of 1280x720, got 640x480: the camera is opened anew",
    "vanishes": "camera none gives no frames; is it still plugged in?: the camera is opened anew",
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=list(FAULTS))
def test_a_fault_of_the_decoder_or_the_camera_costs_a_worker_and_nothing_else(
    folder: Path, fault: str, said: str
) -> None:
    with standing(folder, fault) as kept:
        keeper, worker = kept.keeper, kept.worker
        assert kept.outage(kept.arm) < AGAIN_S
        assert kept.keeper == keeper
        assert kept.worker != worker
        assert kept.hear()[0] == said


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGKILL, "the worker was killed by signal 9"), (signal.SIGSTOP, " for 1 s: ")]
)
def test_a_worker_that_is_killed_or_stopped_is_replaced_by_a_fork(kept: Standing, number: int, said: str) -> None:
    keeper, worker = kept.keeper, kept.worker
    assert kept.outage(lambda: os.kill(worker, number)) < AGAIN_S
    assert (kept.keeper, kept.worker == worker) == (keeper, False)
    assert said in kept.hear()[0]
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["keeper", "both"])
@pytest.mark.parametrize(
    ("number", "why"), [(signal.SIGKILL, "killed by signal 9"), (signal.SIGSTOP, "silent for 1 s")]
)
def test_a_keeper_that_is_killed_or_stopped_is_replaced_with_its_worker(
    kept: Standing, send: Callable[[int, int], None], number: int, why: str
) -> None:
    before = kept.keeper, kept.worker
    worker = os.pidfd_open(kept.worker)
    assert kept.outage(lambda: send(kept.keeper, number)) < AGAIN_S
    assert kept.hear()[0] == f"scanner lost ({why}); another starts in 0.1 s"
    assert not {kept.keeper, kept.worker} & set(before)
    assert _ends(worker)


def test_the_keeper_is_of_one_thread_as_a_fork_demands(kept: Standing) -> None:
    assert len(list(Path(f"/proc/{kept.keeper}/task").iterdir())) == 1


def test_a_camera_that_is_unplugged_is_tried_until_it_is_back_and_told_of_once(folder: Path) -> None:
    with standing(folder, "vanishes") as kept:
        keeper = kept.keeper
        (folder / "unplugged").touch()
        kept.arm()
        said = [kept.told.get(timeout=LIMIT_S) for _ in range(4)]
        assert said == [
            FAULTS["vanishes"],
            "camera none could not be opened; plug it in: the whole scanner starts anew",
            f"scanner lost (exit code {RESTART}); another starts in 0.1 s",
            "camera none could not be opened; plug it in: the camera is opened anew",
        ]
        assert kept.keeper != keeper
        with pytest.raises(Empty):
            kept.told.get(timeout=3)  # it tries on, and whoever keeps it does not take that for a hang
        (folder / "unplugged").unlink()
        assert kept.told.get(timeout=LIMIT_S) == READING
        assert kept.hear() == []


def test_a_camera_that_opens_and_stays_silent_is_given_up_after_its_own_patience(folder: Path) -> None:
    with standing(folder, "hangs") as kept:
        (folder / "silent").touch()
        kept.arm()
        assert kept.told.get(timeout=LIMIT_S) == FAULTS["hangs"]
        assert kept.told.get(timeout=LIMIT_S) == "no first frame for 3 s: the whole scanner starts anew"
        (folder / "silent").unlink()
        while kept.told.get(timeout=LIMIT_S) != READING:
            pass


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)])
def test_whatever_ends_a_keeper_ends_its_worker(folder: Path, number: int, code: int) -> None:
    with standing(folder) as listening:
        command = [sys.executable, str(KEPT), str(listening.path), "", str(folder)]
        environ = {**os.environ, "PYTHONPATH": str(REPO)}
        alone = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE)  # noqa: S603 - our own command
        children = Path(f"/proc/{alone.pid}/task/{alone.pid}/children")
        pause = threading.Event()
        while not children.read_text():
            pause.wait(0.01)
        worker = os.pidfd_open(int(children.read_text()))
        alone.send_signal(number)
        assert alone.wait(LIMIT_S) == code
        assert _ends(worker)
        assert alone.stderr is not None
        assert alone.stderr.read() == b""
        alone.stderr.close()


# A keeper without a controller: it ends when its second worker reads; EX_NOINPUT if it never does.
ALONE = """
import ctypes, os, resource, signal, struct, sys, time
from hardware import keeper
from hardware.escalation import READING

heard, began = [], time.monotonic()
descriptors = lambda: len(os.listdir("/proc/self/fd"))
children = lambda: len(open(f"/proc/self/task/{os.getpid()}/children").read().split())

def told(text):
    heard.append(text)
    print(text, flush=True)
    if heard.count(READING) == 2:
        print(children(), flush=True)
        sys.exit()

def alive(now):
    if now - began > 5:
        os._exit(os.EX_NOINPUT)

def reads(progress):
    progress.taken()
    progress.done()

%s
keeper.keep(work, told, alive)
"""


def alone(code: str) -> "subprocess.CompletedProcess[str]":
    """Run a keeper with that `work`."""
    command = [sys.executable, "-c", ALONE % code]
    environ = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603 - our own command


DIES = """
def work(progress):
    reads(progress)
    {}
"""
LEFT = """
if not os.fork():
    os._exit(0)  # nobody has waited for it, as for a worker that a driver held for longer

def work(progress):
    reads(progress)
    if not os.fork():
        os.closerange(1, 3)  # but not the pipe for the last words
        time.sleep(2)
        os._exit(0)
    os.abort()
"""
ODD = """
class Odd(Exception):
    def __str__(self):
        raise OSError("no words")
"""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (LEFT, "the worker was killed by signal 6"),
        (DIES.format(r'raise OSError("camera \udc80 gone")'), "camera ? gone"),
        (ODD + DIES.format("raise Odd"), "the worker ended with exit code 1"),
    ],
    ids=["leaves a child", "says no text", "cannot say it"],
)
def test_however_a_worker_dies_the_keeper_hears_of_it_and_goes_on_alone(code: str, why: str) -> None:
    ended = alone(code)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [READING, f"{why}: the camera is opened anew", READING, "1"]


CANNOT_FORK = """
if not os.getuid():  # whom no limit holds
    os.setgid(65534)
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
work, before = reads, descriptors()

def alive(now):
    if now - began > 0.5:
        print(descriptors() - before, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(os.EX_NOINPUT)
"""


def test_a_keeper_that_cannot_fork_holds_nothing_and_can_be_ended() -> None:
    ended = alone(CANNOT_FORK)
    said = "no worker could be started (resource temporarily unavailable): the camera is opened anew"
    assert ended.stdout.splitlines() == [said, "0"]
    assert (ended.returncode, ended.stderr) == (-signal.SIGTERM, "")


# seccomp(2): pidfd_open, 434 on every machine, is EMFILE (24)
CANNOT_WATCH = """
rules = (0x20, 0, 0, 0), (0x15, 0, 1, 434), (0x06, 0, 0, 0x50000 | 24), (0x06, 0, 0, 0x7FFF0000)
listed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack("HP", len(rules), ctypes.addressof(listed)))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit(os.EX_UNAVAILABLE)

def work(progress):
    time.sleep(9)

def alive(now):
    if now - began > 0.5:
        print(children(), flush=True)
        sys.exit()
"""


def test_a_worker_that_cannot_be_watched_is_not_left_with_the_camera() -> None:
    ended = alone(CANNOT_WATCH)
    if ended.returncode == os.EX_UNAVAILABLE:
        pytest.skip("no seccomp here")
    said = "no worker could be started (too many open files): the camera is opened anew"
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [said, "0"]


def _ends(life: int) -> bool:
    try:
        return bool(select.select([life], [], [], LIMIT_S)[0])
    finally:
        os.close(life)


@given(st.lists(st.booleans(), max_size=600))
def test_marks_are_counted_and_the_last_one_stays(taken: list[bool]) -> None:
    marks = Marks()
    for one in taken:
        (marks.taken if one else marks.done)()
    last = Step.STARTING if not taken else Step.DECODING if taken[-1] else Step.WAITING
    assert marks.read() == (len(taken) % 256, last)
    marks.close()


def test_both_sides_have_the_same_word_for_a_scanner_that_is_well() -> None:
    assert escalation.READING == controller.READING
