"""The choice of vectors for a comparison: one attention of the model for a sentence, random
numbers, or numbers typed by hand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from attnviz.analysis.block import blocks, n_layers
from attnviz.analysis.sharpness import sharpest_head
from attnviz.app import sentence, session, shelf, vectors
from attnviz.app.address import CHOICES, options
from attnviz.app.session import View
from attnviz.app.text import Text
from attnviz.app.vectors import Source
from attnviz.error import InputError

HEADS, WIDTH = 4, 16
"""Sizes of random vectors; a model's are its own."""


@dataclass(frozen=True)
class Given:
    """The vectors that were chosen and the head that is shown."""

    source: Source
    head: int


def choose(text: Text) -> Given | None:
    """Draw the choice; None where a sentence cannot be run, which is said."""
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    left.segmented_control(
        text("vectors"),
        options("vectors"),
        format_func=lambda option: text(f"vectors-{option}"),
        key="vectors",
        required=True,
        help=text("vectors-help"),
        persist_state="session",
    )
    match st.session_state["vectors"]:
        case "sentence":
            with right:
                return _of_sentence(text)
        case "random":
            with right:
                return _random(text)
    with right:
        _causal(text)
    return _typed(text)


def _of_sentence(text: Text) -> Given | None:
    """The sentence, and which attention and head of the model."""
    box, *places = st.columns([8, 5, 2, 2])
    try:
        view = session.current(text, plain_model=True)
    finally:  # without its box a sentence would be lost
        with box:
            if not shelf.bare(st.session_state["model"]):
                sentence.only(text)
    if view is None:
        return None
    if view.bare:
        st.info(text("bare-compare"))
        return None
    sentence.notes(text, view)
    _settle(view)
    config = view.bundle.config
    options: list[tuple[str, Sequence[Any]]] = [
        ("block", blocks(view.trace)),
        ("layer", range(n_layers(view.trace, st.session_state["block"]))),
        ("head", range(config.n_heads)),
    ]
    for column, (name, known) in zip(places, options, strict=True):
        column.selectbox(
            text("attention" if name == "block" else name),
            known,
            format_func=lambda x, name=name: (
                text(x.replace(".", "-")) if name == "block" else str(x)
            ),
            key=name,
            persist_state="session",
        )
    state = st.session_state
    at = {"block": state["block"], "layer": state["layer"]}
    found = Source(request=view.request.plain, causal=state["block"] == "decoder.self", **at)
    return Given(found, state["head"])


def _settle(view: View) -> None:
    """What has not been chosen yet: the head that reads most clearly, of the first stack where
    none was chosen."""
    state, known = st.session_state, blocks(view.trace)
    unset = state["layer"] is None and state["head"] is None
    if state["block"] not in known or (unset and state["block"] == CHOICES["block"].default):
        state["block"] = known[0]
    layer, head = sharpest_head(view.trace, state["block"])
    most = {"layer": n_layers(view.trace, state["block"]), "head": view.bundle.config.n_heads}
    for name, best in (("layer", layer), ("head", head)):
        state[name] = min(best if state[name] is None else state[name], most[name] - 1)


def _random(text: Text) -> Given:
    state = st.session_state
    first, second, third = st.columns([3, 2, 2], vertical_alignment="bottom")
    state["tokens"] = min(max(state["tokens"], 2), 64)
    first.slider(text("tokens"), 2, 64, key="tokens", persist_state="session")
    second.number_input(text("seed"), 0, 9999, key="seed", persist_state="session")
    with third:
        _causal(text)
    n = state["tokens"]
    found = Source(
        tokens=n, keys=n, seed=state["seed"], causal=state["causal"], heads=HEADS, width=WIDTH
    )
    return Given(found, 0)


def _causal(text: Text) -> None:
    st.toggle(text("causal"), help=text("causal-help"), key="causal", persist_state="session")


def _typed(text: Text) -> Given:
    """Three tables to type into."""
    state = st.session_state
    if "typed-q" not in state:  # the editors begin anew with the numbers as they stand
        state["typed-base"] = state["typed"]
    base = state["typed-base"] or vectors.first(4, 4)
    try:
        q, k, v = vectors.typed(base)
    except InputError as error:
        st.error(text.mistake(error))
        base = state["typed-base"] = vectors.first(4, 4)
        q, k, v = vectors.typed(base)
    found = []
    for column, name, given in zip(st.columns(3), "qkv", (q, k, v), strict=True):
        rows = [f"x{i + 1}" for i in range(given.shape[2])]
        frame = pd.DataFrame(
            given[0, 0].numpy(), index=rows, columns=list(map(str, range(given.shape[3])))
        )
        with column:
            st.caption(text(f"typed-{name}"))
            edited = st.data_editor(frame, key=f"typed-{name}", num_rows="fixed", height="content")
        values = np.nan_to_num(edited.to_numpy(dtype=np.float64)).clip(-1e3, 1e3)
        found.append(values.tolist())
    state["typed"] = json.dumps(found)
    return Given(Source(numbers=state["typed"], causal=state["causal"]), 0)
