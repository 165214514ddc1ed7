"""What if: switches that change one attention or the last choice, what they change, and the checks
that say whether this is still attention."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from attnviz.analysis import effect, invariant, way
from attnviz.app import session
from attnviz.app.address import CHOICES, options
from attnviz.app.session import Request, View
from attnviz.app.step import wanted
from attnviz.app.switches import Switches
from attnviz.app.text import Text, verbatim
from attnviz.app.way import place
from attnviz.attention.parts import Parts, over
from attnviz.figures.number import digits

SWITCHES = ("scaling", "mask", "softmax", "tau")
NORMAL = {name: CHOICES[name].default for name in SWITCHES}


def switched(base: View) -> View:
    """The view with the switches that are on; `base` itself where none is."""
    switches = _switches(base)
    decision = base.request.decision
    if "logits" in base.trace and not base.request.draw:
        decision = session.decision("temperature")
    if switches is None and decision == base.request.decision:
        return base
    request = replace(base.request, switches=switches, decision=decision)
    return View(base.bundle, request, session.decided(request))


def _switches(base: View) -> Switches | None:
    """What is switched, where the model has such an attention."""
    attention = st.session_state["switched"]
    if f"{attention}.pattern" not in base.trace:
        return None
    found = Switches(attention, **{name: st.session_state[name] for name in NORMAL})
    if not is_causal(base, attention):
        found = replace(found, mask="before")
    if found.mask == "after":
        found = replace(found, softmax="stable")
    if attention in session.changes(base.request):
        return None
    return found if found.variants else None


def is_causal(base: View, attention: str) -> bool:
    """Whether the model itself masks the future there."""
    return base.bundle.model.parts(attention).allow is not None


def panel(text: Text, base: View, view: View, path: str) -> None:
    """Under an attention its switches and checks, under the output its own."""
    attention = way.attention(path)
    on = view.request.switches
    if attention:
        left, right = st.columns([11, 9], gap="medium")
        with left:
            if attention in session.changes(base.request):
                st.caption(text("switch-replaced"))
            elif on is None or on.attention == attention:
                _what_if(text, base, view, attention)
        with right:
            _checks(text, base, view, attention)
    elif not way.scope(path) and "logits" in view.trace:
        _choice(text, view.request)


def banner(text: Text, view: View) -> None:
    """On every step: what is switched, and the way back."""
    on = view.request.switches
    if on is None and view.request.decision == view.request.usual:
        return
    said = text("switch-decision")
    if on:
        said = text("switch-on", place=place(text, f"{on.attention}.pattern"))
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.info(said)
    drawn = view.request.draw > 0
    right.button(text("switch-reset"), on_click=_reset, args=(drawn,), width="stretch")


def _reset(drawn: bool) -> None:
    """Without the switches; a text that chance has `drawn` keeps the numbers that drew it."""
    names = () if drawn else ("temperature", "top_k", "top_p")
    st.session_state.update(NORMAL, **{x: CHOICES[x].default for x in names}, switched="")
    _again()


def _again() -> None:
    """What a switch changes is computed anew, and the walk may have other steps."""
    st.rerun(["walk-page"])


def _what_if(text: Text, base: View, view: View, attention: str) -> None:
    """The switches of this attention, and what they do."""
    st.markdown(f"##### {text('switch')}")
    st.caption(text("switch-where", place=place(text, f"{attention}.pattern")))
    here = partial(_switch, attention)
    first, second = st.columns(2)
    with first:
        _toggle(text, here)
        if is_causal(base, attention):
            _options(text, "mask", here)
    with second:
        _options(text, "softmax", here, disabled=st.session_state["mask"] == "after")
        _slider(text, "tau", 0.02, here)
    if view.request.switches:
        _effect(text, base, view, attention)


def _switch(attention: str) -> None:
    st.session_state["switched"] = attention
    _again()


def _toggle(text: Text, then: Callable[[], None]) -> None:
    st.toggle(
        text("scaling"),
        help=text("scaling-help"),
        key="scaling",
        on_change=then,
        persist_state="session",
    )


def _options(text: Text, name: str, then: Callable[[], None], disabled: bool = False) -> None:
    st.segmented_control(
        text(name),
        options(name),
        format_func=lambda option: text(f"{name}-{option}"),
        help=text(f"{name}-help"),
        required=True,
        disabled=disabled,
        key=name,
        on_change=then,
        persist_state="session",
    )


def _slider(text: Text, name: str, step: float, then: Callable[[], None]) -> None:
    between = CHOICES[name].between
    assert between is not None, f"{name} has no range"
    about = text(f"{name}-help")
    st.slider(
        text(name),
        *between,
        step=step,
        help=about,
        key=name,
        on_change=then,
        persist_state="session",
    )


def _effect(text: Text, base: View, view: View, attention: str) -> None:
    """What the switches do, in words and as numbers of the chosen row."""
    switches = view.request.switches
    assert switches is not None
    for name in NORMAL:
        value = getattr(switches, name)
        if value != NORMAL[name]:
            st.markdown("- " + text(f"{name}-changed", value=str(value)))
    at = way.cell(base.trace, f"{attention}.pattern", wanted())
    causal = is_causal(base, attention)
    rows = [effect.row(seen.trace, attention, at["h"], at["t"], causal) for seen in (base, view)]
    names = ["entropy", "largest", "total", *(["future"] if causal else [])]
    lines = [
        f"| {text(f'effect-{name}')} | {' | '.join(digits(getattr(row, name)) for row in rows)} |"
        for name in names
    ]
    token = verbatim(way.places(base.trace, f"{attention}.pattern")["t"][at["t"]]).replace(
        "|", "\\|"
    )
    head = f"| {text('effect-row', head=at['h'], token=token)} | {text('effect-normal')} | "
    st.markdown("\n".join([f"{head}{text('effect-switched')} |", "|---|---:|---:|", *lines]))
    if rows[1].nan:
        st.warning(text("effect-nan", n=rows[1].nan))
    if "logits" not in base.trace:
        return
    changed = effect.rewritten(base.trace, view.trace)
    n_rows = base.trace["logits"].value.shape[0]
    st.markdown(text("effect-output", n=len(changed), total=n_rows))


def _checks(text: Text, base: View, view: View, attention: str) -> None:
    st.markdown(f"##### {text('checks')}")
    lines = []
    for check in _checked(base, view.request, attention):
        mark = ":green[**✓**]" if check.holds else ":red[**✗**]"
        said = text(f"check-{check.code}", value=digits(check.value), limit=f"{check.limit:g}")
        lines.append(f"{mark} {said}")
    facts = view.trace.facts
    st.markdown("\n\n".join(lines))
    st.caption(text("check-number", dtype=facts["dtype"], device=facts["device"]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _checked(_base: View, request: Request, attention: str) -> list[invariant.Check]:
    """The checks of one attention: no cell that is chosen changes them."""
    on = request.switches
    here = on.parts() if on and on.attention == attention else Parts()
    model = _base.bundle.model
    parts = over(model.parts(attention, session.changes(request)), here)
    causal = is_causal(_base, attention)
    return invariant.checks(session.decided(request), attention, parts, causal)


def _choice(text: Text, request: Request) -> None:
    """How a token is chosen from the logits. Where chance has drawn the text, it was chosen so, and
    the temperature stands beside the sentence."""
    st.markdown(f"##### {text('decision')}")
    said = "drawn-before" if request.switches else "drawn"
    st.caption(text(f"decision-{said if request.draw else 'help'}"))
    first, second, third = st.columns(3)
    if not request.draw:
        with first:
            _slider(text, "temperature", 0.05, _again)
    with second:
        st.number_input(
            text("top_k"),
            0,
            9999,
            help=text("top_k-help"),
            key="top_k",
            on_change=_again,
            persist_state="session",
        )
    with third:
        _slider(text, "top_p", 0.01, _again)
