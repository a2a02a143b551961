"""What a model is, in sums: a formula in the units of the file if that is short, else a line for
each output, and what is predicted of them."""

from collections.abc import Iterator

from rich.text import Text

from wedgefit.learning.threshold import HALF
from wedgefit.views.phrases import limit_texts
from wedgefit.views.terminal import Parts
from wedgefit.views.words import NOTHING, count, interval_words, number, plain


def opening(explanation: dict) -> Parts:
    """The lines above all tables."""
    formula = explanation["formula"]
    for line in _sums(explanation) if formula is None else _lines_of(formula, explanation):
        yield Text(plain(line), style="bold")
    for limits in limit_texts(explanation):
        yield Text(f"{plain(limits)}.")
    if classes := explanation["classes"]:
        last, first = plain(classes[-1]), plain(classes[0])
        where, threshold = "the score is positive", explanation["threshold"]
        if threshold is not None or explanation["steps"]:
            where = f"its probability exceeds {number(HALF if threshold is None else threshold)}"
        two = f"{last} is predicted where {where}, {first} elsewhere."
        largest = "probability" if explanation["steps"] else "score"
        several = f"The class of the largest {largest} is predicted."
        yield Text(two if len(classes) == 2 else several)
    if explanation["steps"]:
        yield Text("Probabilities rise with the score in steps, which rows held out have taught.")
    if explanation["scale"] == "quantile":
        yield Text("Predicted of a row are these numbers in ascending order.")
    for words in interval_words(explanation["interval_reach"]):
        yield Text(f"Rows like those of training: {words}, by the row (predict --interval).")
    if explanation["no_effects"] is not None:
        yield Text(f"Note: {plain(explanation['no_effects'])}")
    if any(_beyond(term) for term in explanation["terms"]):
        yield Text(f"{NOTHING} stands for a number that float64 cannot hold in units of the file.")


def _beyond(term: dict) -> bool:
    return term["coefficient"] is not None and term["hinge"]["coefficient"] is None


def _lines_of(formula: str, explanation: dict) -> list[str]:
    """The equations of a formula, one per output. A name may hold line breaks of its own, so only
    the start of an equation parts them."""
    starts = [0]
    # Two classes have one equation, several classes or targets one each.
    for output in explanation["outputs"][1:]:
        starts.append(formula.index(f"\n{_name(explanation, output)} = ", starts[-1]) + 1)
    ends = [*starts[1:], None]
    return [formula[start:end].removesuffix("\n") for start, end in zip(starts, ends)]


def _name(explanation: dict, output: str) -> str:
    """What the parts of an output add up to."""
    if explanation["classes"]:
        return f"score of {output}"
    return f"log {output}" if explanation["scale"] == "log" else output


def kind_of_output(explanation: dict) -> str:
    """What one of several outputs is."""
    if explanation["classes"]:
        return "class"
    return "quantile" if explanation["scale"] == "quantile" else "target"


def sum_of(explanation: dict) -> str:
    """What effects add up to, in words."""
    scale = explanation["scale"]
    if explanation["classes"]:
        return "score" + {"prediction": ""}.get(scale, f" ({scale})")
    return "log of the prediction" if scale == "log" else "prediction"


def _sums(explanation: dict) -> Iterator[str]:
    """One line per output in place of a formula that would be too long to read."""
    for output in explanation["outputs"]:
        yield f"{_name(explanation, output)} = {_sum(explanation, output)}"


def _sum(explanation: dict, output: str) -> str:
    if explanation["no_effects"] is None:
        own = [effect for effect in explanation["effects"] if effect["output"] == output]
        pairs = sum(len(effect["columns"]) == 2 for effect in own)
        if explanation["sizes"]["effects"] > len(explanation["effects"]):
            return f"{number(_at(explanation['baseline'], output))} on average + its effects"
        words = f" + {_effects_of(pairs, 'pair')}" if pairs else ""
        average = number(_at(explanation["baseline"], output))
        return f"{average} on average + {_effects_of(len(own) - pairs, 'column')}{words}"
    own = sum(term["output"] in (None, output) for term in explanation["terms"])
    cut = len(explanation["terms"]) < explanation["sizes"]["terms"]
    bias = number(_at(explanation["intercept"], output))
    over = "its wedges" if cut else count(own, "wedge")
    return f"{bias} + the sum of coefficient · hinge over {over}"


def _effects_of(many: int, thing: str) -> str:
    return f"the effect of a {thing}" if many == 1 else f"{many:,} effects of {thing}s"


def _at(value: float | dict[str, float], output: str) -> float:
    return value[output] if isinstance(value, dict) else value
