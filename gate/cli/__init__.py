"""The command line: verbs -> functions. Here, and nowhere else, gate and hardware meet.

stdout is the result, stderr the talk ("gate: ..."); exit 0 yes, 1 no, 2 misuse or something that could not be used. A verb's module is
imported when it is called: the scanner must not load cryptography, the controller must not load OpenCV.
"""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate import __version__
from gate.errors import GateError

MISUSE = 2
INSTALLED = Path("/etc/gate/gate.toml")
_LONGEST_RECORDING_S = 3600.0
_DIGITS = 10
_WHOLE_DIGITS = 8
_AIM = """\
exit code: 0 if at least 80 % of the last two seconds' frames were read, 1 if not

--json prints one object a frame:
  at           seconds since the first frame
  age_ms       the frame's age when it had come
  symbols      how many were read in it
  cause        what keeps the code from being read: too_small, too_dark, too_bright, blurred, glare, cut_off;
               seen where nothing is amiss; null where there is no code
  module_px    pixels across one module; aim for 4
  sharpness    a module's width over an edge's, from dark to light; engines need 0.85, aim for 1.2
  contrast, light   0 to 1: between its dark and light modules; the light ones' level
  saturation, covered   share of its pixels that are white; share of it with nothing but white
  outline      its corners in pixels
  share_read, fps   of the last two seconds
  score        0 to 1: what the tone tells
  advice       what to do next
and last {"summary": {frames, seconds, read, share_read, fps, age_ms {p50, p95, max}, causes, camera}}"""
_ROTATED = ("root", "targets", "snapshot", "timestamp", "control-point", "issuer")

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it


def console() -> None:
    """The command `gate`."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one verb; its exit code."""
    arguments = parser().parse_args(argv)
    module, function = arguments.run.split(":")
    try:
        code = getattr(importlib.import_module(f"gate.cli.{module}"), function)(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our result has gone
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (GateError, OSError) as error:
        say(_plain(error))
        return MISUSE
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + 2
    return int(code)


def _plain(error: GateError | OSError) -> str:
    """One line; an OSError that nobody has put into words says which file."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror.lower()}"
    return " ".join(str(error).split())


def say(text: str) -> None:
    """One line of talk."""
    sys.stderr.write(f"gate: {text}\n")
    sys.stderr.flush()


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="gate", description="The controller of one automated border-clearance lane.")
    top.add_argument("--version", action="version", version=f"gate {__version__}")
    verbs = top.add_subparsers(metavar="VERB", required=True)
    for add in (_rehearse, _run, _control, _scan, _decode, _verify, _specimen, _record, _aim, _journal, _trust):
        add(verbs)
    return top


def _rehearse(verbs: "Verbs") -> None:
    verb = _verb(verbs, "rehearse", "rehearse:rehearse", "play recordings through the whole lane, hardware simulated")
    verb.add_argument("recording", metavar="RECORDING", nargs="?", type=Path, help="one recording or a folder of them")
    verb.add_argument("--fast", action="store_true", help="do not wait: as fast as the machine decodes")
    _json(verb)


def _run(verbs: "Verbs") -> None:
    _config(_verb(verbs, "run", "lane:run", "run the lane in the foreground, with its scanner"))


def _control(verbs: "Verbs") -> None:
    verb = _verb(verbs, "control", "lane:control", "run the controller alone (a systemd service)")
    verb.add_argument(
        "--secure", action="store_true", help="only secure the barrier, where nobody is in the way, and end"
    )
    _config(verb)


def _scan(verbs: "Verbs") -> None:
    verb = _verb(verbs, "scan", "scan:scan", "run the scanner alone (a systemd service)")
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", metavar="FILE", type=Path, help="gate.toml")
    source.add_argument("--stage", metavar="FD", type=int, help="play recordings as this socket says (rehearsals)")
    verb.add_argument(
        "--socket", metavar="PATH", type=Path, help="the controller's socket (default: the configured one)"
    )


def _decode(verbs: "Verbs") -> None:
    verb = _verb(verbs, "decode", "decode:decode", "read the codes in pictures")
    verb.add_argument("image", metavar="IMAGE", nargs="+", type=Path)
    verb.add_argument("--engine", choices=("chain", "zxing", "pyzbar", "opencv"), default="chain")
    _json(verb)


def _verify(verbs: "Verbs") -> None:
    verb = _verb(
        verbs, "verify", "verify:verify", "say this lane's verdict on a text; nothing moves, nothing is recorded"
    )
    verb.add_argument("text", metavar="TEXT", help='the text of a code, or "-" for one a line on stdin')
    _config(verb)
    _at(verb, "judge as if it were then (Unix seconds)")
    _json(verb)


def _specimen(verbs: "Verbs") -> None:
    specimen = verbs.add_parser("specimen", help="make a specimen lane's trust and codes").add_subparsers(
        metavar="VERB", required=True
    )
    new = _verb(specimen, "new", "specimen:new", "make keys, a trust folder and a gate.toml for a specimen lane")
    new.add_argument("dir", metavar="DIR", type=Path)
    show = _verb(specimen, "show", "specimen:show", "show one fresh code")
    show.add_argument("dir", metavar="DIR", type=Path)
    show.add_argument("--case", metavar="NAME", default="cleared", help="the reason that the code must cause")
    show.add_argument("--png", metavar="FILE", type=Path, help="draw the code there too")
    show.add_argument("--kid", metavar="KID", help="seal it for this older control-point key (default: the newest)")
    _at(show, "made then (Unix seconds; default: now)")
    publish = _verb(specimen, "publish", "specimen:publish", "publish new trust, as the authority would")
    publish.add_argument("dir", metavar="DIR", type=Path)
    for what, meaning in (("revoke", "revoked"), ("suspend", "suspended"), ("restore", "valid again")):
        publish.add_argument(
            f"--{what}", metavar="IDX", type=_whole, action="append", default=[], help=f"this index is {meaning}"
        )
    publish.add_argument(
        "--rotate",
        choices=_ROTATED,
        action="append",
        default=[],
        help="give this role, control point or issuer a new key",
    )
    publish.add_argument(
        "--expires",
        metavar="SECONDS",
        type=_whole,
        help="everything but the root expires then (default: in 2050; 0: every lane refuses it)",
    )


def _record(verbs: "Verbs") -> None:
    verb = _verb(verbs, "record", "record:record", "record what the camera sees, to be rehearsed")
    verb.add_argument("dir", metavar="DIR", type=Path)
    verb.add_argument("--seconds", metavar="N", type=_length, default=10.0, help="how long (default: 10)")
    _config(verb, INSTALLED)


def _aim(verbs: "Verbs") -> None:
    verb = _verb(verbs, "aim", "aim:aim", "show live how well codes are seen, while a camera or a lamp is set up")
    verb.epilog = _AIM
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    source = verb.add_mutually_exclusive_group()
    _config(source, INSTALLED)
    source.add_argument("--recording", metavar="DIR", type=Path, help="look at a recording instead, at its own pace")
    verb.add_argument("--fast", action="store_true", help="do not wait: take a recording's every frame at once")
    verb.add_argument("--seconds", metavar="N", type=_length, help="how long (default: until Ctrl-C)")
    verb.add_argument("--quiet", action="store_true", help="no tone")
    _json(verb)


def _journal(verbs: "Verbs") -> None:
    journal = verbs.add_parser("journal", help="read and prove the audit record").add_subparsers(
        metavar="VERB", required=True
    )
    _config(_verb(journal, "show", "journal:show", "print every line, oldest first"), INSTALLED)
    _config(_verb(journal, "verify", "journal:verify", "prove that no line was changed, removed or moved"), INSTALLED)


def _trust(verbs: "Verbs") -> None:
    trust = verbs.add_parser("trust", help="what this lane trusts").add_subparsers(metavar="VERB", required=True)
    show = _verb(trust, "show", "trust:show", "print the trust list's issuers, control points and status lists")
    _config(show, INSTALLED)
    _at(show, "show the ages as of then (Unix seconds; default: now)")
    _json(show)
    update = _verb(trust, "update", "update:update", "fetch new trust from the authority's server")
    update.add_argument("--url", metavar="URL", help="the repository (default: trust.url of gate.toml)")
    bring = _verb(trust, "import", "update:bring", "take new trust from a folder, as on a USB stick")
    bring.add_argument("folder", metavar="FOLDER", type=Path)
    for verb in (update, bring):
        _config(verb, INSTALLED)
        _json(verb)


def _verb(verbs: "Verbs", name: str, run: str, what: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    verb.set_defaults(run=run)
    return verb


def _config(verb: "argparse._ActionsContainer", default: Path | None = None) -> None:
    said = "gate.toml" if default is None else f"gate.toml (default: {default})"
    verb.add_argument("--config", metavar="FILE", type=Path, required=default is None, default=default, help=said)


def _json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="for machines")


def _at(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--at", metavar="UNIX_SECONDS", type=_unix_seconds, help=what)


def _unix_seconds(text: str) -> int:
    """A time that a code can hold (FORMAT 4.2)."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) >= 1 << 33:
        raise argparse.ArgumentTypeError(f"expected Unix seconds, a whole number below {1 << 33}, got {text[:40]!r}")
    return int(text)


def _length(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_RECORDING_S:
        raise argparse.ArgumentTypeError(
            f"expected seconds, above 0 and up to {_LONGEST_RECORDING_S:g}, got {text[:40]!r}"
        )
    return seconds


def _whole(text: str) -> int:
    """An index or some seconds."""
    if not text.isdecimal() or len(text) > _WHOLE_DIGITS:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at most {_WHOLE_DIGITS} digits, got {text[:40]!r}"
        )
    return int(text)
