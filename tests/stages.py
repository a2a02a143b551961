"""Deep networks by the walk that training takes, for tests that bring their own pricers."""

from wedgefit.learning.path import Walk


def stages_of(problem, X, makers, *, tol, exact=True, deadline=None, advance=lambda *_: None):
    """The stages of one network on X (n, d): one for each of ``makers``, what makes the pricer of
    the matrix that a stage reads, as far as the deadline allows."""
    first, *deeper = makers
    walk = Walk(X, [problem], [first(X)], deeper, tol=tol, exact=lambda _: exact)
    (stages,) = walk.step(problem.alpha, deadline, advance)
    return stages
