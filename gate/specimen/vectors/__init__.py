"""The test vectors of EC1, made from a seed: `python -m gate.specimen.vectors DIR` writes them, the same to the byte at every run.

Their format is specified in tests/vectors/README.md. Nothing here is the verifier's code but the words of its reasons.
"""
