"""A model's networks on the rows that it was trained on, every stage priced again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.engine.shapes import shortfall
from wedgefit.learning.learn import Learner
from wedgefit.model.claims import intercept_of, stage_kept, with_stored_status
from wedgefit.model.differences import Check
from wedgefit.model.figures import (
    StageFound,
    all_layers_found,
    networks_of,
    neurons_found,
    stages_found,
    together,
)
from wedgefit.model.origin import rows_by_id
from wedgefit.model.parts import Stage
from wedgefit.model.record import Model
from wedgefit.model.soundness import calibration_check, pair_checks, refit_check, wedge_checks
from wedgefit.records import plain


class Audited:
    """What follows from a model's weights and the rows that it was trained on, how far rounding may
    have moved it, and what must hold besides."""

    def __init__(self, model: Model, rows: Table, sample: Sample, learner: Learner):
        self.model, self.sample, self.learner = model, sample, learner
        self.row_of = rows_by_id(model, rows)
        self.networks = networks_of(model, self.row_of)
        self.tol = learner.tol
        self.stages: list[StageFound] = []
        # The position of the last stage of every network, and the problem it solved.
        self.last: list[int] = []
        self.problems = [
            replace(problem, alpha=model.problem.alpha) for problem in learner.problems
        ]
        for network, problem, pricer in zip(self.networks, self.problems, learner.pricers):
            self.stages += stages_found(network, problem, learner, pricer, self.tol)
            self.last.append(len(self.stages) - 1)

    def kept(self) -> tuple[list[Stage], list[str]]:
        """The stages as they should be stored, and the notes that go with them."""
        kept = [stage_kept(self.model, each) for each in self.stages]
        return with_stored_status(self.model, kept, self.learner, self.tol)

    def record(self, kept: list[Stage]) -> dict[str, Any]:
        """What follows from the weights and the rows."""
        model, last = self.model, [self.stages[i] for i in self.last]
        # A file of an older version does not claim it.
        claims = {}
        if model.all_layers is not None:
            claims["all_layers"] = plain(all_layers_found(self.sample.X, self.problems, last))
        return claims | {
            "certificate": plain(together([kept[i].certificate for i in self.last])),
            "stages": plain(kept),
            "neurons": plain(neurons_found(model, self.networks, self.learner)),
            "intercept": intercept_of(model, last, self.learner),
            "anchors": [
                {"id": row, "values": self.sample.X[self.row_of[row]].tolist()}
                for row in sorted(model.samples, key=self.row_of.__getitem__)
            ],
        }

    def slack(self) -> dict[str, float]:
        """How far rounding may move each kind of field, by its path."""
        stages, sample, last = self.stages, self.sample, [self.stages[i] for i in self.last]
        floor = self.learner.problems[0].floor
        slack = {"anchors[*].values[*]": 1e-12 * max(1.0, float(np.abs(sample.X).max(initial=0.0)))}
        output = max(each.leeway.output for each in stages)
        slack |= {"intercept": output, "intercept.*": output, "output": output}
        slack |= {"neurons[*].share": 1e-14}
        for place, some in (("stages[*]", stages), ("certificate", last)):
            objective = sum(each.leeway.objective for each in some)
            bound = sum(each.leeway.all for each in some)
            least = min(each.stage.certificate.objective for each in some) - floor
            gap = bound / least if least > 0 else 0.0
            slack |= {
                f"{place}.objective": objective,
                f"{place}.penalty": objective,
                f"{place}.lower_bound": bound,
                f"{place}.relative_gap": gap,
                f"{place}.network_lower_bound": bound,
                f"{place}.network_relative_gap": gap,
            }
        # Of the same fits as the certificates of the last stages.
        of_last = {"lower_bound": bound, "relative_gap": gap}
        return slack | {f"all_layers.{name}": off for name, off in of_last.items()}

    def checks(self) -> Iterator[Check]:
        """What compares no field: wedges through their rows, refits, numbers in a row."""
        model = self.model
        if model.problem.refitted:
            for problem, i in zip(self.problems, self.last):
                yield refit_check(problem, self.stages[i])
        if model.problem.calibration is not None or model.options.get("calibrate"):
            yield calibration_check(model, self.stages[self.last[0]])
        for each in self.stages:
            yield from wedge_checks(each, model.problem.norm, model.problem.hidden_bias)
        yield from self._shape_checks()
        yield from pair_checks(model)
        ids = [neuron.id for neuron in model.neurons]
        if ids != list(range(1, len(ids) + 1)):
            yield Check("neurons[*].id", str(ids), f"1 to {len(ids)}", False)

    def _shape_checks(self) -> Iterator[Check]:
        """Has the network the shapes that it is said to have, whatever rows there are?"""
        if self.sample.shapes is None:
            return
        features = self.model.encoding.features
        for i in self.last:
            wedges, (z, _) = self.stages[i].wedges, self.stages[i].network.stored()
            short = shortfall(self.sample.X, wedges, z, self.sample.shapes)
            for j in np.flatnonzero(self.sample.shapes.any(axis=1)):
                place = f"problem.shapes.{features[j].source}"
                yield Check(place, float(short[j]), 0.0, bool(short[j] == 0))
