"""The laws of the house, read from the imports: they flow one way, and heavy packages stay in their rooms."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "wedgefit"

# A module may import from strictly lower rows only, which also rules out cycles. A module that is not listed fails.
ROWS = {
    "__init__": 0, "errors": 0,
    "table": 1, "wedge": 1, "loss": 1, "sweep": 1, "ascent": 1,
    "encode": 2, "dictionary": 2, "certificate": 2, "kernels": 2,
    "pricing": 3, "lasso": 3, "descent": 3,
    "solve": 4, "network": 4,
    "layers": 5, "model": 5, "foreign": 5,
    "select": 6, "explain": 6, "export_python": 6, "export_sql": 6, "export_onnx": 6,
    "learn": 7, "export": 7, "plot": 7, "render": 7,
    "fit": 8, "audit": 8, "yardstick": 8, "trace": 8, "report": 8,
    "estimators": 9, "cli": 9,
    "__main__": 10,
}  # fmt: skip
ROOMS = {
    "click": {"cli"}, "rich": {"render"}, "sklearn": {"lasso", "select", "estimators", "encode"}, "pickle": set(),
    "matplotlib": {"plot"}, "jinja2": {"report"}, "onnx": {"export_onnx", "foreign"},
}  # fmt: skip
LAZY_SKLEARN = {"encode", "select"}
# They need not be installed.
EXTRAS = {"matplotlib", "jinja2"}
# Their import costs no scikit-learn, so that the commands without a fit start at once.
LIGHT = {"cli", "render", "plot", "explain", "export", "foreign", "model", "report"}

MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


def imports(source):
    """Every import of a module as ``(package, dotted path and name, lazy)``; own modules have the package 'wedgefit'."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lazy = {node for function in functions for node in ast.walk(function)}
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
    """The module of wedgefit that an import reaches; names of the package itself live in ``__init__``."""
    return path[0] if path and (path[0] in ROWS or len(path) > 1) else "__init__"


def violations(module, source):
    """What the imports of one module break, in words."""
    for package, path, lazy in imports(source):
        if package == "wedgefit":
            if ROWS.get(own(path), 99) >= ROWS[module]:
                yield f"{module} imports {own(path)}, which is not below it"
            continue
        if module not in ROOMS.get(package, {module}):
            yield f"{module} imports {package}"
        if (package == "sklearn" and module in LAZY_SKLEARN or package in EXTRAS) and not lazy:
            yield f"{module} imports {package} at its top"
        if any(name.startswith("_") and not name.endswith("__") for name in (package, *path)):
            yield f"{module} uses a private door: {'.'.join((package, *path))}"


def started(module, sources):
    """Every package that importing ``module`` imports, directly or through other modules of wedgefit."""
    packages, reached, waiting = set(), set(), [module]
    while waiting:
        here = waiting.pop()
        if here in reached:
            continue
        reached.add(here)
        eager = [(package, path) for package, path, lazy in imports(sources.get(here, "")) if not lazy]
        packages |= {package for package, _ in eager}
        waiting += [own(path) for package, path in eager if package == "wedgefit"]
    return packages


@pytest.mark.parametrize("module", MODULES)
def test_module_keeps_the_laws(module):
    assert module in ROWS, "give the new module its row in ROWS (and no module is called utils)"
    assert list(violations(module, MODULES[module])) == []


@pytest.mark.parametrize("module", sorted(LIGHT & MODULES.keys()))
def test_light_modules_start_without_sklearn(module):
    assert "sklearn" not in started(module, MODULES)


@pytest.mark.parametrize(
    "module, source",
    [
        ("wedge", "from .table import Table"),
        ("wedge", "from . import solve"),
        ("wedge", "def f():\n    import wedgefit.pricing"),
        ("wedge", "from wedgefit.utils import f"),
        ("solve", "import click"),
        ("cli", "from rich.table import Table"),
        ("model", "import pickle"),
        ("cli", "def f():\n    import matplotlib"),
        ("plot", "import matplotlib"),
        ("model", "from sklearn.linear_model import Lasso"),
        ("encode", "from sklearn.model_selection import KFold"),
        ("lasso", "from sklearn.linear_model import _cd_fast"),
        ("lasso", "import numpy._core"),
    ],
)
def test_a_broken_law_is_seen(module, source):
    assert len(list(violations(module, source))) == 1


def test_sklearn_behind_another_module_is_seen():
    sources = {"model": "from .solve import solve", "solve": "from . import lasso", "lasso": "import sklearn.linear_model"}
    assert "sklearn" in started("model", sources)
    assert "sklearn" not in started("model", sources | {"solve": "def f():\n    from . import lasso"})
