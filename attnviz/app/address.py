"""What the reader chose, kept in the URL: opening the link shows the same picture.

Every choice is declared once with the values it may take. Widgets use the same names as session
keys; `restore` fills them from the URL before the first widget, `publish` writes them back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from attnviz.analysis.block import BLOCKS
from attnviz.analysis.display import Special
from attnviz.app import example, shelf
from attnviz.app.text import LANGUAGES


@dataclass(frozen=True)
class Choice:
    """`options` None means any text; `number` means a whole number of at least 0, or unset;
    `between` means a number from its first to its second; `known` says which texts there are."""

    default: str | float | bool | None
    options: tuple[str, ...] | None = None
    number: bool = False
    between: tuple[float, float] | None = None
    known: Callable[[str], bool] | None = None

    def parse(self, value: str) -> str | float | bool | None:
        """The value that `value` in a URL stands for. Raises ValueError where it is none."""
        if self.number:
            if not (value.isascii() and value.isdigit() and len(value) < 5):
                raise ValueError(value)
            return self._within(int(value))
        if self.between is not None:
            return self._within(float(value))
        if isinstance(self.default, bool):
            if value not in ("0", "1"):
                raise ValueError(value)
            return value == "1"
        if self.options is not None and value not in self.options:
            raise ValueError(value)
        if self.known is not None and not self.known(value):
            raise ValueError(value)
        return value[:MAX_TEXT]

    def _within(self, value: float) -> float:
        low, high = self.between or (value, value)
        if not low <= value <= high:
            raise ValueError(value)
        return value


MAX_TEXT = 20_000
MAX_LINKED = 2_000
CHOICES: Mapping[str, Choice] = {
    "lang": Choice(None, tuple(LANGUAGES)),
    "model": Choice(shelf.DEFAULT, known=shelf.known),
    "text": Choice(None),
    "to": Choice("auto", ("auto", "zh", "en")),
    "target": Choice(""),
    "group": Choice(""),
    "write": Choice(24, number=True, between=(0, 200)),
    "draw": Choice(1, number=True, between=(0, 9999)),
    "warmth": Choice(0.8, between=(0.05, 5.0)),
    "special": Choice("show", get_args(Special)),
    "words": Choice(False),
    "block": Choice("decoder.cross", BLOCKS),
    "layer": Choice(None, number=True),
    "head": Choice(None, number=True),
    "row": Choice(None, number=True),
    "col": Choice(None, number=True),
    "view": Choice("heatmap", ("heatmap", "lines", "bars", "table")),
    "scale": Choice("linear", ("linear", "row", "sqrt")),
    "lesson": Choice("sentence", ("sentence", "textbook")),
    "numbers": Choice(""),
    "step": Choice(""),
    "dim": Choice(0, number=True),
    "token": Choice(None, number=True),
    "show": Choice("picture", ("picture", "table")),
    "code": Choice(False),
    "present": Choice(False),
    "switched": Choice(""),
    "scaling": Choice(True),
    "mask": Choice("before", ("before", "after", "none")),
    "softmax": Choice("stable", ("stable", "naive")),
    "tau": Choice(1.0, between=(0.02, 5.0)),
    "temperature": Choice(1.0, between=(0.05, 5.0)),
    "top_k": Choice(0, number=True, between=(0, 9999)),
    "top_p": Choice(1.0, between=(0.01, 1.0)),
    "put": Choice(""),
    "where": Choice("*"),
    "compare": Choice("softmax;entmax;sliding_window;linear"),
    "reference": Choice(0, number=True),
    "laboratory": Choice("matrices", ("matrices", "cost", "limits")),
    "vectors": Choice("sentence", ("sentence", "random", "typed")),
    "causal": Choice(False),
    "tokens": Choice(12, number=True),
    "seed": Choice(0, number=True),
    "typed": Choice(""),
    "limit": Choice("entmax.alpha"),
    "variant": Choice("softmax"),
}


def options(name: str) -> tuple[str, ...]:
    """What the choice `name` may be."""
    found = CHOICES[name].options
    assert found is not None, f"{name} is free text"
    return found


def restore(language: str) -> list[str]:
    """Fill the session from the URL, else from the declarations; `language` where the URL has none.
    Return the names of parameters that had to be ignored."""
    ignored = []
    for name, choice in CHOICES.items():
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]  # or another page's widget resets it
            continue
        value = choice.default
        if name in st.query_params:
            try:
                value = choice.parse(st.query_params[name])
            except ValueError:
                if not (name == "model" and shelf.want(st.query_params[name])):
                    ignored.append(name)
        st.session_state[name] = value
    if st.session_state["lang"] is None:
        st.session_state["lang"] = language
    if st.session_state["text"] is None:
        st.session_state["text"] = example.first(
            st.session_state["model"], st.session_state["lang"]
        )
    return ignored


def forget_cell() -> None:
    """Other tokens, other cells: the head stays chosen, the cell does not."""
    st.session_state.update(row=None, col=None, token=None)


def publish() -> None:
    """Write every choice that is not the default into the URL; of a long text the beginning, which
    is more than any model here reads."""
    wanted = {}
    for name, choice in CHOICES.items():
        value = st.session_state.get(name)
        if value is None or value == choice.default:
            continue
        wanted[name] = str(int(value)) if isinstance(value, bool) else str(value)[:MAX_LINKED]
    told, state = st.query_params.to_dict(), st.session_state
    others = {k: v for k, v in told.items() if k not in CHOICES or k not in state}
    last = state.get("published")
    state["published"] = full = others | wanted
    if not told == full == last:  # the browser may tell an address gone by
        st.query_params.from_dict(full)
