"""Importances beside what shuffling a column does and beside an EBM's, and whether effects add up
to predictions:

    python tests/benchmarks/importances.py MODEL DATA [MODEL DATA ...]

Per model, over the rows of DATA: Spearman's rank correlation between the columns' importances (all
effects that a column has a part in, ``explain --show columns``) and

- how far the output moves when the column is shuffled alone (root mean square, ten times),
- by how much the loss rises then, as scikit-learn's permutation importance measures it,
- the same importances of an EBM (interpret-core, extra bench) that is fitted to these rows: the
  root of the sum of the variances of all its terms that read the column.

The largest difference between the average plus all effects and the output comes after them, then a
line per column with these four numbers.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from wedgefit.data.table import read_table
from wedgefit.model.evaluation import sample_of
from wedgefit.model.file import load
from wedgefit.views.explain import explain

TIMES, BAGS = 10, 4


def score(model, sample, output: np.ndarray) -> float:
    """The loss per row."""
    problem_loss = model.loss
    weights = np.ones(len(sample.y)) / len(sample.y)
    return float(problem_loss.value(sample.y, output, weights))


def shuffled(model, sample, features: list[int], rng) -> tuple[float, float]:
    """By how much the output moves, and the loss rises, when these features are shuffled."""
    before = model.network.forward(sample.X)
    moved, lost = [], []
    for _ in range(TIMES):
        X = sample.X.copy()
        X[:, features] = X[np.ix_(rng.permutation(len(X)), features)]
        after = model.network.forward(X)
        moved.append(float(np.mean((after - before) ** 2)))
        lost.append(score(model, sample, after) - score(model, sample, before))
    return np.sqrt(np.mean(moved)), float(np.mean(lost))


def of_an_ebm(model, table) -> dict[str, float]:
    """The importance of every column in an EBM of the same rows; none where interpret is not
    installed."""
    if not find_spec("interpret"):
        return {}
    import pandas
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    names = [column.name for column in model.encoding.inputs]
    frame = pandas.DataFrame({name: table.column(name).values for name in names})
    kind = (
        ExplainableBoostingRegressor
        if model.encoding.target.classes is None
        else ExplainableBoostingClassifier
    )
    ebm = kind(random_state=0, n_jobs=1, outer_bags=BAGS)
    ebm.fit(frame, np.asarray(table.column(model.data.target).values))
    terms = ebm.eval_terms(frame).reshape(len(frame), len(ebm.term_features_), -1)
    variances = terms.var(axis=0).mean(axis=1)
    return {
        name: float(np.sqrt(sum(v for v, of in zip(variances, ebm.term_features_) if k in of)))
        for k, name in enumerate(names)
    }


def report(model_file: str, data: str) -> None:
    model = load(model_file)
    encoding = model.encoding
    table = read_table(data, schema=encoding.schema(target=True))
    sample, rng = sample_of(model, table, None), np.random.default_rng(0)
    own = {column["name"]: column["total"] for column in explain(model)["columns"]}
    found = {}
    for name in own:
        features = [j for j, part in enumerate(encoding.features) if part.source == name]
        found[name] = shuffled(model, sample, features, rng)
    ebm = of_an_ebm(model, table)
    effects, scores = model.effects(), model.scores(table)
    total = np.array([*effects.baseline.values()]) + sum(effects.at(table).values())
    sizes, (moves, losses) = [*own.values()], np.array([found[name] for name in own]).T
    beside = f"{spearmanr(sizes, [ebm[name] for name in own])[0]:.2f}" if ebm else "–"
    print(
        f"| {Path(data).stem} | {len(own)} | {spearmanr(sizes, moves)[0]:.2f} "
        f"| {spearmanr(sizes, losses)[0]:.2f} | {beside} "
        f"| {np.abs(total - scores).max():.0e} of {np.abs(scores).max():,.3g} |",
        flush=True,
    )
    for name, size in sorted(own.items(), key=lambda item: -item[1]):
        other = f"{ebm[name]:9.3g}" if ebm else ""
        line = f"{name:24} {size:9.3g} {found[name][0]:9.3g} {found[name][1]:9.3g} {other}"
        print(line, file=sys.stderr)


def main() -> None:
    print("| table | columns | output moves | loss rises | EBM | effects add up to |")
    print("|---|---|---|---|---|---|")
    for model_file, data in zip(sys.argv[1::2], sys.argv[2::2]):
        report(model_file, data)


if __name__ == "__main__":
    main()
