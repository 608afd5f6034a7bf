"""Everything that a real authority and a real traveller own, made for rehearsals, tests and commissioning.

Its issuers are ICAO's Utopia (UTO). It has an encoder of its own, so that what the verifier reads was not written by the verifier.
"""
