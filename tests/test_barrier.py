"""The guard on real gpiozero devices, with a leaf behind its pins."""

import pytest
from gpiozero.exc import PinSetInput
from gpiozero.pins.mock import MockPin

from hardware import DeviceError
from hardware.barrier import Barrier
from hardware.fake import ContactPin
from hardware.guard import LOOK_S
from hardware.pins import Wiring, simulated_factory


class Post:
    def __init__(self, wiring: Wiring | None = None) -> None:
        self.wiring = wiring or Wiring()
        self.factory = simulated_factory(ContactPin)
        self.levels = {"entry": False, "exit": False, "fire": False}
        self.barrier = Barrier(self.wiring, self.factory, self.levels.__getitem__, pulse_s=0.2)

    def driven(self, pin: int | None) -> bool:
        return bool(self.factory.pin(pin).state)


def test_release_and_secure_drive_their_own_pins() -> None:
    post = Post()
    post.barrier.release(1.0)
    assert (post.driven(17), post.driven(27)) == (True, False)
    post.barrier.run(1.2)
    assert (post.driven(17), post.driven(27)) == (False, False)
    post.barrier.secure(2.0)
    assert (post.driven(17), post.driven(27)) == (False, True)
    post.barrier.hold(2.1)
    assert (post.driven(17), post.driven(27)) == (False, False)


@pytest.mark.parametrize("sensor", ["entry", "exit", "fire"])
def test_each_of_the_three_sensors_is_asked(sensor: str) -> None:
    post = Post()
    post.barrier.secure(1.0)
    post.levels[sensor] = True
    post.barrier.run(1.0 + LOOK_S)
    assert not post.driven(27)
    post.barrier.secure(2.0)
    assert not post.driven(27)


def test_a_turnstile_claims_no_secure_pin() -> None:
    post = Post(Wiring(secure=None))
    post.barrier.release(1.0)
    assert post.driven(17)
    post.barrier.close()
    assert post.factory.pin(27).function == "input"


def test_close_drives_nothing_lets_go_and_denies() -> None:
    post = Post()
    post.barrier.secure(1.0)
    post.barrier.close()
    assert not post.driven(27)
    assert post.factory.pin(27).function == "input"
    with pytest.raises(DeviceError, match="closed"):
        post.barrier.release(1.1)


def test_a_pin_that_fails_is_a_device_error_that_names_it_and_is_let_go_at_close() -> None:
    class Failing(MockPin):
        def _set_state(self, value: float) -> None:
            if value:
                raise PinSetInput("no such line any more")
            super()._set_state(value)

    factory = simulated_factory(Failing)
    barrier = Barrier(Wiring(), factory, lambda _: False)
    with pytest.raises(DeviceError, match=r"release \(GPIO 17\) cannot be switched on \(no such line any more\)"):
        barrier.release(1.0)
    assert barrier.next_due() is None
    barrier.close()
    assert factory.pin(17).function == "input"
