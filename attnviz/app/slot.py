"""The step before, the chosen one and the step after, each in a slot of its own.

The browser has what comes next already and shows it at once when an arrow key is pressed; the
server then fills the one slot that has become free. Step number i lives in slot i % N_SLOTS, with a
mark "at-i" in it by which the walk finds the slot to be seen (assets/reveal.js).
"""

import streamlit as st

from attnviz.analysis import way
from attnviz.app import address, step
from attnviz.app.scene import Scene
from attnviz.app.step import BOARD, SLOTS
from attnviz.app.text import Text
from attnviz.app.way import KEY
from attnviz.trace import Trace

N_SLOTS = len(SLOTS)
SHOWN = (*dict.fromkeys(step.STATE.values()), "show", "code")
"""The choices that a slot shows."""


def place(slot: int, current: int) -> int:
    """The number of the step that a slot holds while `current` is chosen; may be out of range."""
    return current - 1 + (slot - (current - 1)) % N_SLOTS


def go(trace: Trace) -> None:
    """The walk goes on to the step that was asked for. Only the slots that do not hold what they
    should are filled anew, and the switches where another attention begins."""
    paths = list(trace)
    before, after = paths.index(st.session_state["step"]), st.session_state[KEY]["go"]
    st.session_state["step"] = paths[after]
    stale = [SLOTS[s] for s in range(N_SLOTS) if _held().get(s) != _content(place(s, after))]
    same = _board(paths[before]) == _board(paths[after])
    board = [] if same else [BOARD]
    st.rerun([*stale, *board] or [SLOTS[0]])  # there and back again: the address at least


def _held() -> dict[int, tuple]:
    """What every slot holds; a run that was cut short has left its slot as it was."""
    return st.session_state.setdefault("held", {})


def _content(index: int) -> tuple:
    """All that the content of a slot depends on while the trace is the same."""
    return (index, *(st.session_state[name] for name in SHOWN))


def _board(path: str) -> str | None:
    """Which switches stand under a step: those of its attention, or of the output."""
    return way.attention(path) or ("" if not way.scope(path) else None)


def draw(text: Text, scene: Scene) -> None:
    """All slots, of which one is seen."""
    with st.container(key="slots"):
        for fragment in _FRAGMENTS:
            fragment(text, scene)


def _fragment(slot: int):
    @st.fragment(key=SLOTS[slot])
    def fill(text: Text, scene: Scene) -> None:
        paths = list(scene.trace)
        index = place(slot, paths.index(st.session_state["step"]))
        _held().pop(slot, None)
        with st.container(key=f"one-{slot}"):
            if 0 <= index < len(paths):
                step.panel(text, scene, paths[index], key=f"tensor-{slot}")
                st.html(f"<span class='at-{index}'></span>")  # last: what is marked is whole
        _held()[slot] = _content(index)
        address.publish()

    return fill


_FRAGMENTS = [_fragment(slot) for slot in range(N_SLOTS)]
