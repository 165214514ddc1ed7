"""The Variants page without a browser: a card for every variant, its picture and its sliders."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor

import attnviz
from attnviz import rule
from attnviz.app.text import LANGUAGES, text
from attnviz.attention import catalogue
from attnviz.figures import equation

SAMPLE = ("softmax", "entmax", "linear", "alibi", "nystrom", "talking_heads", "hard", "rope")


def script() -> None:
    """streamlit_app.py for this page alone: AppTest cannot go to a page of st.navigation."""
    import streamlit as st

    from attnviz.app import address, session
    from attnviz.app.pages import variants
    from attnviz.app.text import text

    ignored = address.restore("en")
    words = text(st.session_state["lang"])
    session.say_ignored(words, ignored)
    variants.page(words)
    address.publish()


def variants(**parameters: str) -> AppTest:
    """The page as opened by a link with these parameters."""
    page = AppTest.from_function(script, default_timeout=60)
    page.query_params.update({"lang": "en", **parameters})
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def said(page: AppTest) -> str:
    """Everything that stands in the card."""
    parts = [*page.markdown, *page.caption, *page.latex, *page.code]
    return "\n".join(str(part.value) for part in parts)


def pictures(page: AppTest) -> list[dict[str, Any]]:
    """Softmax and the variant: title, problem, weights and difference, T x S."""
    known: Any = {e.key: e for e in page.get("bidi_component")}
    found = known["card-picture"]
    data = found.proto.bytes
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    size = len(header["rows"]), len(header["columns"])

    def value(index: int | None) -> np.ndarray | None:
        if index is None:
            return None
        at = start + header["arrays"][index]["offset"]
        return np.frombuffer(data, "<f4", size[0] * size[1], at).reshape(size)

    names = ("weights", "difference")
    return [{**panel, **{name: value(panel[name]) for name in names}} for panel in header["panels"]]


def drawn() -> list[Tensor]:
    """The vectors of a card's picture."""
    make = torch.Generator().manual_seed(3)
    return [torch.randn(1, 4, 10, 16, dtype=torch.float64, generator=make) for _ in "qkv"]


def weights(name: str, **parameters: float) -> np.ndarray:
    q, k, v = drawn()
    return attnviz.attend(name, q, k, v, None, **parameters)["pattern"].value[1].float().numpy()


def check(page: AppTest, name: str, language: str) -> None:
    """The card of `name` is whole: its words, its formula, its picture, its call, its code."""
    assert not page.exception, name
    variant, words_of = attnviz.variants()[name], text(language)
    words = said(page)
    assert f"## {variant.title[language]}" in words
    assert variant.words[language] in words, name
    assert variant.formula in words, name
    assert f'attnviz.attend("{name}", q, k, v)' in words
    assert f'name="{name}"' in words, "the code that declares it"
    for written in (variant.cost.flops, variant.cost.memory, variant.cost.cache):
        assert equation.in_symbols(rule.parse(written), words_of("otherwise")) in words, name
    for knob in variant.knobs.values():
        assert knob.meaning[language] in words, name
    if variant.oracle:
        assert variant.oracle.title in words, name
    plain, own = pictures(page)
    assert np.array_equal(plain["weights"], weights("softmax")), name
    assert plain["difference"] is None
    if not own["problem"]:
        assert np.array_equal(own["weights"], weights(name), equal_nan=True), name


def test_every_variant_has_a_card() -> None:
    page = variants()
    for name in attnviz.variants():
        page.session_state["variant"] = name
        page.run()
        check(page, name, "en")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_card_is_there_in_chinese(name: str) -> None:
    page = variants(lang="zh", variant=name)
    check(page, name, "zh")
    assert page.query_params["lang"] == "zh"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_lists_every_variant_once(language: str) -> None:
    page, known = variants(lang=language), attnviz.variants()
    frame = page.dataframe[0].value
    assert frame["title"].tolist() == [variant.title[language] for variant in known.values()]
    groups = [text(language)(f"variants-group-{catalogue.group(name)}") for name in known]
    assert frame["group"].tolist() == groups
    assert text(language)("variants-count", n=len(known)) in said(page)


def test_a_variant_is_chosen_and_comes_into_the_link() -> None:
    page = variants()
    page.selectbox(key="variant").set_value("linear").run()
    check(page, "linear", "en")
    assert page.query_params["variant"] == "linear"


def test_a_variant_that_does_not_exist_gives_way_to_softmax() -> None:
    check(variants(variant="nonsense"), "softmax", "en")


def test_the_picture_and_the_call_follow_the_slider() -> None:
    page = variants(variant="entmax")
    for alpha in (1.25, 2.0, 1.5):
        page.select_slider(key="card-entmax-alpha").set_value(alpha).run()
        assert not page.exception
        softmax, own = pictures(page)
        assert np.array_equal(own["weights"], weights("entmax", alpha=alpha))
        difference = own["weights"].astype(float) - softmax["weights"]
        assert np.allclose(own["difference"], difference, atol=1e-6)
        given = "" if alpha == 1.5 else f", alpha={alpha}"
        assert f'attnviz.attend("entmax", q, k, v{given})' in said(page)


def test_the_call_on_the_card_gives_the_numbers_of_its_picture() -> None:
    page = variants(variant="topk")
    page.select_slider(key="card-topk-kept").set_value(5).run()
    call = next(str(code.value) for code in page.code if "attnviz.attend" in str(code.value))
    q, k, v = drawn()
    names: dict[str, Any] = {"attnviz": attnviz, "q": q, "k": k, "v": v}
    exec(call.splitlines()[0], names)
    pattern = names["trace"]["pattern"].value[1].float().numpy()
    assert np.array_equal(pictures(page)[1]["weights"], pattern)
    assert ((pattern > 0).sum(-1) == 5).all()
