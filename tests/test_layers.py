"""Imports run one way: a file imports only from layers above its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    *("error", "axes", "rule", "config", "recorder", "trace", "tokenizer", "attention", "model"),
    *(
        "pretrained",
        "adapters",
        "load",
        "run",
        *("piece", "given", "explain", "archive", "matrix"),
        "textbook",
        "__init__",
        "analysis",
        "figures",
        "app",
        "__main__",
    ),
)
ABOVE = {layer: set(LAYERS[: i + 1]) for i, layer in enumerate(LAYERS)}
ABOVE["figures"] = {"axes", "rule", "figures"}
ABOVE["training"] = ABOVE["run"] | {"training"}
ABOVE["__main__"] = set(LAYERS) | {"training"}
TRAINING_PAGE = "app/pages/training.py"


def imports(source: str, package: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Every imported name as a dotted path, and whether the import stands inside a function."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    lazy = {id(n) for f in ast.walk(tree) if isinstance(f, functions) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split("."), id(node) in lazy
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                yield [*base, alias.name], id(node) in lazy


def layer_of(path: list[str]) -> str:
    """The layer of "attnviz.x.y": x, or the package's own face where x is a name in it."""
    name = path[1] if len(path) > 1 else "__init__"
    return name if name in ABOVE else "__init__"


def violations(file: str, source: str) -> list[str]:
    """What is wrong with the imports of `file`, a path relative to the package folder."""
    own = Path(file).parts[0].removesuffix(".py")
    package = ["attnviz", *Path(file).parts[:-1]]
    wrong = []
    for path, lazy in imports(source, package):
        if path[0] == "streamlit" and own != "app":
            wrong.append(f"{file} imports streamlit")
        if path[0] != "attnviz" or own == "__init__":
            continue
        layer = layer_of(path)
        allowed = layer in ABOVE[own] or (layer == "training" and file == TRAINING_PAGE)
        if own == "__main__" and layer in ("app", "training"):
            allowed = lazy
        if not allowed:
            wrong.append(f"{file} imports {'.'.join(path)}")
    return wrong


FILES = sorted((ROOT / "attnviz").rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_imports_only_from_layers_above_its_own(file: Path) -> None:
    name = file.relative_to(ROOT / "attnviz").as_posix()
    assert violations(name, file.read_text(encoding="utf-8")) == []


def test_every_file_belongs_to_a_layer() -> None:
    names = {f.relative_to(ROOT / "attnviz").parts[0].removesuffix(".py") for f in FILES}
    assert names <= ABOVE.keys()


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("attention/core.py", "from attnviz.model.block import Block"),
        ("attention/core.py", "from ..model import block"),
        ("axes.py", "from . import trace"),
        ("trace.py", "def f():\n    import attnviz.run"),
        ("model/block.py", "from attnviz import run"),
        ("figures/heatmap.py", "from attnviz.trace import Trace"),
        ("analysis/entropy.py", "import streamlit as st"),
        ("analysis/entropy.py", "from attnviz.figures import heatmap"),
        ("app/pages/explore.py", "from attnviz.training import recipe"),
        ("training/loop.py", "from attnviz.app import session"),
        ("run.py", "import attnviz"),
        ("__main__.py", "from attnviz.training import command"),
    ],
)
def test_a_planted_violation_is_caught(file: str, source: str) -> None:
    assert len(violations(file, source)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("figures/heatmap.py", "from attnviz import axes\nfrom .colour import scale"),
        ("app/pages/training.py", "import streamlit\nfrom attnviz.training import recipe"),
        ("__main__.py", "def f():\n    from attnviz.training import command"),
        ("analysis/entropy.py", "from attnviz.trace import Trace\nimport numpy"),
    ],
)
def test_a_right_arrow_is_not_reported(file: str, source: str) -> None:
    assert violations(file, source) == []
