"""The scripts and styles of the browser components, put together from the files in `assets/`.

A component is one ES module, because Streamlit imports it from a blob where `import` finds nothing:
its parts are joined in the order named here, the last one has the default export.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "head_grid": (
        *("payload", "template", "link", "colour", "segmented"),
        *("canvas", "matrix", "grid_layout", "grid_paint", "grid_pointer", "head_grid"),
    ),
    "lines": ("payload", "template", "link", "colour", "chip", "lines"),
    "chips": ("payload", "template", "link", "chip", "chips"),
    "plot": ("template", "link", "plot"),
    "tensor": (
        *("payload", "template", "asked", "colour", "canvas", "matrix"),
        *("picks", "tensor_layout", "tensor_paint", "tensor"),
    ),
    "comparison": (
        *("payload", "template", "colour", "canvas", "matrix"),
        *("tensor_layout", "tensor_paint", "comparison"),
    ),
    "walk": ("template", "asked", "chip", "reveal", "walk"),
}
STYLES: Mapping[str, tuple[str, ...]] = {
    "head_grid": ("base", "head_grid"),
    "lines": ("base", "chip", "lines"),
    "chips": ("base", "chip", "chips"),
    "plot": ("base",),
    "tensor": ("base", "tensor"),
    "comparison": ("base", "comparison"),
    "walk": ("base", "walk"),
    "notebook": ("notebook",),
}


@cache
def script(name: str) -> str:
    """The module of component `name`; its default export draws it."""
    return _joined(SCRIPTS[name], "js")


@cache
def style(name: str) -> str:
    """The style sheet of component `name`."""
    return _joined(STYLES[name], "css")


def _joined(parts: tuple[str, ...], ending: str) -> str:
    folder = files("attnviz.figures") / "assets"
    return "\n".join((folder / f"{part}.{ending}").read_text(encoding="utf-8") for part in parts)
