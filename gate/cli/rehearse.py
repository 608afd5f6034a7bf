"""`gate rehearse`: a day in miniature, on recorded frames, with the real scanner process and the real controller."""

import os
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import gate
from gate import config
from gate.cli import assembly
from gate.cli.assembly import Circumstances
from gate.cli.lane import scan_command, spawn, stopping
from gate.cli.specimen import write
from gate.cli.voice import Voice
from gate.config import Config
from gate.controller import loop
from gate.controller.health import Health
from gate.controller.inbox import Inbox, ScannerChanged
from gate.controller.loop import Free, Report
from gate.controller.scanner import ScannerProcess
from gate.controller.symbols import SymbolSocket
from gate.rehearsal.conductor import Conductor
from gate.rehearsal.pace import Fast, Paced, Theatre
from gate.rehearsal.scene import Result, Scene
from gate.rehearsal.stage import Stage, StageClock
from gate.specimen.cases import REHEARSAL_SEED, Specimen
from hardware import pins, recording
from hardware.clock import SystemClock, boot_id

_SHIPPED: Final = Path(gate.__file__).parents[1] / "benchmarks" / "recordings"


def rehearse(arguments: Namespace) -> int:
    """Play, tell, and say whether every traveller ended as expected."""
    pins.refuse_ambient(os.environ)
    scenes = _scenes(arguments.recording or _SHIPPED)
    with tempfile.TemporaryDirectory(prefix="gate-rehearsal-") as folder, Voice(len(scenes), arguments.json) as voice:
        settings = _specimen_lane(Path(folder), scenes)
        results = _play(settings, Path(folder), scenes, voice, paced=not arguments.fast)
        voice.sum_up(results)
    return 0 if len(results) == len(scenes) and all(result.as_expected for result in results) else 1


def _scenes(path: Path) -> list[Scene]:
    scenes = [
        Scene(
            name=found.name,
            title=found.title,
            folder=str(found.directory.resolve()),
            wall=found.wall,
            seconds=found.times[-1],
            outcome=found.expect.outcome if found.expect else None,
            reason=found.expect.reason if found.expect else None,
        )
        for found in recording.find(path)
    ]
    return sorted(scenes, key=lambda scene: scene.wall)  # a lane's clock only goes forward


def _specimen_lane(folder: Path, scenes: Sequence[Scene]) -> Config:
    """A lane whose trust is the one that the recordings were made for."""
    write(folder, Specimen.from_seed(REHEARSAL_SEED), int(min(scene.wall for scene in scenes)) - 3600)
    return config.load(folder / "gate.toml")


def _play(settings: Config, folder: Path, scenes: Sequence[Scene], voice: Voice, *, paced: bool) -> list[Result]:
    """The whole lane once through the scenes. Raises GateError for a recording that cannot be played."""
    clock = StageClock(SystemClock(), wound=not paced)
    inbox = Inbox(clock)
    with ExitStack() as stack, stopping(inbox.put):
        plant = assembly.simulated_plant(settings, clock, inbox.put)
        stack.callback(plant.devices.close)
        stage = Stage(paced=paced)
        stack.callback(stage.close)
        symbols = SymbolSocket(folder / "symbols.sock")
        stack.callback(symbols.close)
        conductor = Conductor(scenes, stage, plant.walkway, clock, inbox.put, voice)
        pace = (Paced if paced else Fast)(Theatre(conductor, stage, symbols, plant.world, clock), inbox)
        stack.callback(pace.close)
        judge = assembly.verifier(settings)
        clock.set_wall(scenes[0].wall if scenes else 0.0, clock.monotonic())
        around = Circumstances(boot_id(), released=0.0)  # a recording may be older than this software

        def hear(report: Report) -> None:
            if isinstance(report, Free):
                symbols.ask_again(report.missed)
            else:
                pace.hear(report)

        controller = assembly.controller(stack, settings, judge, plant.devices, clock, inbox.put, hear, around)
        stack.callback(_scanner(stage, symbols.path, inbox).close)
        pace.start()
        loop.run(controller, pace, Health({}), clock)
    if conductor.failure is not None:
        raise conductor.failure
    return conductor.results


def _scanner(stage: Stage, path: Path, inbox: Inbox) -> ScannerProcess:
    """A real scanner whose camera is the stage."""
    descriptor = stage.camera_end.fileno()
    command = scan_command("--stage", str(descriptor), "--socket", str(path))
    return ScannerProcess(
        lambda environ: spawn(command, environ, (descriptor,)),
        lambda text: inbox.put(ScannerChanged(text)),
        SystemClock().monotonic,
    )
