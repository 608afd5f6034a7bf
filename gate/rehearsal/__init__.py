"""Plays recordings against the real controller with specimen trust and simulated hardware, and tells how it went.

stage.py is what stands around the camera, conductor.py brings the travellers and judges how each ended, pace.py winds the time: real, or as
fast as the machine can.
"""
