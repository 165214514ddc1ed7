"""The sentence box, the forced translation, and the tokens of both as chips."""

from typing import Any

import streamlit as st

from attnviz.analysis.label import label, labels
from attnviz.analysis.prediction import predictions
from attnviz.app import components
from attnviz.app.address import forget_cell
from attnviz.app.session import View
from attnviz.app.text import Text
from attnviz.trace import Tokens


def box(text: Text) -> None:
    """The sentence and, beside it, a translation to force; both run on Enter."""
    left, right = st.columns([3, 2])
    with left:
        only(text)
    right.text_input(
        text("target"),
        key="target",
        placeholder=text("target-placeholder"),
        help=text("target-help"),
        on_change=forget_cell,
        persist_state="session",
    )


def only(text: Text) -> None:
    """The sentence alone."""
    st.text_input(
        text("sentence"),
        key="text",
        placeholder=text("sentence-placeholder"),
        on_change=forget_cell,
        persist_state="session",
    )


def answer(text: Text, view: View) -> None:
    """Source and target as chips; a target chip tells its probability and its alternatives."""
    source = _chips(view.trace.source) if view.trace.source else []
    components.chips(source, _written(view), text.group("chips"), key="chips")


def before(text: Text, view: View) -> None:
    """The target alone, of the model as it was trained."""
    said = text.group("chips") | {"target": text("put-before")}
    components.chips([], _written(view), said, key="chips-before", linked=False)


def _written(view: View) -> list[dict[str, Any]]:
    """The target's chips, and one for the end where it was reached."""
    trace = view.trace
    target = _chips(trace.target) if trace.target else []
    end = view.bundle.tokenizer.end
    if trace.target and trace.facts.get("finished"):
        piece = label(view.bundle.tokenizer.piece(end))
        target.append({"text": piece, "title": f"{piece} · id {end}", "special": True})
    for chip, said in zip(target[1:], predictions(trace, end=end), strict=False):
        chip["probability"] = said.prob
        if view.request.target:
            chip["forced_rank"] = said.rank
        chip["alternatives"] = [
            [label(view.bundle.tokenizer.piece(i)), p]
            for i, p in zip(said.ids, said.probs, strict=True)
        ]
    return target


def _chips(tokens: Tokens) -> list[dict[str, Any]]:
    rows = zip(labels(tokens), tokens.ids, tokens.spans, tokens.special, strict=True)
    return [
        {
            "text": shown,
            "title": f"{shown} · id {token}" + (f" · {span[0]}–{span[1]}" if span else ""),
            "special": special,
        }
        for shown, token, span, special in rows
    ]


def notes(text: Text, view: View) -> None:
    """What the reader has to know about this run: cut text, unfinished decoding."""
    facts = view.trace.facts
    for side in ("source", "target"):
        if left_out := facts["cut"].get(side, 0):
            st.info(text(f"cut-{side}", left_out=left_out, limit=facts["n_ctx"]))
    if not (facts.get("finished", True) or view.request.target):
        st.info(text("unfinished", n=len(view.trace.target or ())))


def facts_line(text: Text, view: View) -> None:
    """Model, size, device and number format, in one small line."""
    config = view.bundle.config
    st.caption(
        text(
            "facts",
            model=view.bundle.name,
            layers=config.n_layers,
            heads=config.n_heads,
            width=config.d_model,
            parameters=f"{view.bundle.n_parameters / 1e6:.1f}",
            device=view.trace.facts["device"],
            dtype=view.trace.facts["dtype"],
        )
    )
