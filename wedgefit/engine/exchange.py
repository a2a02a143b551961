"""The polish of a Lasso's solution: columns enter and leave its support until the KKT conditions
hold (theory, section 4)."""

from importlib.util import find_spec

import numpy as np

from wedgefit.engine.support import DEPENDENT, Gram, Support

# So many violating columns are exchanged before the gradient of all is computed anew.
TOGETHER = 32
# The polish gives up when the objective has not fallen for this many exchanges.
PATIENCE = 20
# From this many columns on what compiled steps save is soon more than loading them takes.
COLUMNS_COMPILED = 100


def exchange(gram: Gram, alpha: float, start: np.ndarray, nonnegative: bool) -> "Exchange":
    """What polishes this start (m,), whose support must be independent."""
    compiled = len(start) >= COLUMNS_COMPILED and find_spec("numba") is not None
    return (CompiledExchange if compiled else Exchange)(gram, alpha, start, nonnegative)


def load_kernels() -> None:
    """Have the compiled steps at hand where numba is installed, so that copies of this process need
    not load them each by itself."""
    if find_spec("numba") is not None:
        columns = Gram(np.eye(2), np.array([1.0, 0.5]))
        CompiledExchange(columns, 0.1, np.zeros(2), False).run(1e-6)


class Exchange:
    """Feature-sign search: solve the stationarity equations on the support, step to it, exchange,
    until KKT holds.

    The start's support must be independent. Every step begins at the gradient itself, so what
    rounding does to the support's inverse makes a step worse, never the solution.
    """

    def __init__(self, gram: Gram, alpha: float, start: np.ndarray, nonnegative: bool):
        self.gram, self.alpha, self.nonnegative = gram, alpha, nonnegative
        self.support = Support(gram, np.flatnonzero(start))
        self.z = start.copy()
        self.sign = np.sign(self.z)

    def run(self, kkt: float) -> np.ndarray:
        """The coefficients (m,) at which no column violates the KKT conditions by more than
        ``kkt``, relatively; where rounding does not let them get there, the best on the way."""
        # An alpha near the rounding of the correlations leaves steps to chance, and they may leave
        # the range of numbers.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._exchanged(kkt)

    def _exchanged(self, kkt: float) -> np.ndarray:
        lowest, idle, best = np.inf, 0, self.z.copy()
        while idle < PATIENCE:
            gradient = self._settled(kkt)
            if gradient is None:
                return best
            violation = self._sizes(gradient)
            violation[self.support.members] = 0.0
            worst = int(violation.argmax())
            if violation[worst] <= self.alpha * (1 + kkt):
                return self.z
            # Among nearly dependent columns exchanges can go in circles at the level of rounding:
            # then it is enough.
            objective = self.alpha * np.abs(self.z).sum() - 0.5 * self.z @ (
                self.gram.correlation + gradient
            )
            falls = lowest == np.inf or objective < lowest - 1e-15 * abs(lowest)
            idle = 0 if falls else idle + 1
            if objective < lowest:
                lowest, best = objective, self.z.copy()
            most = 1 if idle else TOGETHER
            violating = np.flatnonzero(violation > self.alpha * (1 + kkt))
            some = violating[np.argsort(-violation[violating], kind="stable")[:most]]
            self._exchange_among(some, gradient, kkt)
        return best

    def _exchange_among(self, some: np.ndarray, gradient: np.ndarray, kkt: float) -> None:
        """Take in the most violating of ``some`` columns (j,), again and again, until none of them
        violates, with the gradient (m,) of before; only theirs is computed anew."""
        matrix, correlation = self.gram.matrix[some], self.gram.correlation[some]
        pulls = gradient[some]
        for _ in range(2 * len(some)):
            violation = np.where(self.sign[some] != 0, 0.0, self._sizes(pulls))
            worst = int(violation.argmax())
            if violation[worst] <= self.alpha * (1 + kkt):
                return
            independent = self._enter(some[worst], np.sign(pulls[worst]))
            # Beside the new column only what rounding left is not balanced, and comes later.
            at = self.alpha * self.sign[self.support.members]
            at[-1] = pulls[worst]
            self._settle(at)
            if not independent:
                # What rounding left may be large, and all must be looked at.
                return
            pulls = correlation - matrix @ self.z

    def _sizes(self, gradient: np.ndarray) -> np.ndarray:
        """What is to be at most alpha where columns are not in use, shaped like the gradient."""
        return gradient.copy() if self.nonnegative else np.abs(gradient)

    def _settled(self, kkt: float) -> np.ndarray | None:
        """The gradient, (m,), at the stationary point of the support; None where numbers end."""
        before, renewed = np.inf, False
        while True:
            gradient = self.gram.correlation - self.support.times(self.z)
            if not np.isfinite(gradient).all():
                return None
            members = self.support.members
            pull = gradient[members] - self.alpha * self.sign[members]
            left = float(np.abs(pull).max(initial=0.0))
            if left <= 0.1 * kkt * self.alpha:
                return gradient
            # Another step takes most of what rounding left, as long as the inverse is good.
            if left > 0.5 * before:
                if renewed:
                    return gradient
                self.support.renew()
                renewed = True
            before = left
            self._settle(gradient[members])

    def _settle(self, gradient: np.ndarray) -> None:
        """Move to the stationary point of the support, dropping what reaches zero on the way;
        ``gradient`` (k,) is that of the support."""
        for _ in range(10 * len(self.z) + 100):
            members = self.support.members
            if not len(members):
                return
            z, pull = self.z[members], gradient - self.alpha * self.sign[members]
            step = self.support.inverse_times(pull)
            fraction, leaving = self._line_search(z, step, float(step @ pull))
            self.z[members] = z + fraction * step
            gradient = gradient - fraction * pull
            if leaving is not None:
                self._leave(leaving)
                gradient[leaving] = gradient[-1]
                gradient = gradient[:-1]
            # A column that has just entered may not have moved yet: it keeps the sign it came with.
            self.sign = np.where(self.z != 0, np.sign(self.z), self.sign)
            if leaving is None and fraction == 1.0:
                return

    def _line_search(
        self, z: np.ndarray, step: np.ndarray, curvature: float
    ) -> tuple[float, int | None]:
        """How far along ``step`` the objective falls, past sign changes: the fraction, and who
        stops there at zero."""
        if self.nonnegative:
            return _first_at_zero(z, step)
        crossing = np.flatnonzero((z != 0) & (np.sign(z + step) != np.sign(z)))
        if not len(crossing):
            return 1.0, None
        fractions = z[crossing] / (z[crossing] - (z + step)[crossing])
        order = np.argsort(fractions, kind="stable")
        # Along the step the derivative is (t − 1) stepᵀG step while no sign changes, and jumps by 2
        # alpha |step| at each.
        jumps = 0.0
        for k in order:
            before = (fractions[k] - 1.0) * curvature + jumps
            jumps += 2 * self.alpha * abs(step[crossing[k]])
            if before >= 0:
                return min(1.0, max(0.0, fractions[k] - before / curvature)), None
            if before + 2 * self.alpha * abs(step[crossing[k]]) >= 0:
                return float(fractions[k]), int(crossing[k])
        return min(1.0, 1.0 - jumps / curvature), None

    def _enter(self, column: int, sign: float) -> bool:
        """Take a violating column into the support; one in the support's span pushes another out.
        Whether it was independent."""
        own = self.gram.matrix[column, column]
        along, rest = self.support.projection(column)
        independent = rest > DEPENDENT * own
        if not independent:
            self._exchange(column, sign, along)
            along, rest = self.support.projection(column)
        self.support.enter(column, along, max(rest, DEPENDENT * own))
        self.sign[column] = sign
        return independent

    def _exchange(self, column: int, sign: float, along: np.ndarray) -> None:
        """Shift weight from the support to a dependent column, which leaves the output alone, until
        a member is zero."""
        direction, members = -sign * along, self.support.members
        z = self.z[members]
        shrinking = np.flatnonzero(z * direction < 0)
        if not len(shrinking):
            return
        amounts = -z[shrinking] / direction[shrinking]
        first = amounts.argmin()
        self.z[members] += amounts[first] * direction
        self.z[column] = sign * amounts[first]
        self._leave(int(shrinking[first]))

    def _leave(self, position: int) -> None:
        """Drop one column of the support."""
        column = self.support.members[position]
        self.z[column] = self.sign[column] = 0.0
        self.support.leave(position)


def _first_at_zero(z: np.ndarray, step: np.ndarray) -> tuple[float, int | None]:
    """How far along ``step`` no coefficient is negative, and who stops there at zero."""
    crossing = np.flatnonzero(z + step < 0)
    if not len(crossing):
        return 1.0, None
    fractions = z[crossing] / -step[crossing]
    first = int(fractions.argmin())
    return float(fractions[first]), int(crossing[first])


class CompiledExchange(Exchange):
    """The same, its inner steps compiled by numba (extra ``fast``)."""

    def __init__(self, gram: Gram, alpha: float, start: np.ndarray, nonnegative: bool):
        from wedgefit.engine import exchange_compiled

        super().__init__(gram, alpha, start, nonnegative)
        self._kernels = exchange_compiled

    def _exchange_among(self, some: np.ndarray, gradient: np.ndarray, kkt: float) -> None:
        support, kernels = self.support, self._kernels
        support.reserve(len(some))
        rule = (self.alpha, self.alpha * (1 + kkt), self.nonnegative)
        state = (self.z, self.sign, support.parts(kernels.VECTORS), support.size)
        support.size = kernels.exchange_among(
            some, gradient[some], self.gram.matrix, self.gram.correlation, rule, *state
        )

    def _settle(self, gradient: np.ndarray) -> None:
        support, kernels = self.support, self._kernels
        parts = support.parts(kernels.VECTORS)
        parts[-1][kernels.GRADIENT, : support.size] = gradient
        rule = (self.alpha, self.alpha, self.nonnegative)
        support.size = kernels.settle(rule, self.z, self.sign, parts, support.size)
