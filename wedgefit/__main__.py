"""``python -m wedgefit`` is the same as ``wedgefit``."""

from wedgefit.cli import main

if __name__ == "__main__":
    main()
