"""The card of one variant: what it changes, its formula and a picture of it, its parameters, who
says that its numbers are right, and its code."""

import re
from pathlib import Path

import streamlit as st

import attnviz
from attnviz import rule
from attnviz.app import components, knobs, lineup
from attnviz.app.laboratory import changed, inputs, result
from attnviz.app.matrices import drawn
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.app.vectors import Source, vectors
from attnviz.attention import catalogue
from attnviz.attention.parameter import Option
from attnviz.attention.variant import Limit, Variant
from attnviz.figures import equation

SOURCE = Source(tokens=10, keys=10, width=16, heads=4, seed=3)
"""The vectors of a card's picture."""
HEAD = 1
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def panel(text: Text, variant: Variant) -> None:
    """The whole card."""
    language = text.language
    st.markdown(f"## {variant.title[language]}")
    st.markdown(variant.words[language])
    st.latex(variant.formula)
    st.markdown("  \n".join(_facts(text, variant)))
    values = knobs.knobs(text, variant, {}, inputs(SOURCE), f"card-{variant.name}")
    chosen = Chosen(variant.name, tuple(sorted(values.items())))
    _picture(text, chosen)
    left, right = st.columns(2)
    with left:
        _properties(text, variant)
    with right:
        _cost(text, variant)
    _limits(text, variant)
    _python(text, chosen)


def _facts(text: Text, variant: Variant) -> list[str]:
    """Paper, what is changed, and the oracle."""
    paper = _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", variant.paper)
    parts = sorted(lineup.fills(variant)) or ["none"]
    changes = ", ".join(text(f"card-part-{part}") for part in parts)
    lines = [f"{text('variants-paper')}: {paper}", f"{text('card-changes')}: {changes}"]
    if variant.oracle:
        error = f"{variant.oracle.error:.0e}".replace("e-0", "e-")
        matches = text("card-matches", title=variant.oracle.title, error=error)
        test = text("card-matches-test", test=f"`test_{variant.name}_matches_…`")
        lines.append(f":green[✓ {matches}]  :small[{test}]")
    return lines


def _picture(text: Text, chosen: Chosen) -> None:
    """The variant beside softmax on the same random vectors."""
    plain = Chosen("softmax")
    panels = []
    for one in (plain, chosen):
        apart = None if one is plain else changed(SOURCE, one, plain, HEAD)
        title = one.variant.title[text.language]
        panels.append(drawn(text, title, result(SOURCE, one, HEAD), apart))
    at = vectors(SOURCE)
    components.comparison(panels, at.rows, at.columns, text.group("comparison"), "card-picture")


def _properties(text: Text, variant: Variant) -> None:
    """What holds for every input."""
    promised = variant.properties
    row = {"one": "row-one", "at most one": "row-most", "any": "row-any"}[promised.row_sum]
    names = [row, "negative" if promised.negative else "positive"]
    names += [name for name in ("causal", "sparse", "square", "placed") if getattr(promised, name)]
    names += ["unmaskable"] if not promised.maskable else []
    names += ["mixes"] if promised.mixes_heads else []
    st.markdown(f"##### {text('card-properties')}")
    st.markdown("\n".join(f"- {text(f'card-{name}')}" for name in names))


def _cost(text: Text, variant: Variant) -> None:
    st.markdown(f"##### {text('card-cost')}")
    for name, written in variant.cost.rules.items():
        formula = equation.in_symbols(rule.parse(written), text("otherwise"))
        st.markdown(f"{text(f'cost-{name}')}: ${formula}$")


def _limits(text: Text, variant: Variant) -> None:
    """Parameters, tensors and limit cases, each in a line."""
    language = text.language
    lines = []
    for name, knob in variant.knobs.items():
        if isinstance(knob, Option):
            ends = ", ".join(knob.options)
        else:
            ends = text("card-range", low=f"{knob.low:g}", high=str(knob.high))
        lines.append(f"- `{name}`: {knob.meaning[language]} ({ends})")
    if lines:
        st.markdown(f"##### {text('card-parameters')}\n" + "\n".join(lines))
    if variant.weights:
        made = [f"- `{n}` ({w.axes}): {w.meaning[language]}" for n, w in variant.weights.items()]
        st.markdown(f"##### {text('card-weights')}\n" + "\n".join(made))
    if variant.limits:
        found = [f"- {_limit(text, limit)}" for limit in variant.limits]
        st.markdown(f"##### {text('card-limits')}\n" + "\n".join(found))


def _limit(text: Text, limit: Limit) -> str:
    """ "window = S: Causal mask"."""
    given = ", ".join(f"`{name} = {value}`" for name, value in limit.given.items())
    of = ", ".join(f"{name} = {value}" for name, value in limit.of.items())
    other = attnviz.variants()[limit.equals].title[text.language] + (f" ({of})" if of else "")
    return text(
        "card-limit" if limit.error <= 1e-6 else "card-limit-near", given=given, other=other
    )


def _python(text: Text, chosen: Chosen) -> None:
    """The call that computes it, and the file that declares it."""
    given = "".join(f", {n}={v!r}" for n, v in chosen.values)
    st.markdown(f"##### {text('card-python')}")
    st.code(
        f'trace = attnviz.attend("{chosen.name}", q, k, v{given})\ntrace["pattern"].value', "python"
    )
    place = catalogue.code(chosen.name)
    with st.expander(f"{text('card-code')}: {place}"):
        st.code((Path(attnviz.__file__).parent.parent / place).read_text("utf-8"), "python")
