"""The line-up of a comparison: two to six variants, each with its sliders."""

from collections.abc import Mapping
from functools import cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import attnviz
from attnviz.app import knobs, spec
from attnviz.app.laboratory import inputs
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.attention import catalogue
from attnviz.attention.parameter import Inputs
from attnviz.attention.parts import INSIDE
from attnviz.attention.variant import Variant
from attnviz.error import InputError

FEWEST, MOST = 2, 6
SEEN = 2
"""Parameters of a variant that are seen at once: more would push the pictures off the screen."""
SETS: Mapping[str, str] = {
    "shapes": "softmax;entmax;topk;sigmoid",
    "masks": "causal;sliding_window;dilated;global_window;bigbird;streaming_sinks",
    "positions": "softmax;alibi;rope;t5_bias",
    "linear": "softmax;linear;performer;nystrom;retention;deltanet",
    "heads": "softmax;gqa;mqa;talking_heads;differential",
    "signed": "softmax;cog;differential;deltanet",
}
"""Comparisons to begin with."""


def names(text: Text) -> list[Chosen]:
    """Draw a column for each variant: its name and what it is combined with."""
    chosen = _kept(text)
    columns = st.columns(len(chosen), gap="small")
    found = [
        _column(text, column, i, one, len(chosen))
        for i, (column, one) in enumerate(zip(columns, chosen, strict=True))
    ]
    _keep(found)
    return found


def tuned(text: Text, given: Given, chosen: list[Chosen]) -> list[Chosen]:
    """Draw the parameters of each under its name; the line-up with what they say."""
    sizes, found = inputs(given.source), []
    for i, (column, one) in enumerate(
        zip(st.columns(len(chosen), gap="small"), chosen, strict=True)
    ):
        with column:
            with st.container(key=f"whose-{i}"):
                st.caption(f"{i + 1} · {one.variant.title[text.language]}")
            key = f"knob-{_epoch()}-{i}-{one.name}"
            values = knobs.knobs(text, one.variant, dict(one.values), sizes, key, seen=SEEN)
        found.append(Chosen(one.name, tuple(sorted(values.items()))))
    _keep(found)
    return found


def _keep(found: list[Chosen]) -> None:
    state = st.session_state
    state["compare"] = spec.to_text(found)
    state["reference"] = min(state["reference"], len(found) - 1)


def _epoch() -> int:
    """How often the line-up was put anew: its widgets are then new ones too."""
    return st.session_state.get("epoch", 0)


def _kept(text: Text) -> list[Chosen]:
    """The line-up as it stands; a sentence for each of the link's that cannot be read."""
    found = []
    for one in st.session_state["compare"].split(";")[:MOST]:
        try:
            found += spec.parse(one)
        except InputError as error:
            st.error(text.mistake(error))
    usual = [Chosen("softmax"), Chosen("linear")]
    return [*found, *usual[len(found) :]]


def sets(text: Text) -> None:
    """Comparisons to begin with, and one more column."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.pills(
        text("sets"),
        tuple(SETS),
        format_func=lambda name: text(f"sets-{name}"),
        key="set",
        label_visibility="collapsed",
        on_change=_take,
    )
    full = len(st.session_state["compare"].split(";")) >= MOST
    right.button(text("add"), on_click=_add, disabled=full, width="stretch")


def _take() -> None:
    if name := st.session_state["set"]:
        _put(SETS[name])
        st.session_state["reference"] = 0


def _add() -> None:
    _put(st.session_state["compare"] + ";softmax")


def _remove(i: int) -> None:
    kept = st.session_state["compare"].split(";")
    reference = st.session_state["reference"]
    _put(";".join(kept[:i] + kept[i + 1 :]))
    st.session_state["reference"] = max(0, reference - (reference >= i and reference > 0))


def _put(line: str) -> None:
    st.session_state.update(compare=line, epoch=_epoch() + 1)


def _column(text: Text, column: DeltaGenerator, i: int, chosen: Chosen, n: int) -> Chosen:
    key = f"{_epoch()}-{i}"
    first, *more = chosen.name.split("+")
    with column:
        known = attnviz.variants()
        name = st.selectbox(
            text("variant"),
            tuple(known),
            index=list(known).index(first),
            format_func=lambda name: known[name].title[text.language],
            key=f"variant-{key}",
            label_visibility="collapsed",
        )
        under, beside = st.columns(2, gap="small")
        with under:
            joined = "+".join((name, *_others(text, name, more, key)))
        if n > FEWEST:
            beside.button(
                text("remove"), key=f"remove-{key}", on_click=_remove, args=(i,), type="tertiary"
            )
    kept = catalogue.find(joined).knobs if name == first else ()
    return Chosen(joined, tuple((n, v) for n, v in chosen.values if n in kept))


def _others(text: Text, name: str, more: list[str], key: str) -> list[str]:
    """What the variant is combined with: others that fill other parts."""
    with st.popover(text("combine", n=len(more)), type="tertiary"):
        st.caption(text("combine-help"))
        fitting = [other for other in attnviz.variants() if compatible(name, other)]
        kept = [other for other in more if other in fitting]
        found = st.multiselect(
            text("combine-with"),
            fitting,
            default=kept,
            format_func=lambda other: attnviz.variants()[other].title[text.language],
            key=f"more-{key}-{name}",
        )
    joined = [name]
    for other in found:
        if all(compatible(one, other) for one in joined):
            joined.append(other)
        else:
            st.caption(text("combine-clash", name=attnviz.variants()[other].title[text.language]))
    return joined[1:]


@cache
def compatible(one: str, other: str) -> bool:
    """Whether two variants fill different parts of the path."""
    ours, theirs = (fills(attnviz.variants()[name]) for name in (one, other))
    if not ours or not theirs or ours & theirs:
        return False
    both = ours | theirs
    return not ("whole" in both and both & INSIDE)


@cache
def _fills(name: str) -> frozenset[str]:
    sizes = {"B": 1, "H": 4, "G": 4, "T": 8, "S": 8, "K": 8, "E": 8, "D": 32, "C": 8}
    return frozenset(attnviz.variants()[name].build(Inputs(sizes)).filled)


def fills(variant: Variant) -> frozenset[str]:
    """The names of the parts that a variant fills."""
    return _fills(variant.name)
