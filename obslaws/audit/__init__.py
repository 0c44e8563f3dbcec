"""Scores that cannot be what they claim: far outside of what everything else says, with the likely reason."""
