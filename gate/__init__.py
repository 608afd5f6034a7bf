"""The controller of one automated border-clearance lane."""

__version__ = "0.1.0"
