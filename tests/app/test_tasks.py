"""What the pages show of models that do not translate, without a browser."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz import pretrained
from attnviz.app import example, hidden, session, way
from attnviz.app.address import CHOICES
from attnviz.app.program import run_lines
from attnviz.app.session import Request, View
from attnviz.app.side import groups
from attnviz.app.text import LANGUAGES, Text
from attnviz.app.verdict import SHOWN
from attnviz.model.decision import GREEDY

SCRIPT = str(Path(__file__).parents[2] / "streamlit_app.py")
PATIENCE = 60


def app(**parameters: str) -> AppTest:
    page = AppTest.from_file(SCRIPT, default_timeout=PATIENCE)
    page.query_params.update({"lang": "en", **parameters})
    return page.run()


def markdown(page: AppTest) -> str:
    return "\n".join(str(part.value) for part in page.markdown)


def test_a_classifier_says_its_label_and_those_that_come_next() -> None:
    page = app(model="intent-gru", text="How do I change my PIN?")
    assert not page.exception
    said = next(part.value for part in page.markdown if Text("en")("verdict") in part.value)
    said = said.replace("\\", "")  # of Markdown
    assert said.index("change_pin") < said.index("·")
    assert said.count("%") == SHOWN
    assert "target" not in {box.key for box in page.text_input}


def test_hidden_words_are_guessed_in_sight_in_their_order() -> None:
    sentence = "The <mask> is <mask> today."
    page = app(model="masked", text=sentence)
    assert not page.exception
    lines = markdown(page).replace("\\", "").splitlines()
    said = [line for line in lines if line.startswith("**<mask>")]
    bundle = attnviz.load("masked", "cpu")
    logits_SV = attnviz.run(bundle, sentence)["logits"].value
    best = [bundle.tokenizer.piece(int(logits_SV[i].argmax())).strip() for i in (1, 3)]
    assert [line.split("** ")[1].split()[0] for line in said] == best
    assert all(line.count("%") == 5 for line in said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_autoencoder_is_not_said_to_translate(language: str) -> None:
    box = app(model="autoencoder", lang=language).text_input(key="target")
    words = Text(language)
    assert (box.label, box.placeholder) == (
        words("target-rebuild"),
        words("target-rebuild-placeholder"),
    )


def test_another_model_brings_an_example_of_its_own_and_leaves_a_typed_text_alone() -> None:
    page = app()
    page.selectbox(key="model").set_value("sentiment-cnn").run()
    assert page.text_input(key="text").value == example.first("sentiment-cnn", "en")
    page.text_input(key="text").set_value("My own words.").run()
    page.selectbox(key="model").set_value("intent-cnn").run()
    assert page.text_input(key="text").value == "My own words."
    assert not page.exception


def test_a_gpt_draws_another_text_for_another_number_and_the_same_for_the_same() -> None:
    def written(draw: str) -> str:
        page = app(model="stories", text="One day", write="9", draw=draw)
        assert not page.exception
        return session.trace(page.session_state["good"]).output

    assert written("3") == written("3") != written("4")
    assert written("3").startswith("One day")


def side_by_side() -> None:
    import streamlit as st

    from attnviz.app import address
    from attnviz.app.pages import models
    from attnviz.app.text import text

    address.restore("en")
    models.page(text(st.session_state["lang"]))


def walked() -> None:
    import streamlit as st

    from attnviz.app import address
    from attnviz.app.pages import steps
    from attnviz.app.text import text

    address.restore("en")
    steps.page(text(st.session_state["lang"]))


def test_the_code_of_a_drawn_text_writes_it_again() -> None:
    page = app(model="stories", text="One day", write="9", draw="3", warmth="0.5", top_k="7")
    assert not page.exception
    request = page.session_state["good"]
    lines = {"attnviz": attnviz}
    exec("\n".join(run_lines(request)), lines)
    assert lines["trace"].output == session.trace(request).output  # type: ignore[attr-defined]
    kept = lines["trace"]["cut"].inputs  # type: ignore[attr-defined]
    assert kept["top_k"] == 7


def test_steps_of_a_drawn_text_say_how_it_was_drawn_and_draw_it_anew() -> None:
    page = AppTest.from_function(walked, default_timeout=PATIENCE)
    page.query_params.update({"lang": "en", "model": "stories", "text": "One day"})
    page.query_params.update({"write": "9", "draw": "3", "step": "chosen"})
    page.run()
    assert not page.exception
    assert Text("en")("decision-drawn") in [part.value for part in page.caption]
    assert "temperature" not in {part.key for part in page.slider}
    before = session.trace(page.session_state["good"]).output
    page.number_input(key="top_k").set_value(1).run()
    assert not page.exception
    greedy = attnviz.run(attnviz.load("stories", "cpu"), "One day", n_new=9).output
    assert session.trace(page.session_state["good"]).output == greedy != before


@pytest.mark.parametrize(("name", "beyond"), [("write", "201"), ("draw", "-1"), ("warmth", "0")])
def test_a_number_in_the_link_beyond_its_range_is_ignored(name: str, beyond: str) -> None:
    page = app(model="stories", text="One day", **{name: beyond})
    assert not page.exception
    assert page.session_state[name] == CHOICES[name].default


def test_where_nothing_is_written_nothing_was_drawn() -> None:
    page = app(model="stories", text="One day", write="0", draw="3")
    assert not page.exception
    request = page.session_state["good"]
    assert (request.draw, request.decision) == (0, GREEDY)
    assert page.number_input(key="draw").disabled
    assert page.number_input(key="warmth").disabled


def test_it_is_said_on_explore_that_chance_draws_among_some_tokens_only() -> None:
    def infos(**more: str) -> list[str]:
        return [part.value for part in app(model="stories", text="One day", **more).info]

    assert infos(draw="3", top_k="2") == [Text("en")("draw-cut", top_k=2, top_p=1.0)]
    assert infos(draw="0", top_k="2") == infos(draw="3") == []


def test_titles_of_pools_are_their_own_and_those_of_norms_are_of_their_layer() -> None:
    words = Text("en")
    trace = attnviz.run(attnviz.load("autoencoder", "cpu"), "I like tea.")

    def title(path: str) -> str:
        return way.said(words, trace[path])[0]

    assert title("pool.0.cross.q") == words("step-pool-cross-q")
    assert title("decoder.0.cross.q") == words("step-cross-q")
    assert title("encoder.0.self.norm") == title("decoder.1.cross.norm") == words("step-norm")
    assert title("encoder.norm") == words("step-encoder-norm")


def test_another_model_on_the_models_page_brings_its_group() -> None:
    page = AppTest.from_function(side_by_side, default_timeout=PATIENCE)
    page.query_params.update({"lang": "en", "group": "", "model": "finance-gru"})
    page.run()
    assert page.session_state["group"] == "finance-cnn"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_cut_and_what_nobody_can_read_is_said_on_the_models_page(language: str) -> None:
    page = AppTest.from_function(side_by_side, default_timeout=PATIENCE)
    page.query_params.update({"lang": language, "group": "sentiment-cnn"})
    page.query_params["text"] = "很好看的电影。" * 60
    page.run()
    assert not page.exception
    words = Text(language)
    bundle = attnviz.load("sentiment-cnn", "cpu")
    facts = attnviz.run(bundle, page.session_state["text"]).facts
    cut = words("cut-source", left_out=facts["cut"]["source"], limit=bundle.config.n_ctx)
    assert [part.value for part in page.info] == [cut, words("strange", percent=100)]


def test_a_note_on_one_of_two_models_stands_in_its_column() -> None:
    page = AppTest.from_function(side_by_side, default_timeout=PATIENCE)
    text = "no " * 12
    page.query_params.update({"lang": "en", "group": "en-zh", "text": text})
    page.run()
    assert not page.exception
    ends = {
        name: attnviz.run(attnviz.load(name, "cpu"), text).facts["finished"]
        for name in ("en-zh", "rnn-en-zh")
    }
    assert ends == {"en-zh": True, "rnn-en-zh": False}, "another sentence shows it"
    assert [len(column.info) for column in page.columns if column.info] == [1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("first", [many[0].name for many in groups()])
def test_models_of_a_task_stand_side_by_side(language: str, first: str) -> None:
    page = AppTest.from_function(side_by_side, default_timeout=PATIENCE)
    page.query_params.update({"lang": language, "group": first})
    page.query_params["text"] = example.first(first, language)
    page.run()
    assert not page.exception
    names = [one.name for many in groups() if many[0].name == first for one in many]
    assert all(f"**{name}**" in markdown(page) for name in names)
    scores, every = page.dataframe[0].value, page.table[0].value
    measured = pretrained.summary(names[0]).measured
    words = Text(language)
    assert list(scores.columns[2:]) == [words(f"score-{measure}") for measure in measured.scores]
    methods = [words(f"baseline-{method}") for method in measured.baselines]
    assert list(scores.iloc[:, 0]) == [*names, *methods]
    assert list(every.index) == list(attnviz.models())
    assert every.iloc[:, -1].str.len().min() > 0, "every model has its scores"


def test_a_link_to_models_that_do_not_exist_shows_others() -> None:
    page = AppTest.from_function(side_by_side, default_timeout=PATIENCE)
    page.query_params.update({"lang": "en", "group": "no-such", "text": " "})
    page.run()
    assert not page.exception
    assert page.error[0].value == Text("en")("side-empty")


class TestHiding:
    """The double click, without a browser."""

    @pytest.fixture(autouse=True)
    def state(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        state: dict[str, Any] = {}
        monkeypatch.setattr(hidden, "st", SimpleNamespace(session_state=state))
        monkeypatch.setattr(hidden, "forget_cell", lambda: None)
        return state

    def click(self, state: dict[str, Any], text: str, piece: str) -> str:
        bundle = attnviz.load("masked", "cpu")
        trace = attnviz.run(bundle, text)
        assert trace.source is not None
        place = [p.strip() for p in trace.source.pieces].index(piece)
        state["chips"] = {"hide": place}
        hidden.toggle(View(bundle, Request("masked", text, "", None), trace), "chips")
        return state["text"]

    def test_a_word_comes_back_from_behind_its_mask(self, state: dict[str, Any]) -> None:
        once = self.click(state, "I like green tea.", "green")
        assert once == "I like <mask> tea."
        twice = self.click(state, once, "tea")
        assert twice == "I like <mask> <mask>."
        assert self.click(state, twice, "<mask>") == "I like green <mask>."

    def test_a_word_of_several_pieces_is_hidden_whole(self, state: dict[str, Any]) -> None:
        whole = "She drinks a cup of tea."
        for piece in ("drink", "s"):
            assert self.click(state, whole, piece) == "She <mask> a cup of tea."
            assert self.click(state, state["text"], "<mask>") == whole

    def test_a_mask_that_was_typed_becomes_the_best_guess(self, state: dict[str, Any]) -> None:
        text = "I like <mask> tea."
        best = attnviz.run(attnviz.load("masked", "cpu"), text).output
        assert self.click(state, text, "<mask>") == f"I like {best} tea."
