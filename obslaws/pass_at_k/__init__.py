"""Repeated sampling: what share of problems k samples solve, measured, forecast beyond the samples drawn, and paid for."""
