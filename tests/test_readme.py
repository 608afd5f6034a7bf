"""The README is for strangers: what it shows must be so. Its first two commands are run by .ci/run, as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate import config
from gate.specimen.traveller import DAY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def block_with(words: str) -> str:
    (found,) = (text for _, text in BLOCKS if words in text)
    return found


def test_the_first_block_has_the_two_commands_and_nothing_else() -> None:
    first = BLOCKS[0][1].splitlines()
    assert len(first) == 2
    assert first[0].endswith(".venv/bin/gate rehearse")
    assert "pytest" in first[1]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[int, str]]:
    """A stranger's shell, in a folder where what one line made is there for the next."""
    folder = tmp_path_factory.mktemp("by-hand")
    gate = folder / "bin" / "gate"
    gate.parent.mkdir()
    gate.write_text(f'#!/bin/sh\nexec {sys.executable} -m gate "$@"\n')
    gate.chmod(0o755)
    environ = os.environ | {"PATH": f"{gate.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def typed(line: str) -> tuple[int, str]:
        done = subprocess.run(line, shell=True, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S602 - the README's own line
        talk = [said for said in done.stderr.splitlines() if not said.startswith("gate: the clock is not synchronised")]
        assert talk == [], line
        return done.returncode, done.stdout

    return typed


def test_what_is_to_be_tried_by_hand_works(by_hand: Callable[[str], tuple[int, str]]) -> None:
    codes, texts = zip(*map(by_hand, block_with("gate specimen new").splitlines()), strict=True)
    assert codes == (0, 0, 0, 0, 1, 0)
    assert texts[1].strip() in texts[2]
    assert texts[3] == "cleared: cleared\n"
    assert texts[4] == "referred: revoked\n"

    codes, texts = zip(*map(by_hand, block_with("gate specimen publish").splitlines()), strict=True)
    assert codes == (0, 0, 1, 0, 0, 0)
    assert (texts[2], texts[5]) == ("referred: revoked\n", "cleared: cleared\n")
    assert [text.partition(";")[0] for text in (texts[1], texts[4])] == ["trust list 1 -> 2", "trust list 2 -> 3"]


def test_the_smallest_gate_toml_is_one() -> None:
    settings = config.parse(block_with("control_point =").encode(), Path("/etc/gate/gate.toml"))
    assert settings.lane.environment == "production"


def test_the_wiring_is_the_configurations() -> None:
    wiring = config.WiringConfig()
    rows = dict(re.findall(r"^\| ([a-z ,]+?) \| ([0-9, ]+?) \|", README, flags=re.MULTILINE))
    names = {"lamp closed": "closed_lamp"}
    told = {}
    for name, pins in rows.items():
        parts = [names.get(part, part).removeprefix("lamp ").replace(" ", "_") for part in name.split(", ")]
        told |= dict(zip(parts, (int(pin) for pin in pins.split(", ")), strict=True))
    assert told == {name: getattr(wiring, name) for name in wiring.__struct_fields__}


def test_the_captured_run_is_of_the_shipped_day() -> None:
    captured = README.split("<!-- captured: gate rehearse -->")[1].split("<!-- end -->")[0]
    told = re.findall(r"^✓ (\S+) +(cleared|referred \((\w+)\))", captured, flags=re.MULTILINE)
    assert [(name, reason or "cleared") for name, _, reason in told] == [(one.name, one.reason) for one in DAY]


def test_nobody_is_sent_where_a_stranger_cannot_go() -> None:
    for path in (ROOT / "README.md", *(ROOT / "systemd").iterdir(), ROOT / "gate" / "lane" / "LANE.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)", path.read_text()):
            assert (path.parent / link).exists(), f"{path}: {link}"
