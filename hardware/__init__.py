"""The lane's hardware: camera, decoders, pins, and fakes of them with physics. Knows nothing of the gate."""

import os

# Before anything here imports numpy: no matrices are multiplied, a pool of threads for that only costs memory, and the
# keeper must be of one thread to fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class DeviceError(OSError):
    """A device that is missing, does not answer, or was asked for something that it must not do."""
