"""The command line as people and machines meet it: results on stdout, one clear line on stderr, exit 0, 1 or 2, never a traceback."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree

import cv2
import numpy as np
import pytest
import zxingcpp
from conftest import World
from plant import NOW

from gate.cli import main
from gate.specimen.cases import CASES
from hardware import decoder
from hardware.recording import CameraSettings, Recording, save
from hardware.video import Writer

REPO = Path(__file__).parents[1]


def gate(*arguments: object, given: bytes = b"", **environ: str) -> "subprocess.CompletedProcess[bytes]":
    """The real command, in a process of its own."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "gate", *map(str, arguments)],
        input=given, capture_output=True, cwd=REPO, env={**os.environ, **environ}, timeout=30, check=False,
    )  # fmt: skip


def start(*arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "gate", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPO)  # noqa: S603 - our own command


def one_line(err: str | bytes) -> str:
    """What stderr says, which must be one line of ours."""
    text = err if isinstance(err, str) else err.decode()
    assert text.startswith("gate: "), text
    assert text.count("\n") == 1, text
    assert text.endswith("\n"), text
    return text[6:-1]


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    return copytree(world.folder, tmp_path / "lane", symlinks=True, ignore=lambda *_: ["journal"])


@pytest.fixture
def toml(folder: Path) -> Path:
    return folder / "gate.toml"


Capture = pytest.CaptureFixture[str]


def verdict(capsys: Capture, *arguments: object) -> dict[str, object]:
    capsys.readouterr()
    code = main(["verify", *map(str, arguments), "--json"])
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    assert code == (0 if answer["decision"] == "cleared" else 1)
    return answer


# Specimens and verdicts.


@pytest.mark.parametrize("case", list(CASES))
def test_every_case_is_shown_and_named(world: World, capsys: Capture, case: str) -> None:
    toml = world.folder / "gate.toml"
    assert main(["specimen", "show", str(world.folder), "--case", case, "--at", str(NOW)]) == 0
    text = capsys.readouterr().out.removesuffix("\n")
    answer = verdict(capsys, text, "--config", toml, "--at", NOW)
    assert answer["reason"] == case
    assert answer["decision"] == ("cleared" if case == "cleared" else "referred")


def test_a_new_specimen_world(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "deep" / "new"
    assert main(["specimen", "new", str(folder)]) == 0
    facts = json.loads((folder / "specimen.json").read_bytes())
    assert {
        "control_point", "lane", "control_point_kid", "issuer_kid", "scope", "status_uri", "valid_idx", "revoked_idx", "suspended_idx",
    } <= set(facts)  # fmt: skip
    assert (len(facts["control_point_kid"]), len(facts["issuer_kid"])) == (8, 16)
    for name in ("issuer", "control-point"):
        path = folder / "keys" / f"{name}.pem"
        assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
        assert path.stat().st_mode & 0o077 == 0
    assert main(["specimen", "show", str(folder)]) == 0
    text = capsys.readouterr().out.strip()
    assert verdict(capsys, text, "--config", folder / "gate.toml")["decision"] == "cleared"
    assert main(["specimen", "new", str(folder)]) == 2
    assert "expected a folder without a gate.toml; name a new one" in one_line(capsys.readouterr().err)


def test_a_code_as_a_picture_is_read_back(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / "code.png"
    assert main(["specimen", "show", str(folder), "--png", str(picture)]) == 0
    text = capsys.readouterr().out.strip()
    assert main(["decode", str(picture), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == str(picture)
    assert [symbol["text"] for symbol in found["symbols"]] == [text]
    assert set(found["symbols"][0]) == {"text", "engine"}
    assert isinstance(found["ms"], float)
    assert main(["decode", str(picture)]) == 0
    assert capsys.readouterr().out.startswith(f"{picture}: EC1:")


def test_pictures_without_a_code_and_no_pictures(tmp_path: Path, capsys: Capture) -> None:
    empty, junk = tmp_path / "empty.png", tmp_path / "junk.png"
    cv2.imwrite(str(empty), np.zeros((40, 40), np.uint8))
    junk.write_bytes(b"junk")
    assert main(["decode", str(empty), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["symbols"] == []
    assert main(["decode", str(junk), str(tmp_path / "none.png"), str(empty)]) == 2
    said = capsys.readouterr()
    assert said.out.startswith(f"{empty}: no code"), "the others are read all the same"
    assert [line.split(": ")[2].split(",")[0] for line in said.err.splitlines()] == [
        "expected a picture that OpenCV reads", "expected a picture that can be read",
    ]  # fmt: skip


ENCODINGS = {
    "utf-8": ("Grüße, 旅", "utf-8"),
    "shift jis": ("旅券の番号", "cp932"),
    "latin-1": ("Grüße à Orly", "latin-1"),
    "bytes that are text nowhere": ("\x81\xff\x00", "latin-1"),
}


@pytest.mark.parametrize(("text", "encoding"), ENCODINGS.values(), ids=list(ENCODINGS))
def test_a_text_that_does_not_say_its_encoding_is_shown_as_it_was_meant(
    tmp_path: Path, capsys: Capture, text: str, encoding: str
) -> None:
    picture = tmp_path / "code.png"
    code = zxingcpp.create_barcode(text.encode(encoding), zxingcpp.BarcodeFormat.QRCode)
    cv2.imwrite(str(picture), np.array(code.to_image(scale=6, add_quiet_zones=True)))
    assert main(["decode", str(picture), "--json"]) == 0
    assert [symbol["text"] for symbol in json.loads(capsys.readouterr().out)["symbols"]] == [text]
    assert main(["decode", str(picture)]) == 0
    assert capsys.readouterr().out.startswith(f"{picture}: {text}" if text.isprintable() else f"{picture}: ")


MISUSES = {
    "no such case": ("specimen show {lane} --case nope", "--case nope: expected one of cleared, "),
    "no specimen": ("specimen show {tmp}", "expected what `gate specimen new` makes, got: No such file"),
    "a picture nowhere": ("specimen show {lane} --png {tmp}/x/y.png", "y.png: no such file or directory"),
    "not a png": ("specimen show {lane} --png {tmp}/x.gif", "expected a name that ends in .png"),
    "a file in the way": ("specimen new {file}", "not a directory"),
    "a folder as configuration": ("verify x --config {lane}", "expected a file that can be read, got: Is a directory"),
    "no configuration": ("run --config {tmp}/none", "expected a file that can be read, got: No such file"),
    "broken configuration": ("control --config {file}", "lane: missing; add it"),
    "no camera": ("record {tmp}/new --config {toml}", "camera /dev/video0 could not be opened"),
    "a folder that is used": ("record {lane} --config {toml}", "expected a new or empty folder; name another"),
    "no journal": ("journal show --config {toml}", "expected the folder of a journal, got none"),
    "no journal to prove": ("journal verify --config {toml}", "expected the folder of a journal, got none"),
    "no stick": ("trust import {tmp}/none --config {toml}", "expected the folder of a repository, got none"),
    "an empty stick": ("trust import {lane}/keys --config {toml}", "timestamp.json could not be fetched"),
    "no server named": ("trust update --config {toml}", "trust.url: expected the authority's repository, got none"),
    "not a server": ("trust update --url file:///x --config {toml}", "--url file:///x: expected http:// or https://"),
    "no authority": ("specimen publish {tmp}/none", "expected what `gate specimen new` makes, got: "),
    "an index too high": ("specimen publish {lane} --revoke 4096", "expected an index below 4096, got 4096"),
    "no such older key": ("specimen show {lane} --kid ../x", "--kid ../x: expected the kid of a control-point key"),
    "no recordings": ("rehearse {tmp}/none", "expected a recording or a folder of recordings"),
    "an empty folder": ("rehearse {lane}/keys", "no recording.toml"),
    "nothing to scan by": ("scan --config {tmp}/none", "expected a file that can be read, got: No such file"),
}


@pytest.mark.parametrize(("line", "said"), MISUSES.values(), ids=list(MISUSES))
def test_misuse_is_one_clear_line_and_2(folder: Path, tmp_path: Path, capsys: Capture, line: str, said: str) -> None:
    file = tmp_path / "file"
    file.touch()
    before = signal.getsignal(signal.SIGTERM)
    words = [word.format(lane=folder, tmp=tmp_path, file=file, toml=folder / "gate.toml") for word in line.split()]
    try:
        assert main(words) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    assert said in one_line(capsys.readouterr().err.replace(_without_zbar(), ""))
    assert not (tmp_path / "new").exists()


def _without_zbar() -> str:
    missing = decoder.pyzbar_missing()
    return f"gate: {missing}\n" if missing else ""


@pytest.mark.parametrize(
    "words",
    [
        [], ["nope"], ["verify"], ["verify", "x"], ["scan"], ["specimen"], ["decode"], ["run"],
        ["verify", "x", "--config", "y", "--at", "-1"], ["verify", "x", "--config", "y", "--at", "9" * 400],
        ["verify", "x", "--config", "y", "--at", "soon"], ["trust", "import"],
        ["specimen", "publish", "x", "--revoke", "-1"], ["specimen", "publish", "x", "--rotate", "everything"],
        ["specimen", "publish", "x", "--expires", "1.5"], ["record", "x", "--config", "y", "--seconds", "nan"],
        ["record", "x", "--config", "y", "--seconds", "-1"], ["record", "x", "--config", "y", "--seconds", "x"],
    ],
)  # fmt: skip
def test_a_line_that_is_no_command_is_2(capsys: Capture, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_an_empty_trust_folder(folder: Path, toml: Path, capsys: Capture) -> None:
    rmtree(folder / "trust")
    (folder / "trust").mkdir()
    for verb in (["verify", "x"], ["trust", "show"], ["run"], ["control"]):
        assert main([*verb, "--config", str(toml)]) == 2
        assert "trust-list.json: expected a file that can be read" in one_line(capsys.readouterr().err)


def test_pins_that_clash_are_named(toml: Path, capsys: Capture) -> None:
    toml.write_text(toml.read_text() + "[wiring]\nrelease = 27\n")
    assert main(["control", "--secure", "--config", str(toml)]) == 2
    said = one_line(capsys.readouterr().err.replace("gate: the pins are simulated: nothing moves\n", ""))
    assert said.startswith("wiring: GPIO 27 is used by release and by secure")


def test_trust_is_shown(toml: Path, capsys: Capture) -> None:
    assert main(["trust", "show", "--config", str(toml), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["serial"] == 1
    assert main(["trust", "show", "--config", str(toml)]) == 0
    assert "UTO-MO" in capsys.readouterr().out


# In processes of their own.


def test_the_process_says_its_version() -> None:
    done = gate("--version")
    assert (done.returncode, done.stdout[:5]) == (0, b"gate ")


def test_one_verdict_a_line_whatever_the_line(world: World) -> None:
    good = world.specimen.code("cleared", NOW).encode()
    lines = [good, b"", b"\xff\xfe\x00", b"A" * 1_000_000, good + b"A" * 1_000_000, good, b"EC1:\r", good]
    done = gate("verify", "-", "--config", world.folder / "gate.toml", "--at", NOW, "--json", given=b"\n".join(lines))
    assert (done.returncode, done.stderr) == (1, b"")
    assert [json.loads(line)["reason"] for line in done.stdout.splitlines()] == [
        "cleared", "not_ours", "not_ours", "not_ours", "malformed", "cleared", "malformed", "cleared",
    ]  # fmt: skip


def test_all_cleared_is_yes_and_nothing_is_nothing(world: World) -> None:
    good = world.specimen.code("cleared", NOW).encode()
    options = ("verify", "-", "--config", world.folder / "gate.toml", "--at", NOW)
    done = gate(*options, given=good + b"\n" + good)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"cleared: cleared\ncleared: cleared\n", b"")


def test_a_reader_that_has_gone_is_no_traceback(world: World) -> None:
    shell = f"yes | head -20000 | {sys.executable} -m gate verify - --config {world.folder}/gate.toml | head -1"
    done = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, cwd=REPO, timeout=30, check=False)  # noqa: S603 - our own command
    assert (done.stdout, done.stderr) == (b"referred: not_ours\n", b"")


def test_an_ambient_pin_factory_is_refused(toml: Path) -> None:
    done = gate("run", "--config", toml, GPIOZERO_PIN_FACTORY="mock")
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("GPIOZERO_PIN_FACTORY is set")


def test_securing_after_a_controller_that_died(toml: Path) -> None:
    done = gate("control", "--secure", "--config", toml)
    assert done.returncode == 0
    assert done.stderr.decode().splitlines()[-1] == "gate: the barrier is secured"


def _until(process: "subprocess.Popen[bytes]", said: str) -> None:
    assert process.stderr is not None
    for line in iter(process.stderr.readline, b""):
        if line.decode().startswith(f"gate: {said}"):
            return
    raise AssertionError(f"it never said {said!r}")


@pytest.fixture
def running(toml: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The whole lane on simulated pins; its scanner finds no camera and tries again and again."""
    process = start("run", "--config", toml)
    yield process
    process.kill()
    process.communicate(timeout=5)


def _scanner(running: "subprocess.Popen[bytes]") -> int:
    (found,) = _children(running)
    return found


def _children(running: "subprocess.Popen[bytes]") -> set[int]:
    tasks = Path(f"/proc/{running.pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def _is_followed(running: "subprocess.Popen[bytes]", before: int, seconds: float) -> bool:
    """Whether another process takes the place of one that was lost."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _children(running) - {before}:
            return True
    return False


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["keeper", "both"])
def test_a_scanner_that_hangs_is_noticed_and_nothing_else_notices(
    running: "subprocess.Popen[bytes]", toml: Path, send: Callable[[int, int], None]
) -> None:
    _until(running, "camera /dev/video0 could not be opened")
    before = _scanner(running)
    send(before, signal.SIGSTOP)
    _until(running, "scanner lost (silent for 1 s); another starts in 0.1 s")
    assert _is_followed(running, before, 5)
    running.send_signal(signal.SIGTERM)
    assert running.wait(5) == 0
    lines = [json.loads(line) for line in gate("journal", "show", "--config", toml).stdout.splitlines()]
    assert {line["kind"] for line in lines[1:-1]} <= {"scanner", "clock"}
    assert [line["what"].partition(";")[0] for line in lines if line["kind"] == "scanner"] == [
        "camera /dev/video0 could not be opened",
        "scanner lost (silent for 1 s)",
    ], "what has not changed is not told again"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scanner_alone_ends_in_order_and_says_once_what_is_wrong(toml: Path, number: signal.Signals) -> None:
    with start("scan", "--config", toml, "--socket", toml.parent / "none") as process:
        _until(process, "camera /dev/video0 could not be opened")
        process.send_signal(number)
        _, err = process.communicate(timeout=5)
        assert process.returncode == (0 if number is signal.SIGTERM else 130)
        assert err == (b"" if number is signal.SIGTERM else b"gate: interrupted\n")


def test_a_scanner_whose_controller_was_killed_ends(running: "subprocess.Popen[bytes]") -> None:
    _until(running, "camera /dev/video0 could not be opened")
    life = os.pidfd_open(_scanner(running))
    running.kill()
    assert select.select([life], [], [], 5)[0]
    os.close(life)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_lane_secured(running: "subprocess.Popen[bytes]", toml: Path, number: signal.Signals) -> None:
    _until(running, "camera /dev/video0 could not be opened")
    running.send_signal(number)
    _until(running, f"stopping: {number.name}")
    _until(running, "stopped: the barrier is secured")
    assert running.wait(5) == 0
    done = gate("journal", "show", "--config", toml)
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("start", "stop", {"scanner", "clock"})


def test_a_journal_is_proved_and_a_tampered_one_is_not(toml: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    for _ in range(2):
        with start("control", "--config", _with_socket(toml)) as process:
            _until(process, "the lane is standby")
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
    assert main(["journal", "verify", "--config", str(toml)]) == 0
    proved = capsysbinary.readouterr().out
    assert main(["journal", "show", "--config", str(toml)]) == 0
    kinds = [json.loads(line)["kind"] for line in capsysbinary.readouterr().out.splitlines()]
    assert [kind for kind in kinds if kind != "clock"] == ["start", "stop"] * 2
    assert proved.startswith(b"%d records, head " % len(kinds))
    path = next((toml.parent / "journal").glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b"start", b"st\xffrt"))
    assert main(["journal", "show", "--config", str(toml)]) == 0
    assert b"st\xffrt" in capsysbinary.readouterr().out
    assert main(["journal", "verify", "--config", str(toml)]) == 1
    assert one_line(capsysbinary.readouterr().err).startswith("line 1: ")


def _with_socket(toml: Path) -> Path:
    if "[scanner]" not in toml.read_text():
        toml.write_text(toml.read_text() + '[scanner]\nsocket = "symbols.sock"\n')
    return toml


# Recordings that are not what they say.


def recording(folder: Path, frames: int = 4) -> Path:
    folder.mkdir()
    with Writer(folder / "frames.mp4", 320, 240, 30) as video:
        for number in range(frames):
            video.write(np.full((240, 320), 40 * number, np.uint8))
    times = tuple(number / 30 for number in range(frames))
    taken = CameraSettings(kind="specimen", width=320, height=240, fps=30)
    save(folder, Recording(title="a test", wall=float(NOW), times=times, camera=taken))
    return folder


def _missing(folder: Path) -> None:
    (folder / "frames.mp4").unlink()


def _garbage(folder: Path) -> None:
    (folder / "frames.mp4").write_bytes(b"garbage" * 1000)


def _short(folder: Path) -> None:
    text = (folder / "recording.toml").read_text()
    (folder / "recording.toml").write_text(text.replace("times = [0.0,", "times = [0.0, 0.01,"))


def _no_toml(folder: Path) -> None:
    (folder / "recording.toml").unlink()


BROKEN = {
    "missing video": (_missing, "recording one: expected a video"),
    "garbage": (_garbage, "recording one: frame 1 of 4 could not be read"),
    "a frame too few": (_short, "recording one: frame 5 of 5 could not be read"),
    "no recording.toml": (_no_toml, "no recording.toml"),
}


@pytest.mark.parametrize(("spoil", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_recording_that_is_broken_is_named_with_its_frame(tmp_path: Path, spoil: object, said: str) -> None:
    assert callable(spoil)
    spoil(recording(tmp_path / "one"))
    done = gate("rehearse", tmp_path / "one", "--fast")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert said in done.stderr.decode().splitlines()[-1]
