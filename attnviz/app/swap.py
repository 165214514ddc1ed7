"""Another attention in the model: its choice in the sidebar, and what the model writes with it
beside what it writes as it was trained."""

from dataclasses import replace

import streamlit as st

import attnviz
from attnviz.app import address, knobs, sentence, session, spec
from attnviz.app.matrices import title
from attnviz.app.session import View
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.attention import catalogue
from attnviz.error import InputError
from attnviz.model.swap import inputs
from attnviz.pretrained import Bundle

ALL = "*"


def controls(text: Text) -> None:
    """The variant that takes the place of the model's own attention, where, and its parameters."""
    state = st.session_state
    known = attnviz.variants()
    chosen = _kept()
    if "put-name" not in state:
        state["put-name"] = chosen.name.split("+")[0] if chosen else None
    name = st.selectbox(
        text("put"),
        tuple(known),
        format_func=lambda name: known[name].title[text.language],
        placeholder=text("put-none"),
        help=text("put-help"),
        key="put-name",
        on_change=address.forget_cell,
    )
    if name is None:
        state.update(put="", where=ALL)
        return
    bundle = session.bundle(state["model"])
    state["where"] = _where(text, bundle)
    given = dict(chosen.values) if chosen and chosen.name == name else {}
    found = knobs.knobs(text, catalogue.find(name), given, inputs(bundle.model), f"put-{name}")
    state["put"] = Chosen(name, tuple(sorted(found.items()))).to_text()


def _kept() -> Chosen | None:
    """What the link asks for; nothing where it cannot be read."""
    try:
        return next(iter(spec.parse(st.session_state["put"])), None)
    except InputError:
        st.session_state["put"] = ""
        return None


def _where(text: Text, bundle: Bundle) -> str:
    """Everywhere, one stack's attention, one layer, one head, as a pattern of paths."""
    state = st.session_state
    stack, layer, kind, head = [*state["where"].split("."), *"****"][:4]
    kinds = dict.fromkeys(".".join(path.split(".")[::2]) for path in bundle.model.attentions())
    places = (ALL, *kinds)
    for key, start, known in (
        ("put-block", f"{stack}.{kind}", places),
        ("put-layer", layer, (ALL, *map(str, range(bundle.config.n_layers)))),
        ("put-head", head, (ALL, *map(str, range(bundle.config.n_heads)))),
    ):
        if state.get(key, start) not in known:
            state[key] = ALL
        state.setdefault(key, start)
    block = st.selectbox(
        text("where"),
        places,
        format_func=lambda x: text("where-all") if x == ALL else text(x.replace(".", "-")),
        key="put-block",
    )
    left, right = st.columns(2)
    for column, name, n in (
        (left, "layer", bundle.config.n_layers),
        (right, "head", bundle.config.n_heads),
    ):
        column.selectbox(
            text(name),
            (ALL, *map(str, range(n))),
            format_func=lambda x, name=name: text(f"where-{name}-all") if x == ALL else x,
            key=f"put-{name}",
        )
    stack, _, kind = block.partition(".")
    found = [stack, state["put-layer"], kind or ALL, state["put-head"]]
    while found[-1] == ALL and len(found) > 1:
        found.pop()
    return ".".join(found)


def banner(text: Text, view: View) -> None:
    """What the model runs with, what it writes as it was trained, and the way back."""
    put = view.request.put
    if put is None:
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    plain = session.trace(replace(view.request.plain, switches=None))
    lines = [text("put-on", name=title(text, put), n=len(view.trace.facts["changed"]))]
    if plain.output == view.trace.output:
        lines.append(text("put-same"))
    left.info(" ".join(lines), icon=":material/swap_horiz:")
    right.button(text("put-reset"), on_click=_reset, help=text("honest"), width="stretch")
    sentence.before(text, View(view.bundle, view.request.plain, plain))


def _reset() -> None:
    st.session_state.update({"put": "", "where": ALL, "put-name": None})
