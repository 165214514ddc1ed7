"""The Explore page without a browser: what it draws, what it refuses, what it remembers."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from attnviz.app.text import Text
from attnviz.pretrained import models

SCRIPT = str(Path(__file__).parents[2] / "streamlit_app.py")
pytestmark = pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there")


def app(**parameters: str) -> AppTest:
    """The app as opened by a link with these parameters."""
    page = AppTest.from_file(SCRIPT, default_timeout=60)
    page.query_params.update({"lang": "en", **parameters})
    return page.run()


def sentences(page: AppTest) -> str:
    """All that the page says in errors, warnings and notes."""
    parts = [*page.error, *page.warning, *page.info, *page.toast]
    return "\n".join(str(part.value) for part in parts)


def captions(page: AppTest) -> str:
    return "\n".join(str(part.value) for part in page.caption)


def test_the_front_page_shows_a_translation_and_its_heads_without_being_asked():
    page = app()
    assert not page.exception
    assert page.text_input(key="text").value == "The weather is nice today."
    assert len(page.get("bidi_component")) >= 2
    assert len(page.get("plotly_chart")) == 1


def test_the_first_sentence_is_in_the_readers_language():
    assert app(lang="zh").text_input(key="text").value == "今天天气很好。"


def test_everything_chosen_is_in_the_url_and_comes_back_from_it():
    page = app(text="I read a book.", block="encoder.self", layer="1", head="3", scale="sqrt")
    state = page.session_state
    assert (state["block"], state["layer"], state["head"]) == ("encoder.self", 1, 3)
    page.selectbox(key="special").set_value("fold").run()
    assert page.query_params["special"] == "fold"
    assert page.query_params["text"] == "I read a book."
    assert page.query_params["head"] == "3"


def test_an_empty_sentence_gets_one_sentence_and_the_last_picture_stays():
    page = app(text="I read a book.")
    page.text_input(key="text").set_value("   ").run()
    assert not page.exception
    assert sentences(page) == Text("en")("error-empty")
    assert len(page.get("plotly_chart")) == 1


def test_a_wrong_url_parameter_is_named_and_ignored():
    page = app(layer="minus one", view="hologram", head="3")
    assert not page.exception
    assert "layer, view" in sentences(page)
    assert page.session_state["head"] == 3


def test_a_layer_and_a_cell_that_do_not_exist_are_brought_into_range():
    page = app(layer="99", head="99", row="500", col="500")
    assert not page.exception
    assert page.session_state["layer"] < 10


def test_an_unknown_model_in_the_link_is_named_and_the_built_in_one_is_shown():
    page = app(model="![x](http://elsewhere/x.png)" * 300)
    assert not page.exception
    assert sentences(page) == Text("en")("error-address", names="model")
    assert page.session_state["model"] == "en-zh"


@pytest.mark.parametrize("special", ["hide", "renormalise", "fold"])
def test_a_target_of_special_tokens_alone_is_still_drawn(special):
    page = app(text="。", to="zh", block="decoder.self", special=special)
    assert not page.exception


def test_a_sentence_that_is_too_long_is_cut_and_the_page_says_so():
    page = app(text="I read a book. " * 200)
    assert not page.exception
    assert "128" in sentences(page)


@pytest.mark.parametrize("special", ["hide", "renormalise", "fold"])
def test_special_tokens_never_leave_without_saying_how_much_weight_they_held(special):
    page = app(special=special)
    assert not page.exception
    assert "%" in captions(page)


@pytest.mark.parametrize("view", ["heatmap", "lines", "bars", "table"])
@pytest.mark.parametrize("words", ["0", "1"])
def test_every_view_of_a_head_can_be_drawn(view, words):
    page = app(view=view, words=words, text="Unbelievable translations.", lang="zh")
    assert not page.exception


def test_a_click_on_a_cell_chooses_its_head():
    page = app()
    page.session_state["block"] = "encoder.self"
    page.session_state["layer"], page.session_state["head"] = 2, 6
    page.run()
    assert not page.exception
    assert any("layer 2, head 6" in str(m.value) for m in page.markdown)


@settings(max_examples=20, deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(st.text(max_size=200) | st.text(alphabet="שלוםمرحبا😀👩‍👩‍👧\x00\x07 \t", max_size=60))
def test_no_text_brings_the_page_down(text):
    page = AppTest.from_file(SCRIPT, default_timeout=60)
    page.query_params.update({"lang": "en", "text": "Hello."})
    page.run()
    page.text_input(key="text").set_value(text).run()
    assert not page.exception
