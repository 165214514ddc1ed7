"""One sentence through several models that do the same: what each says, and where each looked."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd
import streamlit as st
import torch

import attnviz
from attnviz import pretrained
from attnviz.analysis.block import blocks, stack
from attnviz.analysis.block import side as block_side
from attnviz.analysis.contribution import contribution
from attnviz.analysis.label import labels, row_labels
from attnviz.analysis.prediction import verdict
from attnviz.analysis.sharpness import sharpest_head
from attnviz.app import about, session
from attnviz.app.head import is_dark
from attnviz.app.sentence import said
from attnviz.app.session import Request, View
from attnviz.app.text import Text, plain
from attnviz.figures.heatmap import heatmap
from attnviz.figures.number import digits
from attnviz.figures.scale import Scale
from attnviz.pretrained import LoadError, Summary

PLAIN = {"displayModeBar": False}
WIDTH, HALF = 1050, 510
"""Pixels that the page and half of it give a picture."""
CLOSE = 2.0
"""Points of accuracy that a few thousand test texts do not tell apart for sure."""


def summaries() -> tuple[Summary, ...]:
    """Every built-in model whose folder is whole."""
    return tuple(found for name in attnviz.models() if (found := _summary(name)))


@st.cache_data(show_spinner=False)
def _summary(name: str) -> Summary | None:
    try:
        return pretrained.summary(name)
    except (LoadError, OSError, TypeError):
        return None  # said when somebody chooses it


def groups() -> tuple[tuple[Summary, ...], ...]:
    """Models that do the same task with the same answers, where there are several."""

    def same(one: Summary) -> tuple[str, tuple[str, ...]]:
        return one.task, one.config.labels

    found = (tuple(many) for _, many in groupby(sorted(summaries(), key=same), same))
    return tuple(many for many in found if len(many) > 1)


def title(chosen: Sequence[Summary]) -> str:
    """The names of all in one line, what they begin with alike only once."""
    family, names = _names([one.name for one in chosen])
    listed = " · ".join(names)
    return f"{family}: {listed}" if family else listed


def _names(names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The family of all ("intent") and what is left of each ("cnn", "gru"), where they are one."""
    families = {name.rpartition("-")[0] for name in names}
    if len(families) > 1:
        return "", tuple(names)
    return families.pop(), tuple(name.rpartition("-")[-1] for name in names)


def panel(text: Text, chosen: Sequence[Summary], sentence: str) -> None:
    """The answers of all, and pictures of where they looked. Raises InputError and LoadError."""
    with st.spinner(text("working")):
        views = [session.answered(Request(one.name, sentence, "", None)) for one in chosen]
    notes = [said(text, view) for view in views]
    shared = [note for note in notes[0] if all(note in own for own in notes)]
    for note in shared:
        st.info(note)
    columns = st.columns(len(views))
    for column, own in zip(columns, notes, strict=True):
        for note in own:
            if note not in shared:
                column.info(note)
    (_classifiers if views[0].bundle.labels else _each)(text, views, columns)
    _scores(text, chosen)


def _classifiers(text: Text, views: Sequence[View], holders: Sequence[Any]) -> None:
    for column, view in zip(holders, views, strict=True):
        found, names = verdict(view.trace, 3), view.trace.facts["labels"]
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{view.name}**")
            st.caption(about.architecture(text, view.bundle.config))
            for i, p in zip(found.ids, found.probs, strict=True):
                st.progress(p, f"{plain(names[i])} {digits(100 * p)} %")
    first = views[0].trace
    assert first.source is not None, "a classifier reads a source"
    columns, (_, rows) = labels(first.source), _names([view.name for view in views])
    weights = torch.stack([stack(v.trace, "pool.cross")[0].mean(0)[0] for v in views])
    added = torch.stack([_added(view) for view in views])
    words = text.group("heatmap") | {"rows": text("side-model"), "row": text("side-model")}
    pictures: tuple[tuple[str, torch.Tensor, Scale], ...] = (
        ("weights", weights, "linear"),
        ("adds", added, "diverging"),
    )
    for name, values, scale in pictures:
        st.markdown(f"##### {text(f'side-{name}')}", help=text(f"side-{name}-help"))
        unit = text("side-added")
        said = words | ({} if scale == "linear" else {"weight": unit, "scale-diverging": unit})
        picture = heatmap(
            values, rows, columns, scale=scale, dark=is_dark(), text=said, width=WIDTH, height=290
        )
        st.plotly_chart(picture, config=PLAIN, key=f"side-{name}")


def _added(view: View) -> torch.Tensor:
    """What each token adds to the logit of the label that the model gives, S."""
    found = contribution(view.trace, verdict(view.trace, 1).chosen)
    assert found is not None, "as it was trained, a model's pool weighs values"
    return found.tokens


def _each(text: Text, views: Sequence[View], holders: Sequence[Any]) -> None:
    """What each writes, and its clearest head, each beside the other."""
    for column, view in zip(holders, views, strict=True):
        trace, block = view.trace, blocks(view.trace)[-1]
        _, keys = block_side(trace, block)
        layer, head = sharpest_head(trace, block)
        with column:
            st.markdown(f"**{view.name}** &nbsp; {plain(trace.output)}")
            st.caption(about.architecture(text, view.bundle.config))
            name = text(block.replace(".", "-"))
            st.caption(text("side-sharpest", block=name, layer=layer, head=head))
            picture = heatmap(
                stack(trace, block)[layer, head],
                row_labels(trace, block),
                labels(keys),
                dark=is_dark(),
                text=text.group("heatmap"),
                width=HALF,
            )
            st.plotly_chart(picture, config=PLAIN, key=f"side-{view.name}")


def _scores(text: Text, chosen: Sequence[Summary]) -> None:
    """What each reaches on held-out texts, and what other methods do on the same."""
    known = {method: found for one in chosen for method, found in one.measured.baselines.items()}
    rows = [
        *((one.name, about.architecture(text, one.config), one.measured.scores) for one in chosen),
        *((text(f"baseline-{method}"), "", found) for method, found in known.items()),
    ]
    table = [
        {text("side-model"): name, text("architecture"): body, **about.scores(text, found)}
        for name, body, found in rows
    ]
    st.markdown(f"##### {text('side-scores')}")
    st.dataframe(pd.DataFrame(table).fillna(""), hide_index=True)
    ours = [one.measured.scores["accuracy"] for one in chosen if "accuracy" in one.measured.scores]
    if known and ours:
        lead = max(ours) - max(found["accuracy"] for found in known.values())
        st.caption(
            text("side-worse" if lead <= 0 else "side-close" if lead < CLOSE else "side-better")
        )
