"""A network that was trained elsewhere, as JSON: what the yardstick reads, key by key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from wedgefit.errors import ModelFileError
from wedgefit.published import schema
from wedgefit.records import Complaint, Rule, above, items, parse, read

REMEDY = "docs/file-format.md says what the file should hold."
SINGLE = Rule(
    "of one number, as only networks with one output have a yardstick: a number, or two classes",
    lambda value: len(value) == 1,
    {"minItems": 1, "maxItems": 1},
)
# As many numbers as there are units, or one list of one number for each.
Single = float | Annotated[tuple[float, ...], SINGLE]
Positive = Annotated[float, above(0)]


@dataclass(frozen=True)
class NetworkFile:
    """A two-layer ReLU network t + Σ_k a_k max(0, w_k·u + b_k) of inputs u = (x − center) /
    scale."""

    hidden_weights: Annotated[
        tuple[Annotated[tuple[float, ...], items(1)], ...], items(1), "inputs × units."
    ]
    output_weights: Annotated[tuple[Single, ...], items(1), "One per unit."]
    hidden_biases: Annotated[
        tuple[float, ...] | None, "One per unit; absent: the network has none."
    ] = None
    output_bias: Annotated[Single | None, "Absent: the network has none."] = None
    columns: Annotated[
        tuple[str, ...] | None, "The inputs' names; by default those of the table in its order."
    ] = None
    center: Annotated[
        tuple[float, ...] | None, "The inputs are (x − center) / scale; by default 0."
    ] = None
    scale: Annotated[tuple[Positive, ...] | None, "By default 1."] = None
    target_center: Annotated[
        float | None,
        "The output stands for (target − target_center) / target_scale; by default 0.",
    ] = None
    target_scale: Annotated[Positive | None, "By default 1."] = None
    alpha: Annotated[Positive | None, "Its weight decay, on wedgefit's scale."] = None
    loss: Annotated[
        Literal["squared", "logistic"] | None,
        "By default squared for numbers, logistic for two classes.",
    ] = None

    def complaints(self) -> Iterator[Complaint]:
        """Every part has as many numbers as there are units, or inputs."""
        inputs, units = len(self.hidden_weights), len(self.hidden_weights[0])
        lengths = {f"hidden_weights[{i}]": units for i in range(1, inputs)}
        lengths |= {"output_weights": units, "hidden_biases": units}
        lengths |= {"center": inputs, "scale": inputs}
        parts = dict(zip(lengths, self.hidden_weights[1:])) | {
            name: getattr(self, name) for name in lengths if "[" not in name
        }
        for name, length in lengths.items():
            part = parts[name]
            if part is not None and len(part) != length:
                expected = f"{length} number{'s' * (length != 1)} to fit hidden_weights"
                yield Complaint(name, f"{expected} ({inputs} × {units})", str(len(part)))
        if self.columns is not None and len(self.columns) != inputs:
            yield Complaint("columns", f"{inputs} names, one per input", str(len(self.columns)))

    def array(self, name: str) -> np.ndarray | None:
        """One of the parts as numbers, None where it is absent."""
        value = getattr(self, name)
        return None if value is None else np.array(value, dtype=np.float64)


def from_json(raw: bytes) -> NetworkFile:
    """The network in a file's bytes. Raises ModelFileError with every complaint."""
    data = parse(raw)
    if isinstance(data, dict) and str(data.get("schema", "")).startswith("wedgefit."):
        raise ModelFileError(
            f"this is a file of wedgefit ({data['schema']}), not a network from elsewhere.",
            remedy="A model is certified as it is: wedgefit certify MODEL DATA.",
        )
    return read(NetworkFile, data, remedy=REMEDY)


def from_arrays(arrays: dict[str, np.ndarray]) -> NetworkFile:
    """The network of these arrays, by the names of the file. Raises ModelFileError."""
    data = {name: array.tolist() for name, array in arrays.items()}
    return read(NetworkFile, data, remedy=REMEDY)


def published_schema() -> dict:
    """docs/network.schema.json."""
    return schema(
        NetworkFile,
        "A two-layer ReLU network for wedgefit certify --weights",
        "What wedgefit certify --weights reads. docs/file-format.md explains it.",
    )
