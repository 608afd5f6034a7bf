import importlib.util

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware import DeviceError
from hardware.fake import ContactPin
from hardware.pins import (
    NORMALLY_CLOSED,
    SENSORS,
    Input,
    Output,
    Wiring,
    close_all,
    lgpio_factory,
    refuse_ambient,
    simulated_factory,
    translated,
)

USES = tuple(Wiring.__dataclass_fields__)


def test_the_default_wiring_is_one_that_the_check_passes_and_a_turnstile_needs_no_secure_line() -> None:
    assert Wiring().release == 17
    assert Wiring(secure=None).secure is None


def test_a_pin_used_twice_is_named_with_both_its_uses() -> None:
    with pytest.raises(DeviceError, match="GPIO 17 is used by release and by sounder"):
        Wiring(sounder=17)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(DeviceError) as told:
        Wiring(entry=28, exit=-1, fire=13, release=4)
    for part in (
        "entry is on GPIO 28",
        "exit is on GPIO -1",
        "GPIO 13 is used by closed and by fire",
        "release is on GPIO 4,",
    ):
        assert part in str(told.value)


@pytest.mark.parametrize("pin", [0, 8])
def test_what_moves_the_barrier_is_not_on_a_pin_that_is_high_at_reset(pin: int) -> None:
    with pytest.raises(DeviceError, match="pulled high at reset"):
        Wiring(secure=pin, entry=10, exit=11)
    assert Wiring(entry=pin).entry == pin  # an input may be there


@settings(deadline=None)  # the machine may be busy
@given(st.permutations(range(28)))
def test_any_distinct_pins_do_if_the_movers_are_low_at_reset(pins: list[int]) -> None:
    wiring = dict(zip(USES, pins, strict=False))
    if min(wiring["release"], wiring["secure"]) < 9:
        with pytest.raises(DeviceError):
            Wiring(**wiring)
    else:
        assert Wiring(**wiring).officer == wiring["officer"]


def test_an_ambient_pin_factory_is_refused_even_if_it_is_the_right_one() -> None:
    refuse_ambient({"PATH": "/bin"})
    for value in ("mock", "lgpio", ""):
        with pytest.raises(DeviceError, match=r"GPIOZERO_PIN_FACTORY is set.*unset"):
            refuse_ambient({"GPIOZERO_PIN_FACTORY": value})


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is installed here")
def test_a_missing_lgpio_names_the_package() -> None:
    with pytest.raises(DeviceError, match="apt install python3-lgpio"):
        lgpio_factory()


def test_whatever_a_driver_raises_becomes_a_device_error_that_says_what_was_tried() -> None:
    with (
        pytest.raises(DeviceError, match=r"release cannot be switched on \(ZeroDivisionError: nothing\)"),
        translated("release cannot be switched on"),
    ):
        raise ZeroDivisionError("nothing")


def test_a_device_error_is_not_wrapped_again() -> None:
    with pytest.raises(DeviceError, match=r"^as it was$"), translated("outer"):
        raise DeviceError("as it was")


def test_an_output_drives_its_pin_high_and_is_off_when_claimed() -> None:
    factory = simulated_factory()
    pin = factory.pin(17)
    line = Output("release", 17, factory)
    assert (pin.function, pin.state) == ("output", False)
    line.on()
    assert pin.state is True
    line.off()
    assert pin.state is False


def test_a_pin_claimed_twice_is_a_device_error_that_names_it() -> None:
    factory = simulated_factory()
    held = Output("release", 17, factory)
    with pytest.raises(DeviceError, match=r"sounder \(GPIO 17\) cannot be claimed as an output"):
        Output("sounder", 17, factory)
    with pytest.raises(DeviceError, match=r"fire \(GPIO 17\) cannot be claimed as an input"):
        Input("fire", 17, factory)
    held.close()


def test_a_closed_output_or_input_says_so() -> None:
    factory = simulated_factory()
    line, contact = Output("release", 17, factory), Input("fire", 19, factory)
    line.close()
    contact.close()
    for act, words in (
        (line.on, "switched on"),
        (line.off, "switched off"),
        (contact.read, "read"),
    ):
        with pytest.raises(DeviceError, match=words):
            act()


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_broken_wire_reads_as_the_safe_value_and_a_made_contact_as_the_other(sensor: str) -> None:
    factory = simulated_factory(ContactPin)
    contact, pin = Input(sensor, 5, factory), factory.pin(5)
    assert pin.pull == "up"
    pin.drive_high()  # nothing pulls it down: the wire is broken, or the contact open
    assert contact.read() is (sensor in {"entry", "exit", "fire"})
    pin.drive_low()
    assert contact.read() is (sensor in {"closed", "officer"})
    assert (sensor in NORMALLY_CLOSED) is not (sensor in {"closed", "officer"})


def test_every_edge_calls() -> None:
    factory = simulated_factory()
    contact, pin, calls = Input("entry", 5, factory), factory.pin(5), list[int]()
    contact.on_edge(lambda: calls.append(1))
    pin.drive_low()
    pin.drive_high()
    pin.drive_high()
    assert len(calls) == 2


def test_letting_go_goes_on_past_a_pin_that_refuses() -> None:
    class Stuck(Output):
        def close(self) -> None:
            raise DeviceError("stuck")

    factory = simulated_factory()
    good = Output("b", 18, factory)
    with pytest.raises(DeviceError, match="stuck"):
        close_all({"a": Stuck("a", 17, factory), "b": good})
    with pytest.raises(DeviceError, match="switched on"):
        good.on()


def test_the_simulated_factory_asks_the_environment_nothing() -> None:
    assert isinstance(simulated_factory(), MockFactory)
    assert simulated_factory().board_info.model == "4B"
    assert simulated_factory(ContactPin).pin_class is ContactPin
