"""The walk through a trace: where the reader is, and the words of every step."""

from collections.abc import Callable

import streamlit as st

from attnviz.analysis import way
from attnviz.app import components
from attnviz.app.text import Text
from attnviz.recorder import Kept
from attnviz.trace import Trace

KEY = "walk"
PLACE = "walk-place"
"""The number of the step that was shown last."""


def current(trace: Trace) -> str:
    """The path of the chosen step. Where a switch took it away, the one that stands in its place
    now; the first one where none is chosen."""
    paths, state = list(trace), st.session_state
    if state["step"] not in trace.steps:
        state["step"] = paths[min(state.get(PLACE, 0), len(paths) - 1)]
    state[PLACE] = paths.index(state["step"])
    return state["step"]


def walk(text: Text, trace: Trace, path: str, on_go: Callable[[], None]) -> None:
    """The strip of all steps, with the chosen one marked."""
    paths = list(trace)
    components.walk(
        _groups(text, trace), paths.index(path), len(paths), text.group("walk"), KEY, on_go
    )


def _groups(text: Text, trace: Trace) -> list[dict]:
    groups: list[dict] = []
    for stage in way.stages(trace):
        if not groups or groups[-1]["id"] != stage.group:
            groups.append({"id": stage.group, "title": _name(text, stage.group), "rows": []})
        rows = groups[-1]["rows"]
        if not rows or rows[-1]["id"] != stage.row:
            rows.append({"id": stage.row, "title": _layer(text, stage.row), "stages": []})
        title = _stage(text, stage)
        short = _short(text, stage) or title
        about = {"title": title, "short": short, "first": stage.first, "n": stage.n}
        rows[-1]["stages"].append(about)
    return groups


def _stage(text: Text, stage: way.Stage) -> str:
    """The short name of a stage: of its sublayer, of an embedding, of the norm at the end."""
    if stage.name:
        return _name(text, stage.name)
    if stage.row:
        return _name(text, stage.row)
    return text("way-norm") if stage.group in ("encoder", "decoder") else _name(text, stage.group)


def _short(text: Text, stage: way.Stage) -> str | None:
    """A name that fits into a narrow box."""
    name = stage.name or stage.row or ("norm" if stage.group in ("encoder", "decoder") else "")
    return text(f"way-short-{name}") if f"way-short-{name}" in text else None


def _layer(text: Text, row: str) -> str:
    return text("way-layer", layer=row) if row.isdigit() else ""


def _name(text: Text, name: str) -> str:
    """The catalogue's word for a part of a path; a path of its own words stands for itself."""
    message = f"way-{name or 'output'}"
    return text(message) if message in text else name


def place(text: Text, path: str) -> str:
    """Where a step is, in words: "Decoder, layer 1, self-attention"."""
    names = path.split(".")[:-1] or ["output"]
    said = (_layer(text, name) if name.isdigit() else _name(text, name) for name in names)
    return text("way-between").join(said)


def said(text: Text, kept: Kept) -> tuple[str, str]:
    """The title of a step and what it does: from the step itself, else from the catalogue."""
    if words := kept.step.words.get(text.language) or kept.step.words.get("en"):
        return words
    scope = way.scope(kept.path) or "output"
    scopes = (f"{kept.path.split('.')[0]}-{scope}-", f"{scope}-", "")
    for message in (f"step-{scope}{kept.step.name}" for scope in scopes):
        if message in text:
            return text(message), text(f"{message}-what")
    return kept.step.name, text("step-unknown")
