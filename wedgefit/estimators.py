"""scikit-learn's contract over the same core as the command line: equal data give equal
coefficients.

    from wedgefit import WedgeRegressor
    WedgeRegressor(order=1).fit(X, y).model_.save("wedgefit.json")
"""

from collections.abc import Hashable
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.model_selection import check_cv
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from wedgefit.data.cells import Column
from wedgefit.data.table import Table
from wedgefit.errors import WedgefitError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.record import Model
from wedgefit.views.phrases import hinge_texts

WEIGHTS, GROUPS, TARGET = "sample_weight", "groups", "y"


def _positive(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < value < np.inf


def _whole(least: int):
    return lambda value: (
        isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    )


def _one_of(*choices):
    return lambda value: isinstance(value, Hashable) and value in choices


def _orders(value) -> bool:
    several = value if isinstance(value, list | tuple) else [value]
    return len(several) > 0 and all(order == "full" or _whole(1)(order) for order in several)


def _or_none(fits):
    return lambda value: value is None or fits(value)


# What a parameter may be, and how to say so. Those that are not here are looked at where they are
# used.
_PARAMETERS = {
    "alpha": (_or_none(_positive), "a positive number or None"),
    "alpha_ratio": (_or_none(_positive), "a positive number or None"),
    "cv": (
        lambda value: not isinstance(value, Real) or _whole(2)(value),
        "a whole number from 2 up, a splitter or splits",
    ),
    "rule": (_one_of("best", "1se"), "'best' or '1se'"),
    "max_neurons": (_or_none(_whole(0)), "a whole number from 0 up or None"),
    "order": (
        lambda value: value is None or _orders(value),
        "a whole number from 1 up, 'full', a list of these or None",
    ),
    "norm": (_one_of(1, 2), "1 or 2"),
    "layers": (
        lambda value: value == "auto" or _whole(2)(value),
        "a whole number from 2 up or 'auto'",
    ),
    "certificate": (_one_of("auto", "exact", "sampled"), "'auto', 'exact' or 'sampled'"),
    "tol": (_positive, "a positive number"),
    "max_seconds": (_or_none(_positive), "a positive number or None"),
    "n_jobs": (
        lambda value: value in (None, -1) or _whole(1)(value),
        "a whole number from 1 up, -1 or None",
    ),
    "loss": (_one_of("squared", "logistic"), "'squared' or 'logistic'"),
    "class_weight": (
        lambda value: value is None or value == "balanced" or isinstance(value, dict),
        "'balanced', a dict or None",
    ),
}


class _WedgeEstimator(BaseEstimator):
    """What the estimators share. Parameters as on the command line, with scikit-learn's names where
    it has one.

    Parameters
    ----------
    alpha, alpha_ratio : float or None
        Regularisation strength, in scikit-learn's ``Lasso`` scale or as a fraction of the smallest
        alpha without neurons. By default it is chosen by cross-validation; of both, ``alpha_ratio``
        decides.
    cv : int, splitter or iterable of splits
        The folds of this cross-validation; a number is lowered to the rows of the smallest class.
    rule : {"best", "1se"}
        The alpha of the best score, or the largest within one standard error of it.
    scoring, max_neurons, refit : see ``wedgefit train --help``.
    order : int, "full", list of these or None
        Most columns that one hidden neuron may read; by default 2 (with ``norm=2`` all, if the rows
        allow it). A list has one for each hidden layer.
    norm : {1, 2}
        The norm on hidden weights.
    layers : int or "auto"
        2: one hidden layer. "auto": as many as improve the cross-validated score by more than a
        standard error each.
    bias, fit_intercept : bool
        Whether hidden neurons, and the output, have a bias.
    standardize : bool
        Give every column mean 0 and standard deviation 1 first. Values that are far out then count
        as the end of the others (``wedgefit.data.encoding``), and ``model_.notes`` names them.
    certificate : {"auto", "exact", "sampled"}
        How far pricing goes before it may stop.
    tol : float
        The relative duality gap to reach.
    refine : bool
        With ``norm=2``: also use neurons that are no wedges.
    max_seconds : float or None
        End early, with a certificate of what there is.
    n_jobs : int or None
        Threads; None or −1: all cores.
    random_state : int, RandomState or None
        Of everything random; None is 0, so that equal data give equal results.

    Attributes
    ----------
    model_ : wedgefit.model.record.Model
        The fitted record: ``model_.save(path)`` writes what the command line reads.
    wedges_ : list of wedgefit.model.record.Neuron
        The hidden neurons, with the rows (from 1) that they pass through.
    coef_ : ndarray of shape (n_wedges,) or (n_wedges, n_outputs)
        Their coefficients, in the order of ``wedges_``.
    intercept_ : float or ndarray of shape (n_outputs,)
        The output bias.
    alpha_ : float
    certificate_ : wedgefit.engine.certificate.Certificate
    dual_gap_ : float
        The certified bound on what is left of the objective.
    """

    def __init__(
        self, *, alpha=None, alpha_ratio=None, cv=5, rule="best", scoring=None, max_neurons=None, refit=False, order=None, norm=1,
        layers=2, bias=True, fit_intercept=True, standardize=True, certificate="auto", tol=1e-6, refine=False, max_seconds=None,
        n_jobs=None, random_state=None,
    ):  # fmt: skip
        self.alpha = alpha
        self.alpha_ratio = alpha_ratio
        self.cv = cv
        self.rule = rule
        self.scoring = scoring
        self.max_neurons = max_neurons
        self.refit = refit
        self.order = order
        self.norm = norm
        self.layers = layers
        self.bias = bias
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.certificate = certificate
        self.tol = tol
        self.refine = refine
        self.max_seconds = max_seconds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_parameters(self) -> None:
        """Raises ValueError for a parameter of no meaning: the command line refuses such options,
        so nothing below does."""
        for name, (fits, expected) in _PARAMETERS.items():
            if hasattr(self, name) and not fits(value := getattr(self, name)):
                raise ValueError(
                    f"the parameter {name!r} of {type(self).__name__} is {value!r}; expected {expected}."
                )

    def _learn(self, X, target: dict[str, Column], task: str, sample_weight, groups, **special):
        """Fit the table of X (n, d) and the target columns. Raises ValueError with the message of
        any WedgefitError."""
        self._check_parameters()
        columns = {
            name: Column(name, "numeric", values) for name, values in zip(self._column_names(), X.T)
        } | target
        roles, kept = {}, np.ones(len(X), dtype=bool)
        if sample_weight is not None:
            weights = column_or_1d(
                check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=WEIGHTS)
            )
            check_consistent_length(X, weights)
            roles["weight"], kept = WEIGHTS, weights > 0
            columns[WEIGHTS] = Column(WEIGHTS, "numeric", weights)
        if groups is not None:
            codes = np.unique(column_or_1d(groups), return_inverse=True)[1].astype(float)
            check_consistent_length(X, codes)
            roles["group"] = GROUPS
            columns[GROUPS] = Column(GROUPS, "numeric", codes)
        table = Table(
            "the data", ",", list(range(1, len(X) + 1)), np.arange(1, len(X) + 1), columns
        )
        options = self._options(
            target=tuple(target),
            task=task,
            cv=self._folds(X, target, task, groups, kept),
            **roles,
            **special,
        )
        try:
            self.model_ = train(table, options, _Silent())
        except WedgefitError as error:
            raise ValueError(str(error)) from error
        model = self.model_
        self.wedges_ = model.layer(model.depth)
        self.coef_ = model.coefficients
        self.intercept_ = (
            model.intercept
            if not isinstance(model.intercept, dict)
            else np.array(list(model.intercept.values()))
        )
        self.alpha_ = model.problem.alpha
        self.certificate_ = model.certificate
        self.dual_gap_ = max(0.0, model.certificate.objective - model.certificate.lower_bound)
        return self

    def _options(self, **special) -> Options:
        seed = 0 if self.random_state is None else self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        same = (
            "rule",
            "scoring",
            "max_neurons",
            "refit",
            "order",
            "norm",
            "layers",
            "bias",
            "standardize",
            "certificate",
            "tol",
            "refine",
        )
        return Options(
            alpha=self.alpha, alpha_ratio=self.alpha_ratio, intercept=self.fit_intercept, max_seconds=self.max_seconds, seed=int(seed),
            jobs=None if self.n_jobs in (None, -1) else self.n_jobs, **{name: getattr(self, name) for name in same}, **special,
        )  # fmt: skip

    def _folds(self, X, target, task: str, groups, kept: np.ndarray):
        """The number of folds, or the splits that a splitter or an iterable gives, counted in the
        rows that are kept."""
        y = next(iter(target.values())).values
        if isinstance(self.cv, int | np.integer):
            # As many folds as the smallest class can fill: better than to fail on a small table.
            stratified = task == "classification" and groups is None and kept.any()
            return (
                int(max(2, min(self.cv, np.unique(y[kept], return_counts=True)[1].min())))
                if stratified
                else int(self.cv)
            )
        position = np.cumsum(kept) - 1
        splits = check_cv(self.cv, y, classifier=task == "classification").split(X, y, groups)
        return [tuple(position[part[kept[part]]] for part in split) for split in splits]

    def _column_names(self) -> list[str]:
        """The names of the inputs: those of the frame, or x0, x1, …"""
        names = getattr(self, "feature_names_in_", None)
        names = (
            [f"x{j}" for j in range(self.n_features_in_)]
            if names is None
            else [str(name) for name in names]
        )
        distinct = len({*names, WEIGHTS, GROUPS}) == len(names) + 2
        return names if distinct else [f"x{j}: {name}" for j, name in enumerate(names)]

    def _design(self, X) -> tuple[Model, np.ndarray]:
        """The fitted model and the design matrix of X."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        columns = {
            name: Column(name, "numeric", values) for name, values in zip(self._column_names(), X.T)
        }
        table = Table(
            "the data", ",", list(range(1, len(X) + 1)), np.arange(1, len(X) + 1), columns
        )
        return self.model_, self.model_.encoding.transform(table)

    def _output(self, X) -> np.ndarray:
        model, design = self._design(X)
        return model.network.forward(design)

    def _free_name(self, names: list[str]) -> list[str]:
        """Names for target columns that no input has."""
        taken = {*self._column_names(), WEIGHTS, GROUPS}
        return [
            next(free for k in range(len(taken) + 1) if (free := name + "_" * k) not in taken)
            for name in names
        ]


class WedgeRegressor(RegressorMixin, _WedgeEstimator):
    __doc__ = f"""A ReLU network for numbers, trained to certified global optimality (squared loss).

    {_WedgeEstimator.__doc__.split(chr(10), 1)[1].strip()}
    """

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit X (n, d) and y (n,) or (n, K); several targets share their neurons.

        ``sample_weight`` (n,): how much each row counts; ``groups`` (n,): rows that
        cross-validation keeps together.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=2
        )
        self._flat = y.ndim == 1 or y.shape[1] == 1
        y = y.reshape(len(X), -1).astype(float)
        names = self._free_name(
            [TARGET] if self._flat else [f"{TARGET}{k}" for k in range(y.shape[1])]
        )
        target = {name: Column(name, "numeric", values) for name, values in zip(names, y.T)}
        return self._learn(X, target, "regression", sample_weight, groups)

    def predict(self, X):
        """The network's output, (n,) or (n, K)."""
        return self._output(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _has_probabilities(estimator) -> bool:
    if estimator.loss != "logistic":
        raise AttributeError("probabilities need loss='logistic'")
    return True


class WedgeClassifier(ClassifierMixin, _WedgeEstimator):
    __doc__ = f"""ReLU networks for classes, trained to certified global optimality; of more than two classes each has its own.

    {_WedgeEstimator.__doc__.split(chr(10), 1)[1].strip()}
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(
        self, *, loss="logistic", class_weight=None, alpha=None, alpha_ratio=None, cv=5, rule="best", scoring=None, max_neurons=None,
        refit=False, order=None, norm=1, layers=2, bias=True, fit_intercept=True, standardize=True, certificate="auto", tol=1e-6,
        refine=False, max_seconds=None, n_jobs=None, random_state=None,
    ):  # fmt: skip
        super().__init__(
            alpha=alpha, alpha_ratio=alpha_ratio, cv=cv, rule=rule, scoring=scoring, max_neurons=max_neurons, refit=refit, order=order,
            norm=norm, layers=layers, bias=bias, fit_intercept=fit_intercept, standardize=standardize, certificate=certificate, tol=tol,
            refine=refine, max_seconds=max_seconds, n_jobs=n_jobs, random_state=random_state,
        )  # fmt: skip
        self.loss = loss
        self.class_weight = class_weight

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit X (n, d) and the labels y (n,); ``sample_weight`` and ``groups`` as for the
        regressor."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        if isinstance(self.class_weight, dict):
            by_class = compute_sample_weight(self.class_weight, y)
            sample_weight = by_class if sample_weight is None else by_class * sample_weight
        # A row of weight zero is not there, nor is a class that only such rows have.
        counted = _counted(y, sample_weight)
        self.classes_ = np.unique(counted)
        if len(counted) and len(self.classes_) < 2:
            raise ValueError(
                f"classification needs at least two classes, but y has one class only: {counted[0]!r}."
            )
        (name,) = self._free_name([TARGET])
        balanced = None if isinstance(self.class_weight, dict) else self.class_weight
        return self._learn(
            X,
            {name: _labels(name, y)},
            "classification",
            sample_weight,
            groups,
            loss=self.loss,
            class_weight=balanced,
        )

    def decision_function(self, X):
        """The network's output: (n,) log-odds of the second of two classes, else (n, n_classes)."""
        return self._output(X)

    def predict(self, X):
        """The class of each row, (n,)."""
        output = self._output(X)
        return self.classes_[
            (output > 0).astype(int) if output.ndim == 1 else output.argmax(axis=1)
        ]

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """The probability of each class, (n, n_classes)."""
        output = self._output(X)
        return self.model_.probabilities(output)


class WedgeFeatures(TransformerMixin, _WedgeEstimator):
    __doc__ = f"""The hinges that the optimal network selects, as features for another model.

    A y of text or of two distinct values is taken for classes, as on the command line.

    {_WedgeEstimator.__doc__.split(chr(10), 1)[1].strip()}
    """

    def fit(self, X, y, sample_weight=None, groups=None):
        """Select wedges for X (n, d) and y (n,); ``sample_weight`` and ``groups`` as for the
        regressor."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        (name,) = self._free_name([TARGET])
        classes = y.dtype.kind not in "biuf" or len(np.unique(_counted(y, sample_weight))) == 2
        target = {name: _labels(name, y) if classes else Column(name, "numeric", y.astype(float))}
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
        """The hinges in the units of X, as texts."""
        check_is_fitted(self)
        return np.asarray(hinge_texts(self.model_), dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _counted(y: np.ndarray, sample_weight) -> np.ndarray:
    """The targets of the rows that count."""
    if sample_weight is None:
        return y
    weights = column_or_1d(sample_weight)
    check_consistent_length(y, weights)
    return y[weights > 0]


def _labels(name: str, y: np.ndarray) -> Column:
    """Labels as a column: numbers as they are, anything else as text. Raises ValueError for whole
    numbers that float64 confuses."""
    if y.dtype.kind in "iuf":
        if len(np.unique(y.astype(float))) < len(np.unique(y)):
            raise ValueError(
                "some labels are whole numbers too large to tell apart (beyond 2**53); pass them as text: y.astype(str)."
            )
        return Column(name, "numeric", y.astype(float))
    return Column(name, "category", np.array([str(label) for label in y], dtype=object))


class _Silent:
    """Progress that nobody watches."""

    def note(self, words: str) -> None:
        pass

    def advance(self, *step) -> None:
        pass
