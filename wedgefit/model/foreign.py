"""Two-layer ReLU networks that were trained elsewhere, read from a JSON file of their arrays or
from ONNX."""

import os
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wedgefit.engine.network import Layer, Network
from wedgefit.errors import ModelFileError
from wedgefit.model.network_file import NetworkFile, from_json
from wedgefit.model.onnx_network import read_onnx


@dataclass(frozen=True, eq=False)
class Foreign:
    """A network of inputs u = (x − center) / scale, with center and scale (inputs,).

    Without ``hidden_bias``, or without an ``intercept``, it belongs to the class of networks
    without them, and these parts of it are zero. ``columns`` names the inputs (None: those of the
    table). Its output stands for (target − target_center) / target_scale. ``alpha`` and ``loss``
    are what it was trained with, None where the file does not say.
    """

    source: str
    network: Network
    hidden_bias: bool
    intercept: bool
    center: np.ndarray
    scale: np.ndarray
    columns: tuple[str, ...] | None
    target_center: float
    target_scale: float
    alpha: float | None
    loss: str | None

    @property
    def units(self) -> int:
        """How many hidden neurons it has."""
        return len(self.network.layers[0].biases)


def read_foreign(path: str | os.PathLike) -> Foreign:
    """The network in a JSON or ONNX file. Raises ModelFileError for anything else."""
    name = os.fspath(path)
    try:
        # Editors of Windows begin a text with a mark of its encoding.
        raw = Path(path).read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise ModelFileError(
            f"the network cannot be read ({error.strerror}).", where=name, remedy="Check the path."
        ) from None
    try:
        file = from_json(raw) if raw.lstrip()[:1] == b"{" else read_onnx(raw, Path(path))
    except ModelFileError as error:
        raise ModelFileError(error.message, where=name, remedy=error.remedy) from None
    return _foreign(file, name)


def _foreign(file: NetworkFile, source: str) -> Foreign:
    hidden, outer = file.array("hidden_weights"), file.array("output_weights")
    inputs, units = hidden.shape
    biases, bias = file.array("hidden_biases"), file.array("output_bias")
    center, scale = file.array("center"), file.array("scale")
    first = Layer(hidden, np.zeros(units) if biases is None else biases)
    last = Layer(outer.reshape(units, 1), np.zeros(1) if bias is None else bias.reshape(1))
    return Foreign(
        source,
        Network((first, last)),
        biases is not None,
        bias is not None,
        np.zeros(inputs) if center is None else center,
        np.ones(inputs) if scale is None else scale,
        file.columns,
        0.0 if file.target_center is None else file.target_center,
        1.0 if file.target_scale is None else file.target_scale,
        file.alpha,
        file.loss,
    )
