"""View(bundle, request, trace) and the caches behind it: one model serves all sessions.

Caches are keyed on the text, never on tensors; what they hold is immutable.
"""

import gc
import threading
from dataclasses import dataclass, replace

import streamlit as st
import torch

import attnviz
from attnviz import pretrained
from attnviz.app import shelf, spec
from attnviz.app.address import MAX_TEXT
from attnviz.app.spec import Chosen
from attnviz.app.switches import Switches
from attnviz.app.text import Text
from attnviz.error import InputError
from attnviz.model.decision import GREEDY, Decision
from attnviz.model.swap import Swap, swapped
from attnviz.model.transformer import UNCHANGED, Changes
from attnviz.pretrained import Bundle, LoadError
from attnviz.run import decided as decided_anew
from attnviz.tokenizer import clean
from attnviz.trace import Trace

torch.set_num_threads(1)  # two fight over two cores, many times slower
FORCED = ("translate", "rebuild")
"""Tasks whose answer a reader can force; None is a model that cannot be opened."""
_TURN = threading.Lock()
"""One sentence at a time: runs that take turns at every small operation each take many times as
long, and so do all readers wait."""


@dataclass(frozen=True)
class Request:
    """What is asked of a model: all that a trace depends on. `put` takes the place of the model's
    own attention `where` that says. A decoder alone writes on, `write` tokens: the most probable
    ones, or with a `draw` those of chance, by the same `decision` that is recorded."""

    model: str
    text: str
    target: str
    to: str | None
    switches: Switches | None = None
    decision: Decision = GREEDY
    put: Chosen | None = None
    where: str = "*"
    write: int = 0
    draw: int = 0

    @property
    def usual(self) -> Decision:
        """How a token is chosen where nobody asks for another way: as chance drew the text, else
        the most probable one."""
        return self.decision if self.draw else GREEDY

    @property
    def plain(self) -> "Request":
        """The same of the model as it was trained."""
        return replace(self, put=None, where="*")


@dataclass(frozen=True)
class View:
    """What a page shows: the model, what was asked, and the trace that answers. Weights alone have
    no model."""

    model: Bundle | None
    request: Request
    trace: Trace

    @property
    def bundle(self) -> Bundle:
        """The model; ask only where the view is not `bare`."""
        assert self.model is not None, "weights alone have no model"
        return self.model

    @property
    def bare(self) -> bool:
        """Whether these are weights without a model."""
        return self.model is None

    @property
    def name(self) -> str:
        """What the model or the file is called."""
        label = shelf.label(self.request.model)
        return self.model.name if self.model and shelf.sent(label) else label


@st.cache_resource(max_entries=8, show_spinner=False)
def bundle(name: str) -> Bundle:
    """The model `name`, loaded once. Raises LoadError."""
    place = shelf.place(name)
    loaded = pretrained.load(place) if shelf.sent(name) else attnviz.load(place)
    gc.collect()
    gc.freeze()
    return loaded


def task(name: str) -> str | None:
    """What the model `name` does with a text; None where there is no such model."""
    try:
        return None if shelf.bare(name) else bundle(name).task
    except LoadError:
        return None


def languages(name: str) -> tuple[str, ...]:
    """The languages that the model `name` can be asked for."""
    return () if task(name) is None else tuple(bundle(name).tokenizer.directions)


def trace(request: Request) -> Trace:
    """The trace that answers `request`; weights alone answer any. Raises InputError for a text that
    cannot be run, and LoadError."""
    return weights(request.model) if shelf.bare(request.model) else _run(request)


@st.cache_resource(max_entries=4, show_spinner=False)
def weights(name: str) -> Trace:
    """The weights that were sent under that name. Raises InputError and LoadError."""
    return shelf.trace(name)


@st.cache_resource(max_entries=16, show_spinner=False)
def _run(request: Request) -> Trace:
    """What the model computes. With switches, the tokens are those that it wrote without."""
    loaded = bundle(request.model)
    put, target, changes = request.put, request.target or None, {}
    if request.switches:
        target = trace(replace(request, switches=None))
        changes = {request.switches.attention: request.switches.parts()}
    with _TURN:
        return attnviz.run(
            loaded,
            request.text,
            target,
            to=request.to,
            variant=put.name if put else None,
            where=request.where,
            parameters=dict(put.values) if put else None,
            changes=changes,
            n_new=request.write,
            seed=request.draw or None,
            decision=request.decision,
        )


def decision(temperature: str) -> Decision:
    """How the widgets say that a token is chosen; `temperature` names the one that counts."""
    state = st.session_state
    top_k = state["top_k"] or None
    return Decision(temperature=state[temperature], top_k=top_k, top_p=state["top_p"])


def changes(request: Request) -> Changes:
    """The parts that `request` puts in the place of the model's own."""
    if request.put is None:
        return UNCHANGED
    put, model = request.put, bundle(request.model).model
    swap = Swap(variant=put.name, where=request.where, parameters=dict(put.values))
    return swapped(model, swap)


@st.cache_resource(max_entries=8, show_spinner=False)
def decided(request: Request) -> Trace:
    """The trace that answers `request`, with its decision. The model is run again only where that
    draws another text."""
    if request.decision == request.usual:
        return trace(request)
    return decided_anew(trace(replace(request, decision=request.usual)), request.decision)


def asked() -> Request:
    """The request that the widgets make."""
    state = st.session_state
    if shelf.bare(state["model"]):
        return Request(state["model"], "", "", None)
    to = None if state["to"] == "auto" else state["to"]
    sentence, target = (clean(state[name][:MAX_TEXT]) for name in ("text", "target"))
    put, where = state["put"], state["where"]
    found = Request(state["model"], sentence, target, to)
    doing = task(state["model"])
    if doing not in FORCED:
        found = replace(found, target="")
    if doing == "write":
        found = replace(found, write=state["write"], draw=state["draw"] if state["write"] else 0)
        if found.draw:
            found = replace(found, decision=decision("warmth"))
    return replace(found, put=spec.parse(put)[0], where=where) if put else found


def current(text: Text, plain_model: bool = False) -> View | None:
    """The view of what is asked, with `plain_model` of the model as it was trained; where that
    cannot be run one sentence says why, and the last good view stays. None where there has been
    none."""
    try:
        request = asked().plain if plain_model else asked()
        with st.spinner(text("working")):
            view = answered(request)
    except InputError as error:
        st.error(text.mistake(error))
    except LoadError as error:
        st.error(text("error-model", reason=text.reason(error)))
    else:
        st.session_state["good"] = request
        return view
    good = st.session_state.get("good")
    return answered(good) if good and shelf.known(good.model) else None


def answered(request: Request) -> View:
    """The view of `request`. Raises InputError and LoadError."""
    model = None if shelf.bare(request.model) else bundle(request.model)
    return View(model, request, trace(request))


def say_ignored(text: Text, ignored: list[str]) -> None:
    """One sentence on the parameters of the link that could not be used."""
    if ignored:
        said = text("error-address", names=", ".join(ignored))
        sent = shelf.sent(st.query_params.get("model", "")) and "model" in ignored
        more = f" {text('address-model')}" if sent else ""
        st.toast(said + more, duration="long")
