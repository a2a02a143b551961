"""scikit-learn's contract over the same core as the command line: equal data give equal
coefficients.

    from wedgefit import WedgeRegressor
    WedgeRegressor(order=1).fit(X, y).model_.save("wedgefit.json")
"""

from collections import Counter

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from wedgefit.arrays import (
    TARGET,
    column_names,
    columns_of,
    counted,
    folds,
    free_names,
    handed_over,
    labels_of,
    table_of,
)
from wedgefit.data.cells import Column
from wedgefit.data.sample import Sample
from wedgefit.errors import WedgefitError
from wedgefit.learning.scores import SCORES, score_values
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.parts import values_of
from wedgefit.model.record import Model
from wedgefit.parameters import (
    MONOTONIC,
    as_parameters,
    settings_told,
    shapes_told,
    with_parameters,
)
from wedgefit.views.phrases import hinge_texts
from wedgefit.watch import Silent

ATTRIBUTES = """
    Attributes
    ----------
    model_ : wedgefit.model.record.Model
        The fitted record: ``model_.save(path)`` writes what the command line reads.
    wedges_ : list of wedgefit.model.parts.Neuron
        The hidden neurons, with the rows (from 1) that they pass through.
    coef_ : ndarray of shape (n_wedges,) or (n_wedges, n_outputs)
        Their coefficients, in the order of ``wedges_``.
    intercept_ : float or ndarray of shape (n_outputs,)
        The output bias.
    alpha_ : float
    certificate_ : wedgefit.engine.certificate.Certificate
    dual_gap_ : float
        The certified bound on what is left of the objective.
""".strip("\n")


class _WedgeEstimator(BaseEstimator):
    """What the estimators share: parameters are the settings of ``train`` by scikit-learn's names
    where it has one."""

    def _learn(self, X, target: dict[str, Column], task: str, sample_weight, groups):
        """Fit the table of X (n, d) and the target columns. Raises ValueError with the message of
        any WedgefitError."""
        names = column_names(self)
        settings = settings_told(self) | shapes_told(self, names)
        handed = handed_over(X, names, target, sample_weight, groups)
        first = next(iter(target.values())).values
        own = {
            "target": tuple(target),
            "task": task,
            "cv": folds(self.cv, X, first, task, groups, handed.kept),
        }
        try:
            options = Options(**settings | own | handed.roles)
            return self._taught(train(handed.table, options, Silent()))
        except WedgefitError as error:
            raise ValueError(as_parameters(str(error))) from error

    def _taught(self, model: Model):
        """The estimator with what scikit-learn's users look for in a fitted one."""
        self.model_ = model
        self.wedges_ = model.layer(model.depth)
        self.coef_ = _squeezed(model.coefficients)
        intercept = np.array(values_of(model.intercept, model.outputs))
        self.intercept_ = intercept if len(intercept) > 1 else float(intercept[0])
        self.alpha_ = model.problem.alpha
        self.certificate_ = model.certificate
        self.dual_gap_ = max(0.0, model.certificate.objective - model.certificate.lower_bound)
        return self

    def _design(self, X) -> tuple[Model, np.ndarray]:
        """The fitted model and the design matrix of X."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        table = table_of(columns_of(column_names(self), X))
        return self.model_, self.model_.encoding.transform(table)

    def _output(self, X) -> np.ndarray:
        model, design = self._design(X)
        return model.predictor.forward(design)


def _has_quantiles(estimator) -> bool:
    if estimator.loss != "quantile":
        raise AttributeError("quantiles need loss='quantile'")
    return True


@with_parameters("regression", ATTRIBUTES, [MONOTONIC], loss="squared")
class WedgeRegressor(RegressorMixin, _WedgeEstimator):
    """A ReLU network for numbers, trained to certified global optimality.

    Counts that were observed for different times or sizes: ``loss="poisson"``, ``y`` their rates
    and ``sample_weight`` the exposures.

    Parameters
    ----------
    {parameters}

    {attributes}
    """

    _task = "regression"

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit X (n, d) and y (n,) or (n, K); several targets share their neurons.

        ``sample_weight`` (n,): how much each row counts; ``groups`` (n,): rows that
        cross-validation keeps together.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2
        )
        columns = y.reshape(len(X), -1).astype(float).T
        several = [f"{TARGET}{k}" for k in range(len(columns))]
        names = free_names(self, several if len(columns) > 1 else [TARGET])
        target = {name: Column(name, "numeric", values) for name, values in zip(names, columns)}
        return self._learn(X, target, self._task, sample_weight, groups)

    def predict(self, X):
        """What the network predicts, (n,) or (n, K): its output, or with the losses "poisson" and
        "gamma" the exponential of it; of several quantiles each, ascending."""
        output = self._output(X)
        return _squeezed(self.model_.predicted(output))

    def predict_interval(self, X, coverage=0.9):
        """The ends of the intervals that hold the targets of a part ``coverage`` of rows like those
        of training: two arrays shaped like predictions. Needs the parameter ``intervals``, or with
        the loss "quantile" two quantiles that have this part between them."""
        model, design = self._design(X)
        try:
            ends = model.interval(design, model.network.forward(design), coverage)
        except WedgefitError as error:
            raise ValueError(as_parameters(str(error))) from error
        return tuple(_squeezed(end) for end in ends)

    @available_if(_has_quantiles)
    def predict_quantiles(self, X):
        """The quantiles that the parameter ``quantile`` names, (n, K) in ascending order of their
        levels, without crossings."""
        output = self._output(X)
        return self.model_.predicted(output)

    def score(self, X, y, sample_weight=None):
        """How much better than a constant: R², or with the losses "poisson", "gamma" and
        "quantile" D², the part of the constant's deviance that is explained; of several quantiles
        the sum of their losses counts."""
        if self.loss not in SCORES["d2"].losses:
            return super().score(X, y, sample_weight)
        output, y = self._output(X), column_or_1d(y).astype(float)
        weights = None if sample_weight is None else column_or_1d(sample_weight)
        sample = Sample(np.empty((len(y), 0)), y[:, None], self._task, weights)
        return score_values(sample, output, self.model_.loss)["d2"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _has_probabilities(estimator) -> bool:
    if estimator.loss == "squared":
        raise AttributeError("probabilities need loss='logistic' or 'softmax'")
    return True


@with_parameters("classification", ATTRIBUTES, [MONOTONIC])
class WedgeClassifier(ClassifierMixin, _WedgeEstimator):
    """A ReLU network for classes, trained to certified global optimality; of more than two classes
    all share its neurons, or with the loss "logistic" each has a network of its own.

    Parameters
    ----------
    {parameters}

    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The classes of the rows that count.
    """

    _task = "classification"

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit X (n, d) and the labels y (n,); ``sample_weight`` and ``groups`` as for the
        regressor."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        if isinstance(self.class_weight, dict):
            by_class = compute_sample_weight(self.class_weight, y)
            sample_weight = by_class if sample_weight is None else by_class * sample_weight
        # A row of weight zero is not there, nor is a class that only such rows have.
        there = counted(y, sample_weight)
        self.classes_ = np.unique(there)
        if len(there) and len(self.classes_) < 2:
            raise ValueError(
                "classification needs at least two classes,"
                f" but y has one class only: {str(there[0])!r}."
            )
        (name,) = free_names(self, [TARGET])
        return self._learn(X, {name: labels_of(name, y)}, self._task, sample_weight, groups)

    def decision_function(self, X):
        """The network's output: (n,) log-odds of the second of two classes, else (n, n_classes),
        log-odds of each against the rest, or with "softmax" logarithms of probabilities up to a
        constant; with ``calibrate="isotonic"`` the steps of these."""
        return _squeezed(self._output(X))

    def predict(self, X):
        """The class of each row, (n,)."""
        output = self._output(X)
        return self.classes_[self.model_.codes(output)]

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """The probability of each class, (n, n_classes)."""
        output = self._output(X)
        return self.model_.probabilities(output)


@with_parameters(None, ATTRIBUTES)
class WedgeFeatures(TransformerMixin, _WedgeEstimator):
    """The hinges that the optimal network selects, as features for another model.

    A y of text or of two distinct values is taken for classes, as on the command line.

    Parameters
    ----------
    {parameters}

    {attributes}
    """

    _task = None

    def fit(self, X, y, sample_weight=None, groups=None):
        """Select wedges for X (n, d) and y (n,); ``sample_weight`` and ``groups`` as for the
        regressor."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        (name,) = free_names(self, [TARGET])
        classes = y.dtype.kind not in "biuf" or len(np.unique(counted(y, sample_weight))) == 2
        target = {name: labels_of(name, y) if classes else Column(name, "numeric", y.astype(float))}
        return self._learn(
            X, target, "classification" if classes else "regression", sample_weight, groups
        )

    def transform(self, X):
        """The hinges max(0, w·x + b) of ``wedges_`` at the rows of X, (n, n_wedges)."""
        model, design = self._design(X)
        for number in range(1, model.depth + 1):
            normals, offsets = model.units(number)
            design = np.maximum(design @ normals.T + offsets, 0.0)
        return design

    def get_feature_names_out(self, input_features=None):
        """The hinges in the units of X, as texts with as many digits as tell them apart."""
        check_is_fitted(self)
        return np.asarray(_told_apart(self.model_), dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _squeezed(values: np.ndarray) -> np.ndarray:
    """Values (m, K) as scikit-learn shapes them: of one output (m,)."""
    return values[:, 0] if values.shape[1] == 1 else values


def _told_apart(model: Model) -> list[str]:
    """The texts of the hinges: to four digits, to more where several would read the same, and
    numbered where they are the same to the last digit."""
    texts = hinge_texts(model)
    for digits in (6, 9, 12, 15, 17):
        seen = Counter(texts)
        if len(seen) == len(texts):
            return texts
        longer = hinge_texts(model, digits)
        texts = [more if seen[text] > 1 else text for text, more in zip(texts, longer)]
    seen = Counter(texts)
    return [
        f"{text} ({neuron.id})" if seen[text] > 1 else text
        for text, neuron in zip(texts, model.layer(model.depth))
    ]
