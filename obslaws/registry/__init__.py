"""Forecasts on record: written down before the score is known, scored when it is, and nobody can change them after."""
