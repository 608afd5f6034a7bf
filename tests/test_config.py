"""gate.toml: what is wrong is named by its file and dotted path, and how to mend it; nothing else ever comes out."""

from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.cli import assembly
from gate.config import CameraConfig, Config, TimesConfig, WiringConfig, load, parse
from gate.errors import ConfigError
from hardware import guard, pins

PLACE = Path("/etc/gate/gate.toml")
LEAST = """\
[lane]
control_point = "HZMB-HK"
name = "7"
scopes = ["MO-PR"]

[trust]
folder = "trust"
keys = ["keys/control-point.pem"]
"""


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), PLACE)
    message = str(caught.value)
    assert message.startswith(f"{PLACE}: ")
    assert "\n" not in message
    return message.removeprefix(f"{PLACE}: ")


def test_the_least_that_a_lane_needs() -> None:
    config = parse(LEAST.encode(), PLACE)
    assert config.lane.environment == "production"
    assert config.path("trust") == Path("/etc/gate/trust")
    assert config.trust.url == "", "trust comes on a stick"
    assert parse(f"{LEAST}url = 'https://trust.example.uto/lanes'".encode(), PLACE).trust.url[:8] == "https://"
    assert config.path("/var/lib/gate") == Path("/var/lib/gate")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[lane2]\nx = 1", "lane2: unknown key; remove it or mend its spelling"),
        ("[times]\nwalks = 1", "times.walks: unknown key; remove it or mend its spelling"),
        ("[camera]\nlens = 1", "camera.lens: unknown key; remove it or mend its spelling"),
        ("[times]\nwalk = 0.1", "times.walk: expected `float` >= 0.5; mend the value"),
        ("[times]\nwalk = nan", "times.walk: expected `float` >= 0.5; mend the value"),
        ("[times]\nwalk = inf", "times.walk: expected `float` <= 120.0; mend the value"),
        ("[times]\nsecuring = 31", "times.securing: expected `float` <= 30.0; mend the value"),
        ('[times]\nwalk = "5"', "times.walk: expected `float`, got `str`; mend the value"),
        ("[wiring]\nrelease = 28", "wiring.release: expected `int` <= 27; mend the value"),
        ("[wiring]\nrelease = true", "wiring.release: expected `int`, got `bool`; mend the value"),
        ('[wiring]\nsecure = "nothing"', "wiring.secure: invalid enum value 'nothing'; mend the value"),
        ("[camera]\nexposure_us = 1.5", "camera.exposure_us: expected `int | str`, got `float`; mend the value"),
        (
            "[camera]\nfps = 120\nexposure_us = 8334",
            "camera: exposure_us: expected at most 8333, as fps is 120, got 8334; mend the value",
        ),
        ("url = 'file:///stick'", "trust.url: expected `str` matching regex"),
        ("[pins]\nfactory = 'mock'", "pins.factory: invalid enum value 'mock'; mend the value"),
        ("[journal]\nretention_days = 0", "journal.retention_days: expected `int` >= 1; mend the value"),
        ('[journal]\nfolder = "a\\u0000b"', "journal.folder: expected `str` matching regex"),
        ('[scanner]\nsocket = ""', "scanner.socket: expected `str` matching regex"),
        ("pins = 3", "pins: expected `object`, got `int`; mend the value"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(more: str, said: str) -> None:
    text = f"{more}\n{LEAST}" if more.startswith("pins =") else f"{LEAST}\n{more}\n"
    assert refused(text).startswith(said)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "7"\n', "", "lane.name: missing; add it"),
        (LEAST, "", "lane: missing; add it"),
        ('name = "7"', 'name = "7\\n"', "lane.name: expected `str` matching regex"),
        ('name = "7"', 'name = "../7"', "lane.name: expected `str` matching regex"),
        ('["MO-PR"]', "[]", "lane.scopes: expected `array` of length >= 1; mend the value"),
        ('["MO-PR"]', '["MO-PR", 3]', "lane.scopes[1]: expected `str`, got `int`; mend the value"),
        ("[lane]", 'base = "/"\n[lane]', "base: unknown key; remove it"),
        ('name = "7"', 'name = "7', "expected TOML, got: "),
        ('name = "7"', "name = " + "[" * 5000, "expected TOML, got: "),
        ('name = "7"', "name = " + "1" * 5000, "expected TOML, got: "),
    ],
)
def test_what_is_missing_or_broken_is_named(old: str, new: str, said: str) -> None:
    assert old in LEAST
    assert refused(LEAST.replace(old, new)).startswith(said)


def test_text_that_is_not_utf8() -> None:
    with pytest.raises(ConfigError, match="expected UTF-8 text; save the file as UTF-8"):
        parse(LEAST.encode() + b"# \xff", PLACE)


def test_a_file_that_cannot_be_read_is_named_with_the_mend(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "x" / "y", "No such"),
    ):
        with pytest.raises(
            ConfigError, match=rf"^{path}: expected a file that can be read, got: {why}.*; name a gate.toml"
        ):
            load(path)


def test_a_file_that_may_not_be_read() -> None:
    """Even root cannot read the memory at address 0."""
    with pytest.raises(ConfigError, match="expected a file that can be read, got: Input/output error"):
        load(Path("/proc/self/mem"))


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: expected at most 1048576 bytes, got more"):
        load(Path("/dev/zero"))


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse(data, PLACE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = ("lane", "trust", "journal", "camera", "scanner", "pins", "wiring", "times", "base", "other")


@given(
    section=st.sampled_from(SECTIONS), key=st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12), value=VALUES
)
def test_any_value_anywhere_is_taken_or_refused_in_words(section: str, key: str, value: object) -> None:
    text = LEAST if section in ("lane", "trust") else f"{LEAST}\n[{section}]\n"
    text = text.replace(f"[{section}]\n", f"[{section}]\n{key} = {_toml(value)}\n")
    assert isinstance(_parsed(text), Config) or _parsed(text).startswith(f"{PLACE}: ")


def _parsed(text: str) -> Config | str:
    try:
        return parse(text.encode(), PLACE)
    except ConfigError as error:
        return str(error)


def _toml(value: object) -> str:
    match value:
        case None:
            return "1979-05-27"
        case dict():
            return "{" + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
        case bool():
            return str(value).lower()
    return repr(value)


def test_the_wiring_is_the_hardwares_own() -> None:
    assert assembly.wiring(WiringConfig()) == pins.Wiring()
    assert set(asdict(pins.Wiring())) == set(msgspec.structs.asdict(WiringConfig()))
    assert assembly.wiring(WiringConfig(secure="none")) == pins.Wiring(secure=None)


@pytest.mark.parametrize("clash", [WiringConfig(release=27), WiringConfig(release=3)])
def test_pins_that_clash_are_a_config_error(clash: WiringConfig) -> None:
    with pytest.raises(ConfigError, match=r"^wiring: "):
        assembly.wiring(clash)


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        (f"pulse = {guard.SHORTEST_PULSE_S}", True),
        (f"pulse = {guard.LONGEST_PULSE_S}", True),
        (f"pulse = {guard.SHORTEST_PULSE_S * 0.99}", False),
        (f"pulse = {guard.LONGEST_PULSE_S * 1.01}", False),
        (f"securing = {guard.LONGEST_SECURE_S}", True),
        (f"securing = {guard.LONGEST_SECURE_S + 0.1}", False),
    ],
)
def test_what_the_guard_would_refuse_is_refused_before(more: str, fits: bool) -> None:  # noqa: FBT001 - a table's column
    text = f"{LEAST}\n[times]\n{more}\n"
    if fits:
        times = parse(text.encode(), PLACE).times
        line = pins.simulated_factory()
        output = pins.Output("release", 17, line)
        blind = guard.Eyes(*[lambda: False] * 3)
        guard.Guard(output, None, blind, times.pulse, times.securing)
    else:
        assert refused(text).startswith("times.")


def test_the_defaults_are_within_their_own_bounds() -> None:
    defaults = msgspec.structs.asdict(TimesConfig())
    assert msgspec.convert(defaults, TimesConfig) == TimesConfig()


def camera(more: str) -> CameraConfig:
    return parse(f"{LEAST}\n[camera]\n{more}\n".encode(), PLACE).camera


def test_an_exposure_fits_its_frame() -> None:
    assert camera("fps = 120\nexposure_us = 8333").exposure_us == 8333
    assert camera('fps = 120\nexposure_us = "auto"').exposure_us == "auto"
    assert camera("fps = 120").exposure_us == 4167, "the default fits the fastest"


@pytest.mark.parametrize(
    ("more", "focus"),
    [
        ("", 4.5),
        ('lens_position = "auto"', "auto"),
        ("lens_position = 0", 0.0),
        ('kind = "v4l2"', "auto"),  # a driver's steps say nothing of a distance
        ('kind = "v4l2"\nlens_position = 30', 30.0),
    ],
)
def test_a_pis_lens_is_fixed_before_the_glass_unless_told_otherwise(more: str, focus: float | str) -> None:
    assert camera(more).focus == focus
