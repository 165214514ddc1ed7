"""The sentence box, what can be forced or chosen beside it, and the tokens as chips."""

from functools import partial
from typing import Any

import streamlit as st

from attnviz.analysis.label import label, labels, strange
from attnviz.analysis.prediction import Prediction, guesses, predictions
from attnviz.app import about, bare, components, hidden, session, verdict
from attnviz.app.address import CHOICES, forget_cell
from attnviz.app.session import View
from attnviz.app.text import Text, plain
from attnviz.trace import Tokens

NEEDS = {"write": (), "draw": ("write",), "warmth": ("write", "draw")}
"""What has to be more than 0 for a number to count."""
STRANGE = 0.4
"""Share of the tokens that stand for no text from which on an answer means little."""


def box(text: Text) -> None:
    """The sentence and, beside it, what the model's task leaves to choose: a text to force,
    or how to write on. All run on Enter."""
    beside = BESIDE.get(session.task(st.session_state["model"]) or "")
    if beside is None:
        return only(text)
    left, right = st.columns([3, 2])
    with left:
        only(text)
    with right:
        beside(text)


def _target(text: Text) -> None:
    task = session.task(st.session_state["model"])
    st.text_input(
        text(f"target-{task}"),
        key="target",
        placeholder=text(f"target-{task}-placeholder"),
        help=text("target-help"),
        on_change=forget_cell,
        persist_state="session",
    )


def _writing(text: Text) -> None:
    """How many tokens to write, by which draw of chance, and at which temperature."""
    steps = {"write": 1, "draw": 1, "warmth": 0.1}
    for column, (name, step) in zip(st.columns(len(steps)), steps.items(), strict=True):
        least, most = CHOICES[name].between or (None, None)
        column.number_input(
            text(name),
            least,
            most,
            step=step,
            key=name,
            help=text(f"{name}-help"),
            disabled=not all(st.session_state[above] for above in NEEDS[name]),
            on_change=forget_cell,
            persist_state="session",
        )


BESIDE = {**dict.fromkeys(session.FORCED, _target), "write": _writing}


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
    """Source and target as chips, and a classifier's labels. A chip tells its probability and its
    alternatives, a classifier's what it adds to the label's logit."""
    source = _chips(view.trace.source, view)
    target = _chips(view.trace.target, view) if view.bare else _written(text, view)
    hideable = not view.bare and view.bundle.task == "unmask"
    if not view.bare:
        if view.trace.facts["labels"]:
            verdict.panel(text, view)
            verdict.tint(text, view, source)
        _guess(view, source)
        hidden.panel(text, view)
    words = text.group("chips")
    if "prompt" in view.trace.facts:
        words["target"] = text("token-row")
    components.chips(
        source,
        target,
        words,
        key="chips",
        on_hide=partial(hidden.toggle, view, "chips") if hideable else None,
    )
    if hideable:
        st.caption(text("hide-hint", mask=view.bundle.tokenizer.hidden))


def _guess(view: View, source: list[dict[str, Any]]) -> None:
    """What the model takes the hidden tokens for."""
    for place, said in guesses(view.trace).items():
        source[place]["probability"] = said.prob
        source[place]["alternatives"] = _alternatives(view, said)


def before(text: Text, view: View) -> None:
    """The target alone, of the model as it was trained."""
    said = text.group("chips") | {"target": text("put-before")}
    components.chips([], _written(text, view), said, key="chips-before", linked=False)


def _written(text: Text, view: View) -> list[dict[str, Any]]:
    """The target's chips, those that the model wrote after a text marked so, and one for the end
    where it was reached."""
    trace = view.trace
    target = _chips(trace.target, view)
    for chip in target[trace.facts.get("prompt", len(target)) :]:
        chip.update(written=True, title=text("token-written", token=chip["title"]))
    end = view.bundle.tokenizer.end
    if trace.target and trace.facts.get("finished"):
        piece = label(view.bundle.tokenizer.piece(end))
        target.append({"text": piece, "title": f"{piece} · id {end}", "special": True})
    for chip, said in zip(target[1:], predictions(trace, end=end), strict=False):
        chip["probability"] = said.prob
        if view.request.target:
            chip["forced_rank"] = said.rank
        chip["alternatives"] = _alternatives(view, said)
    return target


def _alternatives(view: View, said: Prediction) -> list[tuple[str, float]]:
    piece = view.bundle.tokenizer.piece
    return [(label(piece(i)), p) for i, p in zip(said.ids, said.probs, strict=True)]


def _chips(tokens: Tokens | None, view: View) -> list[dict[str, Any]]:
    """A chip for each token; one that nobody's vocabulary numbers has a text alone."""
    if tokens is None:
        return []
    if view.trace.facts.get("bare"):
        shown = zip(labels(tokens), tokens.special, strict=True)
        return [{"text": piece, "title": piece, "special": special} for piece, special in shown]
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
    """What the reader has to know about this run."""
    if view.bare:
        return bare.notes(text, view)
    for note in said(text, view):
        st.info(note)


def said(text: Text, view: View) -> list[str]:
    """What is to be known of a run: cut text, characters the model cannot read, unfinished
    decoding."""
    facts, found = view.trace.facts, []
    for side in ("source", "target"):
        if left_out := facts["cut"].get(side, 0):
            found.append(text(f"cut-{side}", left_out=left_out, limit=facts["n_ctx"]))
    read = view.trace.source or view.trace.target
    assert read is not None, "a model reads something"
    share = strange(read, view.bundle.tokenizer.unknown, facts.get("prompt"))
    if share > STRANGE:
        found.append(text("strange", percent=round(100 * share)))
    cut = view.request.decision
    if view.request.draw and (cut.top_k or cut.top_p < 1):
        found.append(text("draw-cut", top_k=cut.top_k or 0, top_p=cut.top_p))
    alone = view.bundle.task == "write"
    if not (facts.get("finished", True) or view.request.target or alone):
        found.append(text("unfinished", n=len(view.trace.target or ())))
    return found


def facts_line(text: Text, view: View) -> None:
    """Model, size, device and number format, in one small line; what of it is not recorded."""
    if view.bare:
        return
    config, missing = view.bundle.config, view.bundle.model.missing
    architecture = getattr(config, "architecture", "")
    said = text(
        "facts",
        model=plain(f"{view.name} ({architecture})" if architecture else view.name),
        layers=" + ".join(_depths(text, view)),
        heads=config.n_heads,
        width=config.d_model,
        parameters=about.millions(view.bundle.n_parameters),
        device=view.trace.facts["device"],
        dtype=view.trace.facts["dtype"],
    )
    names = text("between").join(text(f"missing-{name}") for name in missing)
    st.caption(f"{said} {text('missing', names=names)}" if missing else said)


def _depths(text: Text, view: View) -> list[str]:
    """How many layers each stack has."""
    config, found = view.bundle.config, []
    attentions = [path.split(".") for path in view.bundle.model.attentions()]
    for stack, there in (("encoder", config.has_encoder), ("decoder", config.has_decoder)):
        layers = [int(layer) + 1 for name, layer, _ in attentions if name == stack]
        if there:
            found.append(text(f"layers-{stack}", n=max(layers, default=config.n_layers)))
    return found
