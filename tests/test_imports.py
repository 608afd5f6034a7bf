"""The house's own rules, kept by its tools: import contracts, ruff, mypy; and what each process may load."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def tool(module: str, *arguments: str) -> None:
    """Run a tool of the test extra over the repository; its findings are the failure."""
    if importlib.util.find_spec(module) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{module} is missing: CI installs the extra `test`")
        pytest.skip(f"{module} is not installed: pip install -e .[test]")
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, timeout=120, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_import_contracts() -> None:
    tool(
        "importlinter", "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"
    )


def test_ruff_check() -> None:
    tool("ruff", "-m", "ruff", "check", "--quiet", ".")


def test_ruff_format() -> None:
    tool("ruff", "-m", "ruff", "format", "--check", "--quiet", ".")


def test_mypy() -> None:
    tool("mypy", "-m", "mypy")


def loaded_by(*modules: str) -> set[str]:
    command = [sys.executable, "-c", f"import sys, {', '.join(modules)}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, timeout=30, check=True)  # noqa: S603 - our own command
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_controller_loads_no_pictures() -> None:
    loaded = loaded_by("gate.cli", "gate.cli.lane", "gate.cli.rehearse", "gate.cli.journal", "gate.cli.trust")
    assert "cryptography" in loaded
    assert not loaded & {"numpy", "cv2", "zxingcpp", "pyzbar", "PIL"}


def test_the_scanner_loads_no_keys_and_no_pins() -> None:
    loaded = loaded_by("gate.cli", "gate.cli.scan")
    assert "cv2" in loaded
    assert not loaded & {"cryptography", "gpiozero", "lgpio", "cbor2", "rich"}
