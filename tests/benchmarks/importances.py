"""Importances beside what shuffling a column does, and whether effects add up to predictions:

    python tests/benchmarks/importances.py MODEL DATA [MODEL DATA ...]

Per model, over the rows of DATA: Spearman's rank correlation between the columns' importances (all
effects that a column has a part in, ``explain --show columns``) and how far the output moves when
the column is shuffled alone (root mean square, ten times), and between these importances and the
loss of the model's score by shuffling, as scikit-learn's permutation importance measures it; then
the largest difference between the average plus all effects and the output.
"""

import sys

import numpy as np
from scipy.stats import spearmanr

from wedgefit.data.table import read_table
from wedgefit.model.evaluation import sample_of
from wedgefit.model.file import load
from wedgefit.views.explain import explain

TIMES = 10


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


def main() -> None:
    names = sys.argv[1:]
    for model_file, data in zip(names[::2], names[1::2]):
        model = load(model_file)
        encoding = model.encoding
        table = read_table(data, schema=encoding.schema(target=True))
        sample, rng = sample_of(model, table, None), np.random.default_rng(0)
        own = {column["name"]: column["total"] for column in explain(model)["columns"]}
        found = {}
        for name in own:
            features = [j for j, part in enumerate(encoding.features) if part.source == name]
            found[name] = shuffled(model, sample, features, rng)
        moves, losses = np.array([found[name] for name in own]).T
        sizes = np.array([*own.values()])
        effects, scores = model.effects(), model.scores(table)
        total = np.array([*effects.baseline.values()]) + sum(effects.at(table).values())
        off = np.abs(total - scores).max()
        print(
            f"{data}: {len(own)} columns, rank correlation with how far shuffling moves the "
            f"output {spearmanr(sizes, moves)[0]:.3f}, with what it costs "
            f"{spearmanr(sizes, losses)[0]:.3f}; effects add up to {off:.1e} of "
            f"{np.abs(scores).max():.3g}"
        )
        for name, size in sorted(own.items(), key=lambda item: -item[1]):
            print(f"    {name:24} {size:9.3g} {found[name][0]:9.3g} {found[name][1]:9.3g}")


if __name__ == "__main__":
    main()
