"""``python -m wedgefit`` is the same as ``wedgefit``."""

from wedgefit.cli.commands import main

if __name__ == "__main__":
    main()
