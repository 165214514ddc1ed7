"""The Steps page without a browser: switches, checks, tables, the lesson, and what it refuses."""

import json
import re
from typing import Any, get_args

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.analysis.way import places
from attnviz.app.text import LANGUAGES, Text
from attnviz.pretrained import Bundle, models
from attnviz.textbook import Lesson, Scoring
from attnviz.trace import Trace

pytestmark = pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there")
SENTENCE = "I read two good books at home."
SWITCHED = "decoder.0.self"
CHANGES: dict[str, tuple[dict[str, str], set[str]]] = {
    "no scaling": ({"scaling": "0"}, {"kernel"}),
    "mask last": ({"mask": "after"}, {"rows", "leak", "kernel"}),
    "no mask": ({"mask": "none"}, {"masked", "leak", "kernel"}),
    "naive softmax": ({"softmax": "naive"}, set()),
    "temperature": ({"tau": "0.5"}, {"kernel"}),
    "overflow": ({"softmax": "naive", "tau": "0.02"}, {"rows", "masked", "leak", "kernel"}),
}
"""Values in the link, and the checks that fail then."""
WRONG = (
    {"mask": "never", "tau": "-1", "temperature": "abc", "top_k": "-1", "top_p": "0"},
    {"scaling": "maybe", "tau": "nan", "temperature": "0", "top_k": "1.5", "top_p": "2"},
    {"softmax": "hard", "tau": "inf", "temperature": "nan", "top_p": "nan"},
)
STRANGE = {"Arabic": "مرحبا بالعالم", "emoji": "😀👩‍👩‍👧 🏳️‍🌈", "markup": "$x$ <b>*y*</b> `z` |"}
STRANGE |= {"control": "\x00\x07", "long": "long " * 2000, "Chinese": "长" * 10_000}
CHECKS = ("rows", "masked", "leak", "kernel")


def script() -> None:
    """streamlit_app.py for this page alone: AppTest cannot go to a page of st.navigation."""
    import streamlit as st

    from attnviz.app import address, session
    from attnviz.app.pages import steps
    from attnviz.app.text import text

    ignored = address.restore("en")
    words = text(st.session_state["lang"])
    session.say_ignored(words, ignored)
    steps.page(words)
    address.publish()


def steps(**parameters: str) -> AppTest:
    """The page as opened by a link with these parameters."""
    page = AppTest.from_function(script, default_timeout=60)
    page.query_params.update({"lang": "en", "text": SENTENCE, **parameters})
    return page.run()


def go(page: AppTest, path: str) -> None:
    page.session_state["step"] = path
    page.run()
    assert not page.exception, path


def said(elements: Any) -> str:
    return "\n".join(str(element.value) for element in elements)


def strip(page: AppTest) -> dict[str, Any]:
    """What the strip of all steps was given: `current`, `total`, `groups`."""
    known = {element.key: element for element in page.get("bidi_component")}
    walk: Any = known["walk"]
    return json.loads(walk.proto.json)


def shown(page: AppTest, index: int) -> str:
    """The markdown, the captions and the sums of the slot that holds step `index`."""
    slot = [b for b in blocks(page.main) if f"'at-{index}'" in said(b.get("html"))][-1]
    return "\n".join(said(slot.get(kind)) for kind in ("markdown", "caption", "html"))


def blocks(block: Any) -> list[Any]:
    inner = [child for child in block.children.values() if hasattr(child, "children")]
    return [block, *(found for child in inner for found in blocks(child))]


@pytest.fixture(scope="module")
def trace(en_zh: Bundle) -> Trace:
    return attnviz.run(en_zh, SENTENCE)


@pytest.mark.parametrize("step", ["nonsense", "decoder.9.self.q", "decoder.0.self.nonsense"])
def test_a_step_that_does_not_exist_is_brought_to_one_that_exists(step: str, trace: Trace) -> None:
    page = steps(step=step, row="999", col="999", head="99", dim="999", token="9999")
    assert not page.exception
    found = page.session_state["step"]
    assert found in trace.steps
    assert page.query_params["step"] == found
    assert f"at-{strip(page)['current']}'" in said(page.get("html"))


def test_a_step_that_a_switch_takes_away_gives_way_to_the_next_one() -> None:
    page = steps(step=f"{SWITCHED}.scaled")
    page.toggle(key="scaling").set_value(False).run()
    assert not page.exception
    assert page.session_state["step"] == f"{SWITCHED}.scores"
    assert page.query_params["switched"] == SWITCHED


@pytest.mark.parametrize("values", WRONG)
def test_wrong_switches_in_the_link_are_named_and_ignored(values: dict[str, str]) -> None:
    normal = steps(step=f"{SWITCHED}.pattern").session_state
    page = steps(step=f"{SWITCHED}.pattern", switched=SWITCHED, **values)
    assert not page.exception
    assert said(page.toast) == Text("en")("error-address", names=", ".join(values))
    assert all(page.session_state[name] == normal[name] for name in values)


@pytest.mark.parametrize("tau", ["0.01", "0.015", "1.03", "5", "50"])
def test_every_temperature_is_either_ignored_by_name_or_can_be_shown(tau: str) -> None:
    page = steps(step=f"{SWITCHED}.pattern", switched=SWITCHED, tau=tau)
    assert not page.exception
    ignored = said(page.toast) == Text("en")("error-address", names="tau")
    assert (page.slider(key="tau").value == float(tau)) != ignored


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHANGES)
def test_every_switch_says_what_it_changes_and_fails_the_checks_it_must(name, language):
    values, failing = CHANGES[name]
    text = Text(language)
    page = steps(lang=language, step=f"{SWITCHED}.pattern", switched=SWITCHED, **values)
    words = said(page.markdown)
    for switch in ("scaling", "mask", "softmax", "tau"):
        message = text(f"{switch}-changed", value=values.get(switch, "after"))
        assert (message in words) == (switch in values)
    lines = [line for line in words.splitlines() if "✓" in line or "✗" in line]
    for check, line in zip(CHECKS, lines, strict=True):
        assert text(f"check-{check}", value="…", limit="…").split("…")[0] in line
        assert line.startswith(":red[**✗**]" if check in failing else ":green[**✓**]"), line


def test_an_overflow_is_named_and_no_step_falls_over_it(trace: Trace) -> None:
    values, _ = CHANGES["overflow"]
    page = steps(step=f"{SWITCHED}.pattern", switched=SWITCHED, row="0", **values)
    assert "nan" in said(page.warning)
    own = [path for path in trace if path.startswith(SWITCHED) and not path.endswith(".max")]
    for path in [*own, "logits", "probs", "rank", "chosen"]:
        go(page, path)
        if path.endswith(("pattern", ".z", "logits", "probs")):
            assert "nan" in shown(page, strip(page)["current"]), path


def test_what_a_switch_changes_is_told_of_the_row_that_is_open(trace: Trace) -> None:
    tokens = places(trace, f"{SWITCHED}.pattern")["t"]
    for row, link in ((1, {}), (3, {"row": "3"}), (len(tokens) - 1, {"row": "99"})):
        page = steps(step=f"{SWITCHED}.pattern", switched=SWITCHED, tau="0.5", **link)
        assert f"_{{0,{row},1}}" in shown(page, strip(page)["current"])
        assert Text("en")("effect-row", token=tokens[row], head=0) in said(page.markdown)


def test_switches_stay_on_while_the_reader_walks_on_and_go_back_together(trace: Trace) -> None:
    page = steps(step=f"{SWITCHED}.pattern", switched=SWITCHED, mask="none")
    for path in ("decoder.0.cross.pattern", "decoder.1.self.pattern", "logits"):
        go(page, path)
        assert strip(page)["total"] == len(trace) - 1
        assert page.info[0].value.startswith("Switches are on in Decoder, Layer 0, Self-attention")
    go(page, f"{SWITCHED}.pattern")
    assert (page.query_params["switched"], page.query_params["mask"]) == (SWITCHED, "none")
    go(page, "probs")
    page.button[0].click().run()
    assert not page.info
    assert strip(page)["total"] == len(trace)
    assert {"switched", "mask"}.isdisjoint(page.query_params)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_that_is_given_from_outside_says_so(language: str, trace: Trace) -> None:
    said_so = Text(language)("opened-given")
    page = steps(lang=language, step="decoder.embed.ids")
    index = list(trace).index("decoder.embed.ids")
    assert [said_so in shown(page, index + i) for i in (-1, 0, 1)] == [False, True, False]


def test_every_step_has_a_chinese_title_and_a_table_of_its_numbers(trace: Trace) -> None:
    page = steps(lang="zh", show="table", head="3", row="2", col="4")
    best = trace["logits"].value[2].topk(24).indices.numpy()
    paths = list(trace)
    assert strip(page)["total"] == len(paths)
    for i in range(1, len(paths), 3):
        if "coder.1" in paths[i] or "coder.2" in paths[i]:  # as the first layer
            continue
        go(page, paths[i])
        near = sorted(range(i - 1, min(i + 2, len(paths))), key=lambda j: j % 3)  # by their slots
        for j, frame in zip(near, page.dataframe, strict=True):
            assert re.search(r"#### .*[一-鿿]", shown(page, j)), paths[j]
            value = trace[paths[j]].value.numpy()
            value = value[3] if value.ndim == 3 else value.reshape(len(value), -1)
            value = value[:, best] if trace[paths[j]].axes.endswith("V") else value
            assert np.array_equal(frame.value.to_numpy(), value), paths[j]


@pytest.mark.parametrize("numbers", ["{", "7", '{"x":[[1,2]]}', '{"q":["a",1]}', '{"q":[1e999,1]}'])
def test_bad_numbers_of_a_lesson_get_one_sentence_and_the_default_lesson(numbers: str) -> None:
    page = steps(lesson="textbook", numbers=numbers, step="attend.pattern")
    assert not page.exception
    assert page.error[0].value.startswith(Text("en")("error-lesson", reason="")[:-2])
    expected = Lesson().run()["attend.pattern"].value.flatten().tolist()
    assert f"{expected[1]:.4g}" in shown(page, strip(page)["current"])


@pytest.mark.parametrize("scoring", get_args(Scoring))
@pytest.mark.parametrize("show", ["picture", "table"])
def test_no_step_of_a_lesson_falls_over_any_scoring(scoring: Scoring, show: str) -> None:
    page = steps(lesson="textbook", numbers=json.dumps({"scoring": scoring}), show=show, code="1")
    for path in list(Lesson(scoring=scoring).run())[1::3]:  # with the one before and the one after
        go(page, path)


def test_an_empty_sentence_gets_one_sentence_and_the_last_walk_stays() -> None:
    page = steps(step="decoder.0.self.raw")
    before = strip(page)
    show = shown(page, before["current"])
    page.text_input(key="text").set_value("   ").run()
    assert said(page.error) == Text("en")("error-empty")
    assert strip(page) == before
    assert shown(page, before["current"]) == show


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_no_sentence_brings_a_step_down(text: str) -> None:
    page = steps(lang="zh")
    page.text_input(key="text").set_value(text).run()
    for path in ("encoder.embed.ids", "decoder.1.self.pattern", "probs", "chosen"):
        go(page, path)


def test_going_on_computes_nothing_anew(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    page = steps()
    ran: list[str] = []
    monkeypatch.setattr(attnviz, "run", lambda bundle, text, *_, **__: ran.append(text) or trace)
    for path in list(trace)[1:20]:
        go(page, path)
    assert ran == []
    page.text_input(key="text").set_value("Nobody has typed this yet.").run()
    assert ran == ["Nobody has typed this yet."]
