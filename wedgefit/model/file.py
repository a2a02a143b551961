"""The model file: read, and brought up to date."""

import os
from pathlib import Path

from wedgefit.errors import ModelFileError
from wedgefit.model.file_record import ModelFile
from wedgefit.model.record import MODEL_SCHEMA, Model
from wedgefit.published import schema
from wedgefit.records import parse, read

PREFIX = "wedgefit.model/"


def load(path: str | os.PathLike) -> Model:
    """Read a model file. Raises ModelFileError with one clear message for anything that ``save``
    did not write."""
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelFileError(
            "there is no such model file.",
            where=name,
            remedy="Train one first: wedgefit train DATA.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"the model file cannot be read ({error}).", where=name) from None
    try:
        return loads(text)
    except ModelFileError as error:
        raise ModelFileError(
            error.message, where=name, remedy=error.remedy or "Train the model again."
        ) from None


def loads(text: str) -> Model:
    """The model that ``dumps`` wrote, now or in an older version. Raises ModelFileError."""
    data = parse(text)
    version = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(version, str) or not version.startswith(PREFIX):
        raise ModelFileError("this is not a wedgefit model file.")
    while version in UPGRADES:
        version, data = UPGRADES[version](data)
    if version != MODEL_SCHEMA:
        known = ", ".join([*UPGRADES, MODEL_SCHEMA])
        raise ModelFileError(
            f"the file has schema {version}, this version of wedgefit reads {known}.",
            remedy="Train the model again, or use the version that wrote it.",
        )
    return read(ModelFile, data).model()


def published_schema() -> dict:
    """docs/model.schema.json."""
    return schema(
        ModelFile,
        f"wedgefit model file, schema {MODEL_SCHEMA}",
        "What wedgefit train writes. docs/file-format.md explains it.",
    )


def _from_3(data: dict) -> tuple[str, dict]:
    """Schema 4 knows what training was told and each stage's penalty; an older file does not."""
    return "wedgefit.model/4", data


def _from_4(data: dict) -> tuple[str, dict]:
    """Before schema 5 the numbers that training saw of a column had their ends in its distribution
    too."""
    parts = data.get("distributions")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        bare = [{key: part[key] for key in part if key != "range"} for part in parts]
        data = data | {"distributions": bare}
    return MODEL_SCHEMA, data | {"schema": MODEL_SCHEMA}


# The one way up: each step brings a file to the schema after its own.
UPGRADES = {"wedgefit.model/3": _from_3, "wedgefit.model/4": _from_4}
