"""The version, in the one place that the package reads it from."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("obslaws")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
