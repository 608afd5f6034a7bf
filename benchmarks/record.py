"""Draws all recordings of the rehearsal anew: `python benchmarks/record.py OUTDIR`. The same every time, for they come from one seed.

The codec keeps blur, glare, moire and light as drawn and evens out most of the sensor's noise (drawn: 1.4 grey levels; left: 0.1).
"""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from zlib import crc32

from gate.specimen.cases import REHEARSAL_SEED, Specimen
from gate.specimen.screen import HEIGHT, WIDTH, Scene
from gate.specimen.traveller import DAY, Traveller
from hardware.recording import CameraSettings, Expectation, Recording, save
from hardware.video import Writer


def record(folder: Path, traveller: Traveller, specimen: Specimen) -> None:
    """Draw and write one traveller's recording. Raises DeviceError."""
    seed = seed_of(traveller)
    scene = Scene.of(traveller.texts(specimen), traveller.shot, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(folder / "frames.mp4", WIDTH, HEIGHT, 30) as video:
        for frame in scene.frames():
            video.write(frame)
    save(folder, described(traveller))


def seed_of(traveller: Traveller) -> int:
    """What everything is drawn from that a traveller leaves to chance."""
    return crc32(traveller.name.encode(), crc32(REHEARSAL_SEED))


def described(traveller: Traveller) -> Recording:
    """What stands beside the video."""
    exposure = round(traveller.shot.lens.exposure * 1e6)
    codes = [
        {name: value for name, value in asdict(code).items() if value not in (None, "")} for code in traveller.codes
    ]
    light = asdict(traveller.shot.light) | {"lamp": list(traveller.shot.light.lamp)}  # as TOML gives it back
    drawn = {"codes": codes, "light": light, "lens": asdict(traveller.shot.lens)}
    return Recording(
        title=traveller.title,
        wall=float(traveller.wall),
        times=traveller.shot.times,
        camera=CameraSettings(kind="specimen", width=WIDTH, height=HEIGHT, fps=30.0, exposure_us=exposure),
        expect=Expectation(outcome=traveller.outcome, reason=traveller.reason.value),
        specimen={"seed": REHEARSAL_SEED.decode(), "drawn_from": seed_of(traveller), "walks": traveller.walks, **drawn},
    )


def main(folder: Path) -> None:
    """Draw the whole day."""
    specimen = Specimen.from_seed(REHEARSAL_SEED)
    for traveller in DAY:
        record(folder / traveller.name, traveller, specimen)
        print(f"{traveller.name}: {(folder / traveller.name / 'frames.mp4').stat().st_size / 1e3:.0f} kB")  # noqa: T201 - it is a command's answer


if __name__ == "__main__":
    parser = ArgumentParser(description="draw all recordings of the rehearsal anew")
    parser.add_argument("folder", type=Path, help="where to write them, a folder each")
    main(parser.parse_args().folder)
