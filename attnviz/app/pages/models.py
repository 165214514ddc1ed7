"""Models: all that are built in, and one sentence through several that do the same."""

import pandas as pd
import streamlit as st

from attnviz.app import about, address, example, sentence, side
from attnviz.app.text import Text
from attnviz.error import InputError
from attnviz.pretrained import LoadError, Summary
from attnviz.tokenizer import clean

ORDER = 5
NAME = "models"


@st.fragment
def page(text: Text) -> None:
    """The comparison first, the list of all models under it."""
    groups = {group[0].name: group for group in side.groups()}
    if groups:
        _side(text, groups)
    _list(text)
    address.publish()


def _side(text: Text, groups: dict[str, tuple[Summary, ...]]) -> None:
    state = st.session_state
    if state["group"] not in groups:
        mine = (name for name, g in groups.items() if state["model"] in {one.name for one in g})
        state["group"] = next(mine, next(iter(groups)))
    left, right = st.columns([2, 3])
    left.selectbox(
        text("side"),
        tuple(groups),
        format_func=lambda name: side.title(groups[name]),
        key="group",
        on_change=_changed,
        persist_state="session",
    )
    with right:
        sentence.only(text)
    try:
        side.panel(text, groups[state["group"]], clean(state["text"][: address.MAX_TEXT]))
    except InputError as error:
        st.error(
            text(f"side-{error.code}") if f"side-{error.code}" in text else text.mistake(error)
        )
    except LoadError as error:
        st.error(text("error-model", reason=text.reason(error)))


def _changed() -> None:
    """Other models: an example of another task gives way to one of theirs."""
    state = st.session_state
    if example.known(state["text"]) and state["text"] not in example.of(state["group"]):
        state["text"] = example.first(state["group"], state["lang"])
    address.forget_cell()


def _list(text: Text) -> None:
    st.markdown(f"##### {text('models-all')}")
    rows = [
        {
            text("model"): one.name,
            text("architecture"): about.architecture(text, one.config),
            text("task"): text(f"task-{one.task}"),
            text("size-title"): about.millions(one.n_parameters),
            text("scores"): next(about.lines(text, one.measured), ""),
        }
        for one in side.summaries()
    ]
    st.table(pd.DataFrame(rows).set_index(text("model")), border="horizontal")
