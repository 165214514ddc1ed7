"""One page a file: it declares ORDER, NAME (its message and its path) and `page(text)`."""

import importlib
import pkgutil
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Literal

import streamlit as st

from attnviz.app.text import Text

ICON = Path(__file__).parent.parent / "icon.png"
STYLE = Path(__file__).parent.parent / "page.css"


@cache
def found() -> tuple[ModuleType, ...]:
    """The page modules of this folder, in their order."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(sorted(modules, key=lambda module: module.ORDER))


def position() -> Literal["top", "hidden"]:
    """Where the reader finds the pages; one page needs no menu."""
    return "top" if len(found()) > 1 else "hidden"


def navigation(text: Text) -> list:
    """The pages as st.navigation takes them; the first one is the front page."""
    return [
        st.Page(
            partial(module.page, text),
            title=text(f"page-{module.NAME}"),
            url_path=module.NAME,
            default=module is found()[0],
        )
        for module in found()
    ]
