"""Commands become calls; one device that fails keeps no other from its work."""

from dataclasses import replace

import pytest
from plant import Plant

from gate.controller.devices import Devices, soonest
from gate.lane.machine import Command
from hardware import DeviceError

BOOKKEEPING = {Command.COMMIT, Command.GIVE_BACK, Command.ALARM}


@pytest.fixture
def devices(lane: Plant) -> Devices:
    return lane.gear.devices


@pytest.mark.parametrize("command", [command for command in Command if command is not Command.SECURE_IF_CLEAR])
def test_every_command_is_a_call_that_the_hardware_knows(devices: Devices, lane: Plant, command: Command) -> None:
    for lamp in devices.lamps._players.values():
        lamp.play(None, lane.clock.now)
    devices.perform(command, lane.clock.now)
    lit = [name for name, lamp in devices.lamps._players.items() if lamp.playing]
    sounding = devices.sounder._player.playing is not None
    assert bool(lit) is command.startswith("show_")
    assert sounding is command.startswith("sound_")
    assert lane.pin("release") is (command is Command.RELEASE)


def test_only_secure_pushes(devices: Devices, lane: Plant) -> None:
    devices.perform(Command.SECURE, lane.clock.now)
    assert not lane.pin("secure"), "whoever a dead process left inside has a second to be seen"
    devices.run(lane.clock.now + 1.0)
    assert lane.pin("secure")
    devices.perform(Command.HOLD, lane.clock.now)
    assert not lane.pin("secure")


class Dead:
    """A device of which everything fails."""

    def __init__(self) -> None:
        self.closed = 0

    def next_due(self) -> float | None:
        return 0.0

    def run(self, now: float) -> None:
        raise DeviceError(f"dead at {now}")

    def close(self) -> None:
        self.closed += 1
        raise DeviceError("dead")

    def release(self, now: float) -> None:
        self.run(now)

    secure = hold = release

    def show(self, cue: str, now: float) -> None:
        raise DeviceError(f"dead at {now}: {cue}")

    play = show


def test_a_device_that_fails_keeps_no_other_from_what_is_due(devices: Devices, lane: Plant) -> None:
    devices.barrier.release(lane.clock.now)
    lame = replace(devices, lamps=Dead(), sounder=Dead())
    with pytest.raises(DeviceError, match=r"dead at 200\.0"):
        lame.run(200.0)
    assert not lane.pin("release"), "its pulse ended"


def test_a_device_that_fails_keeps_no_other_from_being_closed(devices: Devices, lane: Plant) -> None:
    devices.barrier.release(lane.clock.now)
    others = Dead(), Dead()
    lame = replace(devices, lamps=others[0], sounder=others[1])
    pin = devices.barrier._pins["release"]._device.pin
    with pytest.raises(DeviceError, match="dead"):
        lame.close()
    assert [one.closed for one in others] == [1, 1]
    assert not pin.state


def test_the_barrier_may_be_let_go_of_before_the_rest(devices: Devices, lane: Plant) -> None:
    devices.barrier.release(lane.clock.now)
    pin = devices.barrier._pins["release"]._device.pin
    devices.barrier.close()
    assert not pin.state
    devices.barrier.close()


def test_the_levels_are_the_sensors_own(devices: Devices, lane: Plant) -> None:
    inputs = devices.inputs()
    assert (inputs.entry, inputs.exit, inputs.closed, inputs.fire, inputs.officer) == (False, False, True, False, False)
    lane.gear.walkway.fire(burning=True)
    lane.wind(0.5)
    assert devices.inputs().fire


def test_soonest() -> None:
    assert soonest() is None
    assert soonest(None, None) is None
    assert soonest(3.0, None, 2.0) == 2.0
