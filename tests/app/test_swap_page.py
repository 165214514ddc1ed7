"""Another attention in the whole model, chosen in the sidebar, without a browser."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.analysis.label import labels
from attnviz.app.text import LANGUAGES, text
from attnviz.pretrained import Bundle, models
from attnviz.trace import Trace

pytestmark = pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there")
SCRIPT = str(Path(__file__).parents[2] / "streamlit_app.py")
SENTENCE = "I read a book."
EN = text("en")
KINDS = ("linear", "entmax", "alibi", "sliding_window", "nystrom", "talking_heads", "rope", "gqa")
KINDS += ("sparsemax", "deltanet", "mla", "differential")
"""Of every group one or more; some cannot be masked, mix heads, have two sums in a step."""


def script() -> None:
    """streamlit_app.py for the Steps page alone: AppTest cannot go to a page of st.navigation."""
    import streamlit as st

    from attnviz.app import address, session, sidebar
    from attnviz.app.pages import steps
    from attnviz.app.text import text

    ignored = address.restore("en")
    words = text(st.session_state["lang"])
    with st.sidebar:
        sidebar.controls(words)
    session.say_ignored(words, ignored)
    steps.page(words)
    address.publish()


def opened(page: AppTest, **parameters: str) -> AppTest:
    """The page as opened by a link with these parameters."""
    page.query_params.update({"lang": "en", "text": SENTENCE, **parameters})
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def explore(**parameters: str) -> AppTest:
    return opened(AppTest.from_file(SCRIPT, default_timeout=60), **parameters)


def steps(**parameters: str) -> AppTest:
    return opened(AppTest.from_function(script, default_timeout=60), **parameters)


def element(page: AppTest, key: str) -> Any:
    found: Any = {e.key: e for e in page.get("bidi_component")}
    return found[key].proto if key in found else None


def target(page: AppTest, key: str = "chips") -> list[str] | None:
    """The tokens of the translation that the page shows, without the one for its end."""
    shown = element(page, key)
    if shown is None:
        return None
    chips = [chip["text"] for chip in json.loads(shown.json)["target"]]
    return chips[:-1] if chips[-1] == "</s>" else chips


def grid(page: AppTest) -> dict[str, np.ndarray]:
    """The weights LHTS that the head grid was given, by block."""
    data = element(page, "grid").bytes
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    return {
        block["id"]: np.frombuffer(
            data, "<f4", int(np.prod(a["shape"])), start + a["offset"]
        ).reshape(a["shape"])
        for block, a in zip(header["blocks"], header["arrays"], strict=True)
    }


def patterns(trace: Trace, block: str) -> np.ndarray:
    stack, kind = block.split(".")
    return np.stack([trace[f"{stack}.{i}.{kind}.pattern"].value.numpy() for i in range(3)])


def written(trace: Trace) -> list[str]:
    assert trace.target
    return list(labels(trace.target))


def said(page: AppTest) -> list[str]:
    parts = [*page.error, *page.warning, *page.toast]
    return [str(part.value) for part in parts]


def information(page: AppTest) -> str:
    return "\n".join(str(part.value) for part in page.info)


def reset(page: AppTest, language: str = "en") -> Any:
    """The button that leads back to the model as it was trained."""
    found = [button for button in page.button if button.label == text(language)("put-reset")]
    return found[0] if found else None


@pytest.fixture(scope="module")
def plain(en_zh: Bundle) -> Trace:
    return attnviz.run(en_zh, SENTENCE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_attention_changes_the_translation_and_reset_brings_it_back(
    language: str, en_zh: Bundle, plain: Trace
) -> None:
    page = explore(lang=language)
    assert target(page) == written(plain)
    assert target(page, "chips-before") is None
    assert reset(page, language) is None
    page.selectbox(key="put-name").set_value("linear").run()
    assert not page.exception
    changed = attnviz.run(en_zh, SENTENCE, variant="linear")
    assert written(changed) != written(plain)
    assert target(page) == written(changed)
    assert target(page, "chips-before") == written(plain)
    title = attnviz.variants()["linear"].title[language]
    assert text(language)("put-on", name=title, n=9) in information(page)
    assert text(language)("put-same") not in information(page)
    assert page.query_params["put"] == "linear"
    for block, weights in grid(page).items():
        assert np.allclose(weights, patterns(changed, block), atol=1e-6), block
    reset(page, language).click().run()
    for _ in range(2):
        assert not page.exception
        assert target(page) == written(plain)
        assert target(page, "chips-before") is None
        assert page.selectbox(key="put-name").value is None
        assert {"put", "where"}.isdisjoint(page.query_params)
        page.run()


def test_the_choice_can_be_cleared_in_the_sidebar(plain: Trace) -> None:
    page = explore(put="linear")
    page.selectbox(key="put-name").set_value(None).run()
    assert not page.exception
    assert target(page) == written(plain)
    assert "put" not in page.query_params


def test_a_link_is_obeyed(en_zh: Bundle, plain: Trace) -> None:
    where = "decoder.*.cross"
    page = explore(put="entmax(alpha=1.25)", where=where)
    given: dict[str, Any] = {"variant": "entmax", "where": where, "parameters": {"alpha": 1.25}}
    changed = attnviz.run(en_zh, SENTENCE, **given)
    assert page.select_slider(key="put-entmax-alpha").value == 1.25
    assert page.selectbox(key="put-block").value == "decoder.cross"
    assert (page.query_params["put"], page.query_params["where"]) == ("entmax(alpha=1.25)", where)
    assert "in 3 of its attentions" in information(page)
    shown = grid(page)
    assert np.allclose(shown["decoder.cross"], patterns(changed, "decoder.cross"), atol=1e-6)
    assert np.allclose(shown["encoder.self"], patterns(plain, "encoder.self"), atol=1e-6)
    assert not np.allclose(shown["decoder.cross"], patterns(plain, "decoder.cross"), atol=1e-3)
    page.select_slider(key="put-entmax-alpha").set_value(2).run()
    assert page.query_params["put"] == "entmax(alpha=2)"
    given["parameters"] = {"alpha": 2}
    changed = attnviz.run(en_zh, SENTENCE, **given)
    assert np.allclose(grid(page)["decoder.cross"], patterns(changed, "decoder.cross"), atol=1e-6)


def test_one_head_alone_is_changed(plain: Trace) -> None:
    page = explore(put="sparsemax", where="encoder.1.self.3")
    assert "in 1 of its attentions" in information(page)
    shown, before = grid(page)["encoder.self"], patterns(plain, "encoder.self")
    assert np.allclose(shown[0], before[0], atol=1e-6)
    same = [head for head in range(8) if np.allclose(shown[1, head], before[1, head], atol=1e-6)]
    assert same == [0, 1, 2, 4, 5, 6, 7]
    for key, value in (("put-head", "*"), ("put-layer", "*"), ("put-block", "*")):
        page.selectbox(key=key).set_value(value).run()
        assert not page.exception
    assert "in 9 of its attentions" in information(page)
    assert "where" not in page.query_params


@pytest.mark.parametrize(
    "put", ["nonsense", "entmax(alpha=9)", "entmax(beta=1)", ";", "((", "+", " "]
)
def test_what_is_no_variant_leaves_the_model_as_it_was_trained(put: str, plain: Trace) -> None:
    page = explore(put=put, where="decoder")
    assert target(page) == written(plain)
    assert reset(page) is None
    assert {"put", "where"}.isdisjoint(page.query_params)


@pytest.mark.parametrize(
    "where", ["decoder", "*.*.self", "*.1.cross", "decoder.2", "bogus", "a.b.c.d.e"]
)
def test_a_place_in_the_link_is_where_it_is_put_or_the_page_says_that_it_is_not(
    where: str, en_zh: Bundle
) -> None:
    page = explore(put="sparsemax", where=where)
    if said(page):
        return
    changed = attnviz.run(en_zh, SENTENCE, variant="sparsemax", where=where)
    for block, weights in grid(page).items():
        assert np.allclose(weights, patterns(changed, block), atol=1e-6), block


def test_variants_joined_in_the_link_are_obeyed_or_the_page_says_that_they_are_not(
    en_zh: Bundle,
) -> None:
    page = explore(put="rope+entmax(alpha=1.25)")
    if said(page) or reset(page) is None:
        return
    given: dict[str, Any] = {"variant": "rope+entmax", "parameters": {"alpha": 1.25}}
    changed = attnviz.run(en_zh, SENTENCE, **given)
    shown = grid(page)["encoder.self"]
    assert np.allclose(shown, patterns(changed, "encoder.self"), atol=1e-6)


def test_what_cannot_take_the_place_is_said_and_the_last_good_view_stays(en_zh: Bundle) -> None:
    page = explore(put="reformer")
    good = attnviz.run(en_zh, SENTENCE, variant="reformer")
    assert "in 3 of its attentions" in information(page)
    page.selectbox(key="put-block").set_value("decoder.cross").run()
    assert not page.exception
    assert said(page) == [EN("error-unfit", name="reformer")]
    assert target(page) == written(good)
    assert np.allclose(grid(page)["encoder.self"], patterns(good, "encoder.self"), atol=1e-6)
    page.selectbox(key="put-block").set_value("encoder.self").run()
    assert not page.exception
    assert said(page) == []
    fresh = explore(put="reformer", where="decoder.*.cross")
    assert said(fresh) == [EN("error-unfit", name="reformer")]
    fresh.selectbox(key="put-name").set_value("linear").run()
    assert not fresh.exception
    assert said(fresh) == []


def test_another_variant_begins_at_its_own_parameters() -> None:
    page = explore(put="entmax(alpha=1.25)", where="encoder.0.self")
    page.selectbox(key="put-name").set_value("sliding_window").run()
    page.select_slider(key="put-sliding_window-window").set_value(7).run()
    assert not page.exception
    assert page.query_params["put"] == "sliding_window(window=7)"
    assert page.query_params["where"] == "encoder.0.self"


@pytest.mark.parametrize(
    "put", ["xpos", "t5_bias", "cope", "rope_yarn", "cosformer", "sliding_window"]
)
def test_a_variant_is_put_in_with_its_own_defaults(put: str) -> None:
    assert explore(put=put).query_params["put"] == put


@pytest.mark.parametrize("put", KINDS[:6])
def test_every_block_of_a_changed_model_can_be_explored(put: str, en_zh: Bundle) -> None:
    changed = attnviz.run(en_zh, SENTENCE, variant=put)
    page = explore(put=put, view="bars")
    assert said(page) == []
    assert target(page) == written(changed)
    for block, weights in grid(page).items():
        assert np.allclose(weights, patterns(changed, block), atol=1e-6, equal_nan=True), block
        page.session_state["block"] = block
        page.run()
        assert not page.exception, block


@pytest.mark.parametrize("put", KINDS)
def test_every_step_of_a_changed_attention_can_be_shown(put: str, en_zh: Bundle) -> None:
    changed = attnviz.run(en_zh, SENTENCE, variant=put)
    at = changed.facts["changed"][-1]
    own = [path for path in changed if path.startswith(f"{at}.")]
    page = steps(put=put, step=own[0], code="1")
    for path in own[1::3]:  # with the one before and the one after
        page.session_state["step"] = path
        page.run()
        assert not page.exception, path
        assert page.session_state["step"] == path
    assert EN(
        "put-on", name=attnviz.variants()[put].title["en"], n=len(changed.facts["changed"])
    ) in (information(page))
    assert target(page) == written(changed)
    assert reset(page)


def test_the_steps_have_the_code_that_makes_the_changed_trace(en_zh: Bundle) -> None:
    where = "decoder.*.cross"
    path = "decoder.0.cross.pattern"
    page = steps(put="entmax(alpha=1.25)", where=where, step=path, code="1", row="1", col="2")
    code = next(str(c.value) for c in page.code if f'"{path}"' in str(c.value))
    lines = code.splitlines()
    names: dict[str, Any] = {"attnviz": attnviz}
    made = next(i for i, line in enumerate(lines) if line.startswith("trace = "))
    exec("\n".join(lines[: made + 1]), names)
    given: dict[str, Any] = {"variant": "entmax", "where": where, "parameters": {"alpha": 1.25}}
    changed = attnviz.run(en_zh, SENTENCE, **given)
    assert np.array_equal(names["trace"][path].value, changed[path].value)


@pytest.mark.parametrize("put", ["linear", "entmax", "alibi", "sliding_window", "talking_heads"])
@pytest.mark.parametrize("switch", [{"tau": "0.5"}, {"mask": "none"}, {"softmax": "naive"}])
def test_a_switch_in_a_changed_attention_brings_no_step_down(
    put: str, switch: dict[str, str]
) -> None:
    at = "decoder.0.self"
    page = steps(put=put, step=f"{at}.pattern", switched=at, **switch)
    for path in (f"{at}.z", "probs"):
        page.session_state["step"] = path
        page.run()
        assert not page.exception, path
