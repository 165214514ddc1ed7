"""What if: switches that change one attention or the last choice, what they change, and the checks
that say whether this is still attention."""

from dataclasses import replace

import streamlit as st

from attnviz.analysis import effect, invariant, way
from attnviz.app import session
from attnviz.app.address import options
from attnviz.app.session import View
from attnviz.app.switches import Switches
from attnviz.app.text import Text, verbatim
from attnviz.app.way import place
from attnviz.attention.variant import Parts, over
from attnviz.figures.number import digits
from attnviz.model.decision import GREEDY, Decision

NORMAL = {"scaling": True, "mask": "before", "softmax": "stable", "tau": 1.0}


def switched(base: View) -> View:
    """The view with the switches that are on; `base` itself where none is."""
    switches, decision = _switches(base), _decision()
    if switches is None and decision == GREEDY:
        return base
    request = replace(base.request, switches=switches, decision=decision)
    return View(base.bundle, request, session.trace(request))


def _switches(base: View) -> Switches | None:
    """What is switched, where the model has such an attention."""
    attention = st.session_state["switched"]
    if f"{attention}.pattern" not in base.trace:
        return None
    found = Switches(attention, **{name: st.session_state[name] for name in NORMAL})
    if not is_causal(base, attention):
        found = replace(found, mask="before")
    return found if found.variants else None


def _decision() -> Decision:
    state = st.session_state
    return Decision(
        temperature=state["temperature"], top_k=state["top_k"] or None, top_p=state["top_p"]
    )


def is_causal(base: View, attention: str) -> bool:
    """Whether the model itself masks the future there."""
    return f"{attention}.allowed" in base.trace


def panel(text: Text, base: View, view: View, path: str) -> None:
    """Under an attention its switches and checks, under the output its own."""
    attention = way.attention(path)
    elsewhere = view.request.switches
    if elsewhere and elsewhere.attention != attention:
        _reminder(text, elsewhere.attention)
    if attention:
        left, right = st.columns([11, 9], gap="medium")
        with left:
            _what_if(text, base, view, attention)
        with right:
            _checks(text, base, view, attention)
    elif not way.scope(path) and "logits" in view.trace:
        _choice(text)


def _reminder(text: Text, attention: str) -> None:
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.info(text("switch-elsewhere", place=place(text, f"{attention}.pattern")))
    right.button(text("switch-reset"), on_click=_reset, width="stretch")


def _reset() -> None:
    st.session_state.update(NORMAL, switched="")
    _again()


def _again() -> None:
    """What a switch changes is computed anew, and the walk may have other steps."""
    st.rerun(["walk-page"])


def _what_if(text: Text, base: View, view: View, attention: str) -> None:
    st.markdown(f"##### {text('switch')}")
    st.caption(text("switch-where", place=place(text, f"{attention}.pattern")))
    if st.session_state["switched"] not in ("", attention):
        st.session_state.update(NORMAL, switched="")

    def here() -> None:
        st.session_state["switched"] = attention
        _again()

    first, second = st.columns(2)
    first.toggle(
        text("scaling"),
        help=text("scaling-help"),
        key="scaling",
        on_change=here,
        persist_state="session",
    )
    second.segmented_control(
        text("softmax"),
        options("softmax"),
        format_func=lambda option: text(f"softmax-{option}"),
        help=text("softmax-help"),
        required=True,
        disabled=st.session_state["mask"] == "after",
        key="softmax",
        on_change=here,
        persist_state="session",
    )
    second.slider(
        text("tau"),
        0.02,
        5.0,
        step=0.02,
        help=text("tau-help"),
        key="tau",
        on_change=here,
        persist_state="session",
    )
    if is_causal(base, attention):
        first.segmented_control(
            text("mask"),
            options("mask"),
            format_func=lambda option: text(f"mask-{option}"),
            help=text("mask-help"),
            required=True,
            key="mask",
            on_change=here,
            persist_state="session",
        )
    if view.request.switches:
        _effect(text, base, view, attention)


def _effect(text: Text, base: View, view: View, attention: str) -> None:
    """What the switches do, in words and as numbers of the chosen row."""
    switches = view.request.switches
    assert switches is not None
    for name in NORMAL:
        value = getattr(switches, name)
        if value != NORMAL[name]:
            st.markdown("- " + text(f"{name}-changed", value=str(value)))
    at = way.cell(
        base.trace,
        f"{attention}.pattern",
        {"h": st.session_state["head"] or 0, "t": st.session_state["row"] or 0},
    )
    causal = is_causal(base, attention)
    rows = [effect.row(seen.trace, attention, at["h"], at["t"], causal) for seen in (base, view)]
    names = ["entropy", "largest", "total", *(["future"] if causal else [])]
    lines = [
        f"| {text(f'effect-{name}')} | {' | '.join(digits(getattr(row, name)) for row in rows)} |"
        for name in names
    ]
    token = verbatim(way.places(base.trace, f"{attention}.pattern")["t"][at["t"]])
    head = f"| {text('effect-row', head=at['h'], token=token)} | {text('effect-normal')} | "
    st.markdown("\n".join([f"{head}{text('effect-switched')} |", "|---|---:|---:|", *lines]))
    if rows[1].nan:
        st.warning(text("effect-nan", n=rows[1].nan))
    changed = effect.rewritten(base.trace, view.trace)
    n_rows = base.trace["logits"].value.shape[0]
    st.markdown(text("effect-output", n=len(changed), total=n_rows))


def _checks(text: Text, base: View, view: View, attention: str) -> None:
    st.markdown(f"##### {text('checks')}")
    changes = view.request.switches
    here = changes.parts() if changes and changes.attention == attention else Parts()
    parts = over(base.bundle.model.parts(attention), here)
    causal = is_causal(base, attention)
    lines = []
    for check in invariant.checks(view.trace, attention, parts, causal):
        mark = ":green[**✓**]" if check.holds else ":red[**✗**]"
        said = text(f"check-{check.code}", value=digits(check.value), limit=f"{check.limit:g}")
        lines.append(f"{mark} {said}")
    facts = view.trace.facts
    st.markdown("\n\n".join(lines))
    st.caption(text("check-number", dtype=facts["dtype"], device=facts["device"]))


def _choice(text: Text) -> None:
    """How a token is chosen from the logits."""
    st.markdown(f"##### {text('decision')}")
    st.caption(text("decision-help"))
    first, second, third = st.columns(3)
    first.slider(
        text("temperature"),
        0.05,
        5.0,
        step=0.05,
        key="temperature",
        on_change=_again,
        persist_state="session",
    )
    second.number_input(
        text("top_k"),
        0,
        9999,
        help=text("top_k-help"),
        key="top_k",
        on_change=_again,
        persist_state="session",
    )
    third.slider(
        text("top_p"),
        0.01,
        1.0,
        step=0.01,
        help=text("top_p-help"),
        key="top_p",
        persist_state="session",
    )
