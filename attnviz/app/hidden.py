"""Hiding tokens from a model that tells them: a double click puts the mask in a word's place,
another one puts back what stood there; what the model takes it for is said."""

import streamlit as st

from attnviz.analysis.label import label, words
from attnviz.analysis.prediction import guesses
from attnviz.app.address import forget_cell
from attnviz.app.session import View
from attnviz.app.text import Text, plain
from attnviz.app.verdict import ranked

MOST = 4
"""Hidden tokens whose guesses are said in lines of their own."""
WORDS = "hidden-words"
"""The sentence with its masks, and what stood at each of them, in their order."""


def panel(text: Text, view: View) -> None:
    """What the model takes each hidden token for, the most probable first."""
    piece = view.bundle.tokenizer.piece
    found = list(guesses(view.trace).values())
    for number, said in enumerate(found[:MOST], 1):
        which = number if len(found) > 1 else 0
        title = text("hidden-guess", mask=plain(view.bundle.tokenizer.hidden), number=which)
        st.markdown(ranked(text, title, [label(piece(i)) for i in said.ids], said.probs))
    if len(found) > MOST:
        st.caption(text("hidden-more", n=len(found) - MOST))


def toggle(view: View, key: str) -> None:
    """Hide or show the word of the token that was picked in the chips `key`; one whose word nobody
    knows becomes what the model takes it for."""
    state, tokens, tokenizer = st.session_state, view.trace.source, view.bundle.tokenizer
    assert tokens is not None, "a model that tells hidden tokens reads a source"
    place = state[key]["hide"]
    if place is None or tokens.spans[place] is None:
        return
    word = next(group for group in words(tokens) if place in group)
    place = next((i for i in word if tokens.ids[i] == tokenizer.mask), place)
    spans = [span for i in word if (span := tokens.spans[i])]
    mask, begin, end = tokenizer.hidden, spans[0][0], spans[-1][1]
    shown = tokens.text[begin:end]
    blank = shown[: len(shown) - len(shown.lstrip())]
    n_before, n_all = tokens.text[:begin].count(mask), tokens.text.count(mask)
    sentence, known = state.get(WORDS, ("", []))
    if sentence != tokens.text:
        known = [""] * n_all  # the sentence was typed anew
    if tokens.ids[place] == tokenizer.mask:
        best = tokenizer.piece(int(view.trace["logits"].value[place].argmax())).strip()
        put = known[n_before] or best
        known = [*known[:n_before], *known[n_before + 1 :]]
    else:
        put = mask
        known = [*known[:n_before], shown.strip(), *known[n_before:]]
    state["text"] = tokens.text[:begin] + blank + put + tokens.text[end:]
    state[WORDS] = (state["text"], known)
    forget_cell()
