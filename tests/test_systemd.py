"""The units say what the command line understands."""

import re
import shlex
from pathlib import Path

import pytest

from gate.cli import parser

UNITS = sorted((Path(__file__).parents[1] / "systemd").glob("*.service"))


def commands() -> list[tuple[str, str]]:
    lines = [(unit.name, unit.read_text()) for unit in UNITS]
    return [(name, line) for name, text in lines for line in re.findall(r"^Exec\w+=(.*)$", text, flags=re.MULTILINE)]


@pytest.mark.parametrize(("unit", "command"), commands())
def test_a_unit_runs_a_verb_that_exists(unit: str, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "/opt/gate/bin/gate", unit
    assert parser().parse_args(arguments).run.split(":")[0] in {"lane", "scan"}


def test_the_controller_is_secured_after_whatever_ended_it() -> None:
    (controller,) = (unit.read_text() for unit in UNITS if unit.name == "gate-control.service")
    assert "ExecStopPost=/opt/gate/bin/gate control --secure" in controller
    assert "WatchdogSec=" in controller


def test_the_scanner_has_neither_keys_nor_network() -> None:
    (scanner,) = (unit.read_text() for unit in UNITS if unit.name == "gate-scan.service")
    for line in ("PrivateNetwork=yes", "InaccessiblePaths=/etc/gate/keys", "User=gate-scan"):
        assert line in scanner


def test_a_scanner_that_is_stopped_is_replaced_in_time() -> None:
    (scanner,) = (unit.read_text() for unit in UNITS if unit.name == "gate-scan.service")
    for line in ("Type=notify", "WatchdogSec=1", "WatchdogSignal=SIGKILL", "Restart=always", "StartLimitIntervalSec=0"):
        assert f"\n{line}\n" in scanner
