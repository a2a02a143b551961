"""The command line."""

from wedgefit.cli.commands import main

__all__ = ["main"]
