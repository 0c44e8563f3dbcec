"""Repeated sampling: the share of problems that k samples solve, measured, forecast, and paid for."""
