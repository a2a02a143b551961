"""The command line."""

from wedgefit.cli.main import main

__all__ = ["main"]
