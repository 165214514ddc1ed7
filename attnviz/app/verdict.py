"""A classifier's answer: the most probable labels, and what each word adds to the first one."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from attnviz.analysis.contribution import contribution
from attnviz.analysis.prediction import verdict
from attnviz.app.session import View
from attnviz.app.text import Text, plain
from attnviz.figures.number import digits

SHOWN = 3
FULL = 2.0
"""Logits that a token adds where its chip has the full colour."""


def panel(text: Text, view: View) -> None:
    """The labels with their probabilities, the most probable one first."""
    found, names = verdict(view.trace, SHOWN), view.trace.facts["labels"]
    said = ranked(text, text("verdict"), [names[i] for i in found.ids], found.probs)
    st.markdown(said, help=f"{text('verdict-help')} {text('verdict-scale', most=FULL)}")


def ranked(text: Text, title: str, names: Sequence[str], probs: Sequence[float]) -> str:
    """Markdown: the most probable name, and smaller the others with theirs."""
    first, *others = (
        text("verdict-label", label=plain(name), percent=digits(100 * p))
        for name, p in zip(names, probs, strict=True)
    )
    return f"**{title}** {first} &nbsp; :gray[{' · '.join(others)}]"


def tint(text: Text, view: View, chips: list[dict[str, Any]]) -> None:
    """Colour each chip by what its token adds to the label's logit, and say it; not where another
    attention pools, whose output is no sum of weighted values."""
    label = verdict(view.trace, 1).chosen
    added = contribution(view.trace, label)
    if added is None:
        return
    name = view.trace.facts["labels"][label]
    for chip, amount in zip(chips, added.tokens.tolist(), strict=True):
        sign = "+" if amount >= 0 else "−"
        chip["tint"] = max(-1.0, min(1.0, amount / FULL))
        chip["note"] = text("verdict-adds", amount=sign + digits(abs(amount)), label=name)
