"""The lane's hardware: camera, decoders, pins, and fakes of them with physics. Knows nothing of the gate."""


class DeviceError(OSError):
    """A device that is missing, does not answer, or was asked for something that it must not do."""
