"""The laws of the house, read from the imports: they flow one way, and heavy packages stay in their
rooms."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "wedgefit"

# A module may import from strictly earlier ones only, which also rules out cycles. One that is not
# listed fails.
ORDER = """
__init__ errors ranges setting watch files records published
data.words data.settings data.reading data.hints data.cells data.sheet data.not_csv data.csv_file
data.parquet_file data.table data.kinds data.roles data.lags data.columns data.fitting data.target
data.pairs data.sample data.shape data.guards data.encoding data.distribution
engine.losses.base engine.losses.squared engine.losses.robust engine.losses.logistic
engine.losses.softmax engine.losses.counts engine.losses
engine.problem engine.wedge engine.hinges engine.fit engine.rounding engine.certificate
engine.dictionary engine.sweep engine.sweep_compiled
engine.compiling engine.bound engine.bound_walk engine.bound_histogram
engine.bound_compiled engine.bound_patch
engine.bound_patch_box engine.bound_patch_compiled engine.bound_look engine.bounded
engine.workers engine.remembered engine.coinciding_compiled engine.coinciding
engine.bound_search engine.choice engine.order_one engine.pencil
engine.windows engine.bound_choice
engine.scout_compiled engine.scout engine.ramps engine.nomination
engine.kept_lines_compiled engine.kept_lines engine.instruments
engine.shaped_bound engine.shaped_compiled engine.shaped_bound_compiled engine.shaped_search
engine.shaped_units
engine.ascent engine.off_wedges engine.priced engine.proof engine.pricing engine.shapes
engine.shared engine.support engine.exchange_compiled engine.exchange
engine.lasso engine.group_lasso engine.coupled_lasso
engine.linear_program engine.working_set
engine.descent engine.schedule engine.solve engine.alternatives engine.broken_line_proof
engine.broken_line engine.plainer engine.network
engine.layers engine.chains engine.alternation engine.loose
learning.scores learning.threshold learning.settings learning.calibrating learning.checks
learning.problems
learning.splits learning.kept
learning.path learning.curve learning.out_of_fold learning.side_by_side learning.select
learning.policy learning.best_pairs learning.refusals learning.learn
model.calibration model.effects model.over_folds model.intervals model.parts model.record
model.file_problem model.file_record model.file
model.held_out model.neurons
model.figures model.notes model.differences model.network_file model.onnx_graph model.onnx_network
model.foreign model.network_export model.evaluation model.residuals model.training model.build
model.whole_path model.comparison model.origin
model.claims model.soundness model.audited model.audit model.left_out model.cost
model.uniqueness model.bends model.foreign_rows model.yardstick model.polish model.trace
views.words views.units views.phrases views.effects views.curves views.explain
views.prediction views.flat views.terminal views.progress_bar
views.tables.train views.tables.sums views.tables.explain views.tables.row views.tables.figures
views.tables.proof views.tables
views.pictures.style views.pictures.naming views.pictures.scene views.pictures.fit
views.pictures.map views.pictures.frames views.pictures.effects views.pictures.pairs
views.pictures.overview views.pictures.quality
views.pictures.training views.pictures.draw views.pictures views.page
exports.plan exports.standalone exports.python exports.dialect exports.dialects exports.sql
exports.onnx exports.formats
parameters arrays estimators
cli.streams cli.help cli.failures cli.output cli.values cli.options cli.arguments
cli.commands.train cli.commands.explain cli.commands.predict cli.commands.evaluate
cli.commands.compare cli.commands.path cli.commands.certify cli.commands.polish
cli.commands.plot cli.commands.report cli.commands.export cli.main cli __main__
""".split()
FOLDERS = [
    "data", "engine", "engine.losses", "learning", "model", "views", "views.tables",
    "views.pictures", "exports", "cli", "cli.commands",
]  # fmt: skip
RANK = {module: rank for rank, module in enumerate(ORDER)}
ROOMS = {
    "click": {module for module in ORDER if module.startswith("cli.")},
    "rich": {
        module for module in ORDER if re.match(r"views\.(terminal|progress_bar|tables)", module)
    },
    "sklearn": {
        "engine.lasso",
        "learning.calibrating",
        "learning.splits",
        "arrays",
        "estimators",
    },
    "pickle": set(),
    "matplotlib": {module for module in ORDER if module.startswith("views.pictures.")},
    "jinja2": {"views.page"},
    "duckdb": {"data.parquet_file"},
    "onnx": {"exports.onnx", "model.onnx_graph", "model.network_export"},
}
LAZY_SKLEARN = {"engine.lasso", "learning.calibrating", "learning.splits"}
# They need not be installed.
EXTRAS = {"matplotlib", "jinja2", "duckdb"}
# Their import costs no scikit-learn, so that the commands without a fit start at once.
LIGHT = {
    "cli", "views.tables", "views.pictures", "views.prediction", "views.page",
    "exports.formats", "model.file", "model.foreign", "model.record", "learning.learn",
    "model.build",
}  # fmt: skip


def module_name(path):
    """``engine.wedge`` for engine/wedge.py, ``engine`` for its __init__, ``__init__`` for that of
    the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imports(source):
    """Every import of a module as ``(package, dotted path and name, lazy)``; own modules have the
    package 'wedgefit'."""
    return tuple(_imports(source))


def _imports(source):
    tree = ast.parse(source)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    typing = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    lazy = {node for block in (*functions, *typing) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(filter(None, ["wedgefit" if node.level else "", node.module]))
            targets = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            package, *path = target.split(".")
            yield package, path, node in lazy


def own(path):
    """The module of wedgefit that an import reaches; names of the package itself live in
    ``__init__``."""
    for length in range(len(path), 0, -1):
        if ".".join(path[:length]) in MODULES:
            return ".".join(path[:length])
    return ".".join(path[:-1]) or "__init__"


def rank(module):
    """The place of a module in ``ORDER``; a folder without code of its own takes no part."""
    return -1 if module in FOLDERS and module not in RANK else RANK.get(module, len(ORDER))


def violations(module, source):
    """What the imports of one module break, in words."""
    for package, path, lazy in imports(source):
        if package == "wedgefit":
            if rank(own(path)) >= rank(module):
                yield f"{module} imports {own(path)}, which does not come before it"
            continue
        if module not in ROOMS.get(package, {module}):
            yield f"{module} imports {package}"
        if (package == "sklearn" and module in LAZY_SKLEARN or package in EXTRAS) and not lazy:
            yield f"{module} imports {package} at its top"
        if any(name.startswith("_") and not name.endswith("__") for name in (package, *path)):
            yield f"{module} uses a private door: {'.'.join((package, *path))}"


def started(module, sources):
    """Every package that importing ``module`` imports, directly or through other modules of
    wedgefit."""
    packages, reached, waiting = set(), set(), [module]
    while waiting:
        here = waiting.pop()
        if here in reached:
            continue
        reached.add(here)
        eager = [
            (package, path) for package, path, lazy in imports(sources.get(here, "")) if not lazy
        ]
        packages |= {package for package, _ in eager}
        waiting += [own(path) for package, path in eager if package == "wedgefit"]
    return packages


@pytest.mark.parametrize("module", MODULES)
def test_module_keeps_the_laws(module):
    assert module in RANK or module in FOLDERS, (
        "give the new module its place in ORDER (none is called utils)"
    )
    assert list(violations(module, MODULES[module])) == []


def test_files_that_are_no_modules_are_installed():
    """A wheel holds modules, and what pyproject.toml names beside them."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    installed = {
        path
        for package, patterns in project["tool"]["setuptools"].get("package-data", {}).items()
        for pattern in patterns
        for path in PACKAGE.parent.joinpath(*package.split(".")).glob(pattern)
    }
    files = [path for path in PACKAGE.rglob("*") if path.is_file()]
    cached = lambda path: "__pycache__" in path.parts
    assert installed == {path for path in files if path.suffix != ".py" and not cached(path)}


def test_no_two_test_files_share_a_name():
    """pytest takes the second for the first, whatever folder it is in."""
    names = [path.name for path in (PACKAGE.parent / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def rooms(page):
    """The modules that the tree of a page names, in its order."""
    path, modules = [], []
    for indent, name, kind in re.findall(r"^( +)(\w+)(\.py|/)(?: |$)", page, re.MULTILINE):
        path[len(indent) // 2 - 1 :] = [name]
        if kind == ".py":
            modules.append(".".join(path))
    return modules


def test_the_page_names_every_module():
    """In the order of imports, each with a line of its own."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = rooms(page)
    expected = [module for module in ORDER if module not in FOLDERS and module != "__init__"]
    assert sorted(named) == sorted(expected), (
        f"docs/architecture.md lacks a line for {sorted(set(expected) - set(named))}, "
        f"or has one too many: {sorted(set(named) - set(expected))}"
    )
    assert named == expected, "docs/architecture.md names the modules in another order"


def test_a_tree_is_read_by_its_indents():
    page = "a/\n  one.py    First.\n  b/\n    two.py\n    c/   Deep.\n      three.py  x\n  four.py"
    assert rooms(page) == ["one", "b.two", "b.c.three", "four"]


@pytest.mark.parametrize("module", sorted(LIGHT & MODULES.keys()))
def test_light_modules_start_without_sklearn(module):
    assert "sklearn" not in started(module, MODULES)


@pytest.mark.parametrize(
    "module, source",
    [
        ("engine.wedge", "from wedgefit.engine import solve"),
        ("engine.wedge", "from wedgefit.engine.pricing import Pricer"),
        ("engine.wedge", "def f():\n    import wedgefit.engine.pricing"),
        ("engine.wedge", "from wedgefit.utils import f"),
        ("engine.solve", "import click"),
        ("data.table", "from wedgefit.engine.solve import solve"),
        ("cli.options", "from rich.table import Table"),
        ("model.record", "import pickle"),
        ("cli.commands.plot", "def f():\n    import matplotlib"),
        ("views.pictures.fit", "import matplotlib"),
        ("model.record", "from sklearn.linear_model import Lasso"),
        ("learning.splits", "from sklearn.model_selection import KFold"),
        ("engine.lasso", "def f():\n    from sklearn.linear_model import _cd_fast"),
        ("engine.lasso", "from sklearn.linear_model import Lasso"),
        ("engine.lasso", "import numpy._core"),
    ],
)
def test_a_broken_law_is_seen(module, source):
    assert len(list(violations(module, source))) == 1


def test_sklearn_behind_another_module_is_seen():
    sources = {
        "model.record": "from wedgefit.engine.solve import solve",
        "engine.solve": "from wedgefit.engine import lasso",
        "engine.lasso": "import sklearn.linear_model",
    }
    lazily = {"engine.solve": "def f():\n    from wedgefit.engine import lasso"}
    assert "sklearn" in started("model.record", sources)
    assert "sklearn" not in started("model.record", sources | lazily)
