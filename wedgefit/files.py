"""Files are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from wedgefit.errors import WedgefitError


def write_whole(path: str | os.PathLike, content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that readers, and crashes, see the old file or the new one
    and nothing between. Raises WedgefitError with the name of the file where it cannot be
    written."""
    try:
        _write(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise WedgefitError(
            f"cannot be written: {error.strerror or error}.",
            where=os.fspath(path),
            remedy="Make room there, or choose another place.",
        ) from error


def _write(target: Path, content: str | bytes) -> None:
    # A file name in a text may hold bytes that are no text; "\udc80" is how JSON spells them.
    content = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    with tempfile.NamedTemporaryFile(
        "wb", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.close()
            os.chmod(
                file.name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
            )
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
