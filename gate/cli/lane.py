"""`gate run` and `gate control`: the lane at a gate."""

import os
import signal
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

from gate import config
from gate.cli import assembly, say
from gate.config import Config
from gate.controller import loop
from gate.controller.devices import Clock, Devices, soonest
from gate.controller.health import Health
from gate.controller.inbox import Inbox, ScannerChanged, Stop, TrustLoaded, TrustRefused
from gate.controller.loop import Decided, Free, Report, Settled, Told
from gate.controller.scanner import ScannerProcess, Spawn
from gate.controller.symbols import SymbolSocket, listen
from gate.controller.watch import Watch
from gate.lane.machine import start
from hardware import pins
from hardware.clock import SystemClock
from hardware.fake import Follower


def run(arguments: Namespace) -> int:
    """The lane in the foreground, with a scanner of its own."""
    settings = config.load(arguments.config)
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        path = Path(folder, "symbols.sock")
        command = scan_command("--config", str(arguments.config), "--socket", str(path))
        return _lane(settings, path, lambda environ: spawn(command, environ))


def control(arguments: Namespace) -> int:
    """The controller alone; systemd runs the scanner."""
    settings = config.load(arguments.config)
    if arguments.secure:
        return _secure(settings)
    return _lane(settings, settings.path(settings.scanner.socket), None)


def scan_command(*options: str) -> list[str]:
    """The scanner as a process of its own."""
    return [sys.executable, "-m", "gate", "scan", *options]


def spawn(
    command: Sequence[str], environ: Mapping[str, str], inherited: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Start a process with more in its environment, in a group of its own: Ctrl-C is for us, and we end it."""
    return subprocess.Popen(  # noqa: S603 - our own command line
        command, stdin=subprocess.DEVNULL, pass_fds=inherited, process_group=0, env=os.environ | environ
    )


@contextmanager
def stopping(put: Callable[[Stop], None]) -> Iterator[None]:
    """SIGINT and SIGTERM as messages, as long as this lasts."""

    def stop(number: int, _frame: FrameType | None) -> None:
        put(Stop(signal.Signals(number).name))

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lane(settings: Config, path: Path, start_scanner: Spawn | None) -> int:
    """Everything that a lane needs, opened in order and closed in the opposite one; but the barrier is let go of first."""
    pins.refuse_ambient(os.environ)
    judge = assembly.verifier(settings)
    clock = SystemClock()
    inbox = Inbox(clock)
    with ExitStack() as stack, stopping(inbox.put):
        devices = _devices(stack, settings, clock, inbox)
        symbols = SymbolSocket(path)
        stack.callback(symbols.close)
        controller = assembly.controller(stack, settings, judge, devices, clock, inbox.put, _teller(symbols))
        watch = Watch(
            settings.path(settings.trust.folder),
            judge,
            lambda: assembly.verifier(settings),
            lambda verifier: inbox.put(TrustLoaded(verifier)),
            lambda text: inbox.put(TrustRefused(text)),
        )
        stack.callback(watch.close)
        listen(symbols, inbox)
        if start_scanner is not None:
            scanner = ScannerProcess(start_scanner, lambda text: inbox.put(ScannerChanged(text)), clock.monotonic)
            stack.callback(scanner.close)
        health = Health(os.environ)
        stack.callback(health.close)
        with closing(devices.barrier):
            loop.run(controller, inbox, health, clock)
    return 0 if controller.at_peace else 1


def _secure(settings: Config) -> int:
    """What is done after a controller that died (law 5): 0 when the barrier is closed, 1 when somebody is in the way or it does not close."""
    pins.refuse_ambient(os.environ)
    clock = SystemClock()
    inbox = Inbox(clock)
    with ExitStack() as stack:
        devices = _devices(stack, settings, clock, inbox)
        for command in start(devices.inputs(), clock.monotonic()).commands:
            devices.perform(command, clock.monotonic())
        until = clock.monotonic() + settings.times.securing
        while not devices.sensors.levels()["closed"] and clock.monotonic() < until:
            inbox.get(soonest(until, devices.next_due()))
            devices.sensors.poll(clock.monotonic())
            devices.run(clock.monotonic())
        closed = devices.sensors.levels()["closed"]
    say("the barrier is secured" if closed else "the barrier is not secured: somebody is in the way, or it is jammed")
    return 0 if closed else 1


def _devices(stack: ExitStack, settings: Config, clock: Clock, inbox: Inbox) -> Devices:
    """The lane's devices, let go of with the stack."""
    if settings.pins.factory == "lgpio":
        devices = assembly.devices(settings, inbox.put)
    else:
        say("the pins are simulated: nothing moves")
        plant = assembly.simulated_plant(settings, clock, inbox.put)
        devices = plant.devices
        stack.callback(Follower(plant.world, clock.monotonic).close)
    stack.callback(devices.close)
    return devices


def _teller(symbols: SymbolSocket) -> Callable[[Report], None]:
    """What tells the operator, and the scanner what it should send again."""

    def tell(report: Report) -> None:
        match report:
            case Told(text):
                say(text)
            case Decided(decision, receipt, _):
                say(f"{decision.reason} after {receipt.ms()['commanded']:.1f} ms")
            case Settled(state):
                say(f"the lane is {state}")
            case Free(missed):
                symbols.ask_again(missed)

    return tell
