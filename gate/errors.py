"""Every exception that the gate raises on purpose.

A refusal is not one of them: that is a value, a decision with a reason. An exception means that the gate could not judge or could not act.
Messages are lower case, without a full stop; they say what was expected and what came, and never repeat a credential's claim.
"""


class GateError(Exception):
    """Anything that the gate raises on purpose."""


class ConfigError(GateError, ValueError):
    """A configuration that cannot be used; the message names the dotted path and the mend."""


class CredentialError(GateError, ValueError):
    """Bytes that are not what FORMAT.md says they must be."""


class TrustError(GateError):
    """Trust that cannot be used; what was trusted before stays."""


class JournalError(GateError):
    """An audit record that could not be kept, or a chain that does not hold."""


class FleetError(GateError, OSError):
    """The control point's side cannot be reached."""
