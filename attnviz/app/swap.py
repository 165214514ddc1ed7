"""Another attention in the model: its choice in the sidebar, and what the model writes with it
beside what it writes as it was trained."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

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
    chosen = _kept(text)
    known = tuple(attnviz.variants())
    if chosen and chosen.name not in known:
        known = (*known, chosen.name)
    if "put-name" not in state:
        state["put-name"] = chosen.name if chosen else None
    name = st.selectbox(
        text("put"),
        known,
        index=None,
        format_func=lambda name: catalogue.find(name).title[text.language],
        placeholder=text("put-none"),
        help=text("put-help"),
        key="put-name",
        on_change=address.forget_cell,
    )
    if name is None:
        state.update(put="", where=ALL)
        return
    if session.task(state["model"]) is None:
        return  # the page says why
    bundle = session.bundle(state["model"])
    state["where"] = _where(text, bundle)
    given = dict(chosen.values) if chosen and chosen.name == name else {}
    found = knobs.knobs(text, catalogue.find(name), given, inputs(bundle.model), f"put-{name}")
    state["put"] = Chosen(name, tuple(sorted(found.items()))).to_text()


def _kept(text: Text) -> Chosen | None:
    """What the link asks for; nothing, and a sentence, where it cannot be read."""
    try:
        found = spec.parse(st.session_state["put"])
    except InputError:
        found = []
    if len(found) == 1:
        return found[0]
    if st.session_state["put"]:
        session.say_ignored(text, ["put"])
    st.session_state["put"] = ""
    return None


def _where(text: Text, bundle: Bundle) -> str:
    """Everywhere, one stack's attention, one layer, one head, as a pattern of paths. A pattern of a
    link that the lists cannot say stands in the first of them as it is."""
    state, config = st.session_state, bundle.config
    kinds = dict.fromkeys(".".join(path.split(".")[::2]) for path in bundle.model.attentions())
    stack, layer, kind, head = [*state["where"].split("."), *"****"][:4]
    block = ALL if (stack, kind) == (ALL, ALL) else f"{stack}.{kind}"
    known = (ALL, *kinds)
    if block not in known:
        known, block, layer, head = (*known, state["where"]), state["where"], ALL, ALL
    chosen = _list(text("where"), "put-block", known, block, partial(_place, text))
    paths = [path.split(".") for path in bundle.model.attentions()]
    here = [int(p[1]) for p in paths if chosen in (ALL, f"{p[0]}.{p[2]}")]
    numbers = {"layer": (layer, max(here, default=0) + 1), "head": (head, config.n_heads)}
    found = []
    for column, (name, (start, n)) in zip(st.columns(2), numbers.items(), strict=True):
        with column:
            every = text(f"where-{name}-all")
            options = (ALL, *map(str, range(n)))
            found.append(_list(text(name), f"put-{name}", options, start, partial(_number, every)))
    if chosen not in (ALL, *kinds):
        return chosen
    stack, _, kind = chosen.partition(".")
    path = [stack, found[0], kind or ALL, found[1]]
    while path[-1] == ALL and len(path) > 1:
        path.pop()
    return ".".join(path)


def _list(
    label: str, key: str, known: tuple[str, ...], start: str, said: Callable[[str], str]
) -> str:
    if st.session_state.get(key, start) not in known:
        st.session_state[key] = ALL
    st.session_state.setdefault(key, start)
    return st.selectbox(label, known, format_func=said, key=key)


def _place(text: Text, block: str) -> str:
    message = block.replace(".", "-")
    if block == ALL:
        return text("where-all")
    return text(message) if message in text else block


def _number(every: str, number: str) -> str:
    return every if number == ALL else number


def banner(text: Text, view: View) -> None:
    """What the model runs with, what it writes as it was trained, and the way back."""
    if st.session_state.pop("put-back", False):
        st.rerun()  # of the whole: the sidebar is no part of the page's fragment
    put = view.request.put
    if put is None:
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    plain = session.trace(replace(view.request.plain, switches=None))
    lines = [text("put-on", name=title(text, put), n=len(view.trace.facts["changed"]))]
    if plain.output == view.trace.output:
        lines.append(text("put-same"))
    left.info(f"{' '.join(lines)} :small[{text('honest-model')}]", icon=":material/swap_horiz:")
    right.button(text("put-reset"), on_click=_reset, width="stretch")
    sentence.before(text, View(view.bundle, view.request.plain, plain))


def _reset() -> None:
    st.session_state.update({"put": "", "where": ALL, "put-name": None, "put-back": True})
