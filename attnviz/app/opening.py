"""Which model: the list of those at hand, and under it the ways to open another one, by its name or
as a file. Nothing is fetched before a button is pressed."""

from collections.abc import Callable

import streamlit as st

import attnviz
from attnviz.app import address, example, session, shelf, side
from attnviz.app.address import CHOICES
from attnviz.app.shelf import Reading
from attnviz.app.text import Text, plain, verbatim
from attnviz.error import InputError
from attnviz.given import SIDES
from attnviz.pretrained import LoadError

WAYS = ("place", "file")
TASKS = ("translate", "write", "unmask", "rebuild", "classify", "encode")
"""In the order in which models are listed."""
_WORDS = """<style>
.st-key-sent button[kind="secondary"] p, .st-key-sent section > div > div > span {{ font-size: 0; }}
.st-key-sent button[kind="secondary"] p::after {{ content: "{button}"; font-size: 1rem; }}
.st-key-sent section > div > div > span::after {{ content: "{limit}"; font-size: 0.875rem; }}
</style>"""
"""Streamlit's own words on the element speak English alone."""


def controls(text: Text) -> None:
    """The list, and the ways to make it longer; what has just been opened is chosen."""
    state, above = st.session_state, st.container()
    opened = state.setdefault("opened", [])
    with st.expander(text("open"), expanded="wanted" in state):
        way = st.segmented_control(
            text("open-way"),
            WAYS,
            default=WAYS[0],
            format_func=lambda way: text(f"open-{way}"),
            key="open-way",
            required=True,
            label_visibility="collapsed",
            width="stretch",
        )
        found = _place(text) if way == "place" else _file(text)
    if found:
        state["opened"] = opened = [*filter(lambda name: _other(name, found), opened), found]
        state["model"] = found
        address.forget_cell()
    tasks = {one.name: one.task for one in side.summaries()}
    built_in = sorted(attnviz.models(), key=lambda name: TASKS.index(tasks.get(name, TASKS[-1])))
    names = dict.fromkeys((*built_in, *filter(shelf.known, opened), state["model"]))

    def label(name: str) -> str:
        doing = f" · {text(f'doing-{tasks[name]}')}" if name in tasks else ""
        return shelf.label(name) + doing

    with above:
        st.selectbox(
            text("model"),
            tuple(names),
            format_func=label,
            key="model",
            on_change=_changed,
        )


def _changed() -> None:
    """Another model: an example of another model's gives way to one of its own."""
    state = st.session_state
    if example.known(state["text"] or ""):
        state.update(text=example.first(state["model"], state["lang"]), target="")
    state.update(block=CHOICES["block"].default, layer=None, head=None, group="")
    address.forget_cell()


def _other(name: str, found: str) -> bool:
    """Whether it is not the same thing, read in another way."""
    return shelf.known(name) and shelf.place(name) != shelf.place(found)


def _place(text: Text) -> str | None:
    """A directory or a Hugging Face id: what the button has opened."""
    state = st.session_state
    wanted = state.get("wanted", "")
    state.setdefault("place", wanted)
    name = st.text_input(
        text("open-name"),
        key="place",
        placeholder=text("open-name-placeholder"),
        help=text("open-name-help"),
        max_chars=300,
    ).strip()
    note = st.empty()
    if wanted:
        asks = text("open-wanted", name=verbatim(wanted))
        note.info(asks)
        if not state.get("wanted-said"):
            state["wanted-said"] = True
            st.toast(asks, duration="long")  # the sidebar may be folded away
    if not (st.button(text("open-load"), key="load", width="stretch") and name):
        return None

    def load() -> str:
        session.bundle(name)
        return shelf.add(name)

    found, mistake = _tried(text("open-loading", name=verbatim(name)), load)
    if mistake:
        st.error(_said(text, mistake))
    elif wanted:
        del state["wanted"]
        note.empty()
    return found


def _file(text: Text) -> str | None:
    """A file: what it has opened, when it is new."""
    state = st.session_state
    limit = text("open-sent-limit", megabytes=st.get_option("server.maxUploadSize"))
    st.html(_WORDS.format(button=text("open-sent-button"), limit=limit))
    file = st.file_uploader(text("open-sent"), key="sent", help=text("open-sent-help"))
    st.caption(text("open-sent-kinds"))
    if file is None:
        return None

    def send() -> str:
        name = shelf.send(file.getvalue(), file.name)
        if not shelf.bare(name):
            session.bundle(name)
        return name

    known, found, mistake = state.get("sent-found", ("", None, None))
    fresh = known != file.file_id
    if fresh:
        found, mistake = _tried(text("open-reading", name=verbatim(file.name)), send)
        state["sent-found"] = (file.file_id, found, mistake)
    if mistake:
        st.error(_said(text, mistake))
    if found and shelf.bare(found):
        return _weights(text, found)
    return found if fresh else None


def _weights(text: Text, name: str) -> str | None:
    """A file of weights and how it is read: its name, when either is new."""
    state, note = st.session_state, st.empty()
    asked = (name, _reading(text))
    known, found, mistake = state.get("weights-found", (None, None, None))
    fresh = known != asked
    if fresh:
        found, mistake = _tried(text("open-reading", name=shelf.label(name)), _read(*asked))
        state["weights-found"] = (asked, found, mistake)
    if mistake:
        note.error(_said(text, mistake))
    return found if fresh else None


def _read(name: str, reading: Reading) -> Callable[[], str]:
    return lambda: shelf.read(name, reading)


def _reading(text: Text) -> Reading:
    """What the file may not say itself."""
    block = st.selectbox(
        text("open-block"),
        tuple(SIDES),
        index=None,
        format_func=lambda block: text(block.replace(".", "-")),
        placeholder=text("open-block-auto"),
        key="open-block",
    )
    index = st.number_input(
        text("open-index"), 0, 100_000, None, key="open-index", help=text("open-index-help")
    )
    return Reading(_lines(text, "tokens"), _lines(text, "target"), block, index)


def _lines(text: Text, side: str) -> tuple[str, ...]:
    """The tokens that were typed, one a line."""
    about = {"key": f"open-{side}", "help": text(f"open-{side}-help"), "height": 90}
    return tuple((st.text_area(text(f"open-{side}"), **about) or "").splitlines())


def _tried(doing: str, act: Callable[[], str]) -> tuple[str | None, Exception | None]:
    """What `act` has opened, or the mistake why it could not. The session keeps the mistake, since
    its language may change, but not the file, which the mistake's traceback would hold."""
    try:
        with st.spinner(doing, show_time=True):
            return act(), None
    except (InputError, LoadError, OSError) as error:
        error.__cause__ = error.__context__ = None
        return None, error.with_traceback(None)


def _said(text: Text, mistake: Exception) -> str:
    """The mistake as one sentence."""
    if isinstance(mistake, InputError):
        return text.mistake(mistake)
    known = isinstance(mistake, LoadError)
    reason = text.reason(mistake) if known else plain(str(mistake))
    return text("open-refused", reason=reason, model=plain(shelf.label(st.session_state["model"])))
