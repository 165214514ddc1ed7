"""The Compare page without a browser: what is drawn, its numbers, links, and what it refuses."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor

import attnviz
from attnviz import rule
from attnviz.app import cost, limit
from attnviz.app.laboratory import result
from attnviz.app.limit import slides
from attnviz.app.lineup import FEWEST, MOST, SETS
from attnviz.app.matrices import drawn as drawn_panel
from attnviz.app.session import Request
from attnviz.app.spec import Chosen, parse
from attnviz.app.text import LANGUAGES, text
from attnviz.app.vectors import Source
from attnviz.attention.parameter import Inputs
from attnviz.error import InputError
from attnviz.figures import equation
from attnviz.pretrained import Bundle, models

pytestmark = pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there")
EN = text("en")
SENTENCE = "I read two good books at home."
RANDOM = {"vectors": "random"}
TYPED = [[[1.0, -0.5], [0.2, 1.5], [0.9, 0.4]], [[0.3, 0.7], [-1.0, 0.1], [2.0, -2.0]]]
TYPED += [[[1.0, 0.0], [0.0, 1.0], [-1.0, 3.0]]]
ODD = [[[0.5, 1.0, -1.0], [2.0, 0.0, 0.3]]] * 3
GIVEN: dict[str, dict[str, str]] = {
    "random": RANDOM,
    "causal": {"vectors": "random", "causal": "1", "tokens": "9", "seed": "7"},
    "typed": {"vectors": "typed", "typed": json.dumps(TYPED)},
    "odd": {"vectors": "typed", "typed": json.dumps(ODD)},
    "encoder": {"block": "encoder.self", "layer": "1", "head": "3"},
    "decoder": {"block": "decoder.self", "layer": "2", "head": "0"},
    "cross": {"block": "decoder.cross", "layer": "0", "head": "5"},
}
"""Links to vectors of every kind."""
GARBAGE = [
    "{",
    "7",
    "[]",
    '[[["a"]]]',
    "[[[1, 2], [3]]]",
    "[[[1]], [[2]]]",
    "[[[NaN]], [[1]], [[1]]]",
]
GARBAGE += ["[[[1]], [[1]], [[1e999]]]", f"[[[1{'0' * 400}]], [[1]], [[1]]]", "[" * 5000]
GARBAGE += [json.dumps([[[0.5] * 9] * 9] * 3)]
BROKEN: dict[str, tuple[dict[str, str], tuple[str, Mapping[str, str]]]] = {
    "no such variant": ({"compare": "softmax;nonsense"}, ("variant", {"name": "nonsense"})),
    "out of range": (
        {"compare": "entmax(alpha=9);softmax"},
        ("range", {"variant": "entmax", "name": "alpha", "low": "1", "high": "2", "value": "9.0"}),
    ),
    "not a number": (
        {"compare": "entmax(alpha=many)"},
        ("range", {"variant": "entmax", "name": "alpha", "low": "1", "high": "2", "value": "many"}),
    ),
    "no such parameter": (
        {"compare": "entmax(beta=1)"},
        ("unknown", {"variant": "entmax", "name": "beta", "known": "alpha"}),
    ),
    "no such option": (
        {"compare": "rope(layout=round)"},
        (
            "option",
            {
                "variant": "rope",
                "name": "layout",
                "known": "half, interleaved",
                "value": "round",
            },
        ),
    ),
    "no variant at all": ({"compare": "soft max(;"}, ("spec", {"text": "soft max("})),
    "no such view": ({"laboratory": "hologram"}, ("address", {"names": "laboratory"})),
    "no such vectors": ({"vectors": "telepathy"}, ("address", {"names": "vectors"})),
    "no such numbers": (
        {"tokens": "many", "seed": "-1", "reference": "1.5", "causal": "yes"},
        ("address", {"names": "reference, causal, tokens, seed"}),
    ),
}
"""Links that cannot be used, and the sentence that says so."""


def script() -> None:
    """streamlit_app.py for this page alone: AppTest cannot go to a page of st.navigation."""
    import streamlit as st

    from attnviz.app import address, session
    from attnviz.app.pages import compare
    from attnviz.app.text import text

    ignored = address.restore("en")
    words = text(st.session_state["lang"])
    session.say_ignored(words, ignored)
    compare.page(words)
    address.publish()


def compare(**parameters: str) -> AppTest:
    """The page as opened by a link with these parameters."""
    page = AppTest.from_function(script, default_timeout=60)
    page.query_params.update({"lang": "en", "text": SENTENCE, **parameters})
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def sentence(language: str, code: str, facts: Mapping[str, str]) -> str:
    """What the page says of a mistake: what came with the link has no meaning in Markdown."""
    if code == "address":
        return text(language)("error-address", **facts)
    return text(language).mistake(InputError(code, "", **facts))


def test_markdown_in_a_link_stays_text() -> None:
    page = compare(**RANDOM, compare="![x](http://example.org/a.png);softmax;[a](http://b.c)")
    assert len(said(page)) == 2
    for one in said(page):
        assert "](" not in one.replace("\\]\\(", "")
    assert len(panels(page)) == FEWEST


def line_ups() -> list[list[str]]:
    """All variants, as many at a time as there is room for beside another one."""
    names = list(attnviz.variants())
    return [names[i : i + MOST - 1] for i in range(0, len(names), MOST - 1)]


def said(page: AppTest) -> list[str]:
    """What the page says in errors, warnings and notes."""
    parts = [*page.error, *page.warning, *page.info, *page.toast]
    return [str(part.value) for part in parts]


def panels(page: AppTest) -> list[dict[str, Any]]:
    """What the pictures were given: title, problem, and arrays by their names."""
    keys = ("comparison", "limit-matrices")
    found: Any = next(e for e in page.get("bidi_component") if e.key in keys)
    data = found.proto.bytes
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    arrays = [
        np.frombuffer(data, "<f4", int(np.prod(a["shape"])), start + a["offset"])
        for a in header["arrays"]
    ]
    size = len(header["rows"]), len(header["columns"])

    def value(given: Any) -> Any:
        if not isinstance(given, int):
            return given
        return (
            arrays[given].reshape(size)
            if arrays[given].size == size[0] * size[1]
            else arrays[given]
        )

    return [{name: value(given) for name, given in panel.items()} for panel in header["panels"]]


def table(page: AppTest) -> list[dict[str, Any]]:
    """The lines of the table of measures."""
    return page.dataframe[-1].value.to_dict("records")


def drawn(tokens: int = 12, seed: int = 0) -> list[Tensor]:
    """The random vectors of the page: q, k, v."""
    make = torch.Generator().manual_seed(seed)
    shape = (1, 4, tokens, 16)
    return [torch.randn(shape, dtype=torch.float64, generator=make) for _ in "qkv"]


def given(en_zh: Bundle, name: str) -> tuple[list[Tensor], Tensor | None, int]:
    """q, k and v that the link GIVEN[name] asks for, their mask, and the head."""
    link = GIVEN[name]
    if name in ("random", "causal"):
        made, head = drawn(int(link.get("tokens", 12)), int(link.get("seed", 0))), 0
    elif "typed" in link:
        made, head = list(torch.tensor(json.loads(link["typed"]), dtype=torch.float64)), 0
        made = [x[None, None] for x in made]
    else:
        trace = attnviz.run(en_zh, SENTENCE)
        stack, kind = link["block"].split(".")
        at = f"{stack}.{link['layer']}.{kind}"
        made, head = [trace[f"{at}.{x}"].value[None] for x in "qkv"], int(link["head"])
    t, s = made[0].shape[2], made[1].shape[2]
    masked = name in ("causal", "decoder")
    return made, torch.ones(t, s, dtype=torch.bool).tril() if masked else None, head


def attended(en_zh: Bundle, name: str, chosen: Chosen) -> tuple[np.ndarray, np.ndarray]:
    """Weights TS and output TE of a variant on those vectors."""
    (q, k, v), mask, head = given(en_zh, name)
    trace = attnviz.attend(chosen.name, q, k, v, mask, **dict(chosen.values))
    pattern, z = trace["pattern"].value[head], trace["z"].value[head]
    return pattern.double().numpy(), z.double().numpy()


def shares(weights: np.ndarray) -> np.ndarray:
    size = np.abs(weights)
    with np.errstate(invalid="ignore"):
        return size / size.sum(-1, keepdims=True)


def nats(p: np.ndarray) -> np.ndarray:
    """Entropy of each row."""
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0 * p).sum(-1)


def by_hand(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> dict[str, Any]:
    """The measures of a variant and how far it is from the reference, each (weights, output)."""
    (weights, z), (reference, z_reference) = ours, theirs
    t, s = weights.shape
    p, q = shares(weights), shares(reference)
    apart = np.abs(np.arange(t)[:, None] + s - t - np.arange(s))
    jensen_shannon = (nats((p + q) / 2) - (nats(p) + nats(q)) / 2) / np.log(2)
    lengths = np.linalg.norm(z), np.linalg.norm(z_reference)
    return {
        "sums": weights.sum(-1).mean(),
        "entropy": np.nanmean(nats(p)),
        "distance": np.nanmean((p * apart).sum(-1)),
        "density": np.mean(np.abs(weights) > 1e-12),
        "least": weights.min(),
        "most": weights.max(),
        "divergence": np.nanmean(np.sqrt(jensen_shannon.clip(0))),
        "largest": np.abs(weights - reference).max(),
        "cosine": np.sum(z * z_reference) / (lengths[0] * lengths[1]),
        "norm": lengths[0] / lengths[1],
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("vectors", ["sentence", "random", "typed"])
def test_the_page_opens_on_its_usual_line_up(language: str, vectors: str) -> None:
    page = compare(lang=language, vectors=vectors)
    assert said(page) == []
    names = ("softmax", "entmax", "sliding_window", "linear")
    titles = [attnviz.variants()[name].title[language] for name in names]
    for found, line, title in zip(panels(page), table(page), titles, strict=True):
        assert title in found["title"]
        assert title in line["name"]
        assert not found["problem"]


def test_a_link_is_obeyed_and_comes_back_as_it_was() -> None:
    line = "softmax;entmax(alpha=1.25);rope+sliding_window(window=3);topk(kept=2)"
    link = {"compare": line, "reference": "2", "causal": "1", "tokens": "9", "seed": "7"}
    page = compare(**RANDOM, **link)
    assert said(page) == []
    assert {name: page.query_params[name] for name in link} == link
    assert page.select_slider(key="knob-0-1-entmax-alpha").value == 1.25
    (q, k, v), mask = drawn(9, 7), torch.ones(9, 9, dtype=torch.bool).tril()
    reference = attnviz.attend("rope+sliding_window", q, k, v, mask, window=3)["pattern"].value[0]
    for i, (found, one) in enumerate(zip(panels(page), parse(line), strict=True)):
        trace = attnviz.attend(one.name, q, k, v, mask, **dict(one.values))
        weights = trace["pattern"].value[0]
        assert np.array_equal(found["weights"], weights.float().numpy()), one
        if i == 2:
            assert found["difference"] is None
        else:
            assert np.allclose(found["difference"], (weights - reference).numpy(), atol=1e-7)


@pytest.mark.parametrize("name", GIVEN)
def test_the_table_has_a_line_for_each_variant_with_its_numbers(name: str, en_zh: Bundle) -> None:
    line = "linear;softmax;entmax(alpha=1.25);sliding_window(window=2);cog;relu"
    page = compare(**GIVEN[name], compare=line, reference="1")
    many = parse(line)
    reference = attended(en_zh, name, many[1])
    digits = 1e-9 if "vectors" in GIVEN[name] else 1e-3
    for i, (found, one) in enumerate(zip(table(page), many, strict=True)):
        ours = attended(en_zh, name, one)
        assert found["name"].startswith(f"{i + 1} · {one.variant.title['en']}")
        for measure, value in by_hand(ours, reference).items():
            near = pytest.approx(value, rel=digits, abs=digits / 10)
            assert found[measure] == near, (one, measure)
        if digits == 1e-9:
            assert found["rank"] == np.linalg.matrix_rank(ours[0]), one
        assert np.allclose(panels(page)[i]["weights"], ours[0], atol=1e-6)


def test_every_variant_is_drawn_with_its_defaults_or_says_in_its_panel_why_not() -> None:
    for names in line_ups():
        line = ";".join(["softmax", *names])
        page = compare(**GIVEN["causal"], compare=line)
        assert said(page) == []
        assert page.query_params["compare"] == line, "every parameter is at its default"
        found = panels(page)
        assert len(found) == len(names) + 1
        for panel in found:
            assert (panel["weights"] is None) == bool(panel["problem"]), panel["title"]
            assert not any(letter in panel["problem"] for letter in "{}<>"), panel["problem"]
        titles = [panel["title"] for panel in found if not panel["problem"]]
        assert [line["name"] for line in table(page)] == titles


@pytest.mark.parametrize("block", ["decoder.cross", "decoder.self"])
def test_every_variant_on_the_model_has_numbers_or_a_sentence(block: str) -> None:
    """As a panel gets them, without a page: there are many."""
    asked = Request("en-zh", SENTENCE, "", None)
    source = Source(request=asked, block=block, layer=1, causal=block == "decoder.self")
    for name, variant in attnviz.variants().items():
        for head in (0, 7):
            found = drawn_panel(text("zh"), name, result(source, Chosen(name), head), None)
            assert (found.weights is None) == bool(found.problem), name
            if found.problem:
                promised = variant.properties
                assert not promised.maskable or promised.square, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("link", "variant", "code"),
    [
        ("cross", "reformer", "square"),
        ("cross", "selective", "square"),
        ("causal", "nystrom", "maskable"),
        ("decoder", "linformer", "maskable"),
        ("odd", "rope", "even"),
    ],
)
def test_what_cannot_take_the_input_says_so_and_the_others_stay(
    language: str, link: str, variant: str, code: str, en_zh: Bundle
) -> None:
    page = compare(**GIVEN[link], lang=language, compare=f"softmax;{variant};entmax")
    assert said(page) == []
    first, middle, last = panels(page)
    with pytest.raises(InputError) as refused:
        attended(en_zh, link, Chosen(variant))
    assert refused.value.code == code
    assert middle["problem"] == text(language)(f"error-{code}", **refused.value.facts)
    assert middle["weights"] is None
    assert first["weights"] is not None
    assert last["difference"] is not None
    assert len(table(page)) == 2


def test_where_the_reference_cannot_be_computed_nothing_is_compared_with_it() -> None:
    page = compare(**GIVEN["causal"], compare="nystrom;softmax;entmax")
    first, *others = panels(page)
    assert first["problem"]
    assert [one["difference"] for one in others] == [None, None]
    assert [line["largest"] for line in table(page)] == [None, None]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_link_gets_one_sentence_and_the_page_is_there(name: str) -> None:
    link, (code, facts) = BROKEN[name]
    language = "zh" if len(link) == 1 and "compare" in link else "en"
    page = compare(**{**RANDOM, "lang": language, **link})
    assert said(page) == [sentence(language, code, facts)]
    assert len(panels(page)) >= FEWEST
    assert len(table(page)) == len(panels(page))
    page.run()
    assert not page.exception
    assert not page.error


@pytest.mark.parametrize("numbers", GARBAGE, ids=lambda x: x[:12])
def test_typed_numbers_that_are_none_get_one_sentence_and_the_usual_ones(numbers: str) -> None:
    page = compare(vectors="typed", typed=numbers)
    code, facts = (
        ("finite", {"name": "q, k, v"}) if "NaN" in numbers or "1e999" in numbers else ("typed", {})
    )
    assert said(page) == [EN(f"error-{code}", **facts)]
    assert panels(page)[0]["weights"].shape == (4, 4)
    page.run()
    assert said(page) == []
    assert panels(page)[0]["weights"].shape == (4, 4)


def test_numbers_beyond_their_range_are_brought_into_it() -> None:
    page = compare(**RANDOM, tokens="9000", reference="99", compare="softmax;padding(length=9000)")
    assert panels(page)[0]["weights"].shape == (64, 64)
    assert (page.session_state["tokens"], page.session_state["reference"]) == (64, 1)
    assert panels(page)[1]["difference"] is None
    assert page.session_state["compare"] == "softmax;padding"


def test_a_layer_and_a_head_that_do_not_exist_are_brought_to_ones_that_do() -> None:
    page = compare(block="decoder.cross", layer="99", head="99")
    state = page.session_state
    assert (state["block"], state["layer"], state["head"]) == ("decoder.cross", 2, 7)


def test_an_attention_in_the_link_is_obeyed_without_a_layer_and_a_head() -> None:
    page = compare(block="decoder.self")
    assert page.selectbox(key="block").value == "decoder.self"


@pytest.mark.parametrize("line", ["", ";;", "entmax", ";".join(["softmax"] * 9)])
def test_a_line_up_of_too_few_or_too_many_is_filled_or_cut(line: str) -> None:
    page = compare(**RANDOM, compare=line)
    assert said(page) == []
    assert len(panels(page)) == min(MOST, max(FEWEST, len(parse(line))))


def add(page: AppTest) -> Any:
    return next(button for button in page.button if button.label == EN("add"))


def remove(page: AppTest, i: int) -> None:
    [button for button in page.button if button.label == EN("remove")][i].click()
    page.run()


@pytest.mark.parametrize("name", SETS)
def test_a_comparison_to_begin_with_is_put(name: str) -> None:
    page = compare(**RANDOM, reference="3")
    page.pills(key="set").set_value(name).run()
    assert not page.exception
    assert page.query_params["compare"] == SETS[name]
    assert page.session_state["reference"] == 0
    expected = [one.variant.title["en"] for one in parse(SETS[name])]
    assert [panel["title"].split(" · ")[1] for panel in panels(page)] == expected
    assert not any(panel["problem"] for panel in panels(page))


def test_adding_and_removing_keeps_the_parameters_of_the_others() -> None:
    page = compare(**RANDOM, compare="softmax;entmax(alpha=1.25);topk(kept=2)", reference="2")
    page.select_slider(key="knob-0-1-entmax-alpha").set_value(1.75).run()
    add(page).click().run()
    assert page.query_params["compare"] == "softmax;entmax(alpha=1.75);topk(kept=2);softmax"
    remove(page, 0)
    assert page.query_params["compare"] == "entmax(alpha=1.75);topk(kept=2);softmax"
    assert page.session_state["reference"] == 1, "still top-k"
    remove(page, 1)
    assert page.query_params["compare"] == "entmax(alpha=1.75);softmax"
    assert page.session_state["reference"] == 0
    assert [button.label for button in page.button].count(EN("remove")) == 0
    weights = attnviz.attend("entmax", *drawn(), alpha=1.75)["pattern"].value[0]
    assert np.array_equal(panels(page)[0]["weights"], weights.float().numpy())
    while not add(page).disabled:
        add(page).click().run()
    assert len(panels(page)) == len(table(page)) == MOST


def test_another_variant_and_another_reference_are_taken_over() -> None:
    page = compare(**RANDOM, compare="softmax;entmax(alpha=1.25)")
    page.selectbox(key="variant-0-1").set_value("sparsemax").run()
    page.selectbox(key="reference-2-0").set_value(1).run()
    assert page.query_params["compare"] == "softmax;sparsemax"
    assert page.query_params["reference"] == "1"
    ours, theirs = (
        attnviz.attend(n, *drawn())["pattern"].value[0] for n in ("softmax", "sparsemax")
    )
    assert np.allclose(panels(page)[0]["difference"], (ours - theirs).numpy(), atol=1e-7)
    assert panels(page)[1]["difference"] is None


def test_variants_that_fill_different_parts_are_combined_and_keep_their_parameters() -> None:
    page = compare(**RANDOM, compare="softmax;entmax(alpha=1.25)")
    box = page.multiselect(key="more-0-1-entmax")
    titles = {name: attnviz.variants()[name].title["en"] for name in attnviz.variants()}
    assert {titles["rope"], titles["causal"]} <= {*box.options}
    assert {titles["sparsemax"], titles["entmax"], titles["linear"]}.isdisjoint(box.options)
    box.set_value(["rope", "causal"]).run()
    assert not page.exception
    assert page.query_params["compare"] == "softmax;entmax+rope+causal(alpha=1.25)"
    weights = attnviz.attend("entmax+rope+causal", *drawn(), alpha=1.25)["pattern"].value[0]
    assert np.array_equal(panels(page)[1]["weights"], weights.float().numpy())


def test_two_that_fill_the_same_part_are_not_combined_and_the_page_says_so() -> None:
    page = compare(**RANDOM)
    page.multiselect(key="more-0-1-entmax").set_value(["causal", "sliding_window"]).run()
    assert not page.exception
    clash = EN("combine-clash", name=attnviz.variants()["sliding_window"].title["en"])
    assert clash in [caption.value for caption in page.caption]
    assert page.session_state["compare"].split(";")[1] == "entmax+causal"


def test_an_empty_sentence_gets_one_sentence_and_the_last_picture_stays() -> None:
    page = compare()
    before = panels(page)
    page.text_input(key="text").set_value("  ").run()
    assert not page.exception
    assert said(page) == [EN("error-empty")]
    assert all(
        np.array_equal(a["weights"], b["weights"])
        for a, b in zip(before, panels(page), strict=True)
    )
    fresh = compare(text=" ")
    assert said(fresh) == [EN("error-empty")]
    fresh.text_input(key="text").set_value(SENTENCE).run()
    assert said(fresh) == []
    assert len(panels(fresh)) == 4


@pytest.mark.parametrize(
    "sentence", ["😀👩‍👩‍👧 🏳️‍🌈", "$x$ <b>*y*</b> `z` |", "\x00\x07", "word " * 400, "。"]
)
def test_no_sentence_brings_the_page_down(sentence: str) -> None:
    page = compare()
    page.text_input(key="text").set_value(sentence).run()
    assert not page.exception


def test_numbers_that_overflow_are_shown_as_none() -> None:
    """Without the maximum, exp of a large score is infinite."""
    numbers = json.dumps(
        [[[900.0, 900.0], [1.0, 2.0]], [[900.0, 900.0], [0.0, 1.0]], [[1.0, 2.0]] * 2]
    )
    page = compare(vectors="typed", typed=numbers, compare="softmax;naive_softmax")
    assert said(page) == []
    assert np.isnan(panels(page)[1]["weights"]).any()
    assert len(table(page)) == 2


def charts(page: AppTest) -> list[dict[str, Any]]:
    """Every chart's lines, name to (x, y)."""
    found: Any = page.get("plotly_chart")
    specs = [json.loads(chart.proto.spec) for chart in found]
    return [{line["name"]: (line["x"], line["y"]) for line in spec["data"]} for spec in specs]


def test_the_cost_of_every_variant_has_its_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "LENGTHS", (16, 4096))
    for names in line_ups():
        page = compare(**RANDOM, laboratory="cost", compare=";".join(["softmax", *names]))
        lines = next(m.value for m in page.markdown if m.value.startswith("|")).splitlines()[3:]
        for line, name in zip(lines, names, strict=True):
            rules = attnviz.variants()[name].cost
            for written in (rules.flops, rules.memory, rules.cache):
                formula = equation.in_symbols(rule.parse(written), EN("otherwise"))
                assert f"${formula.replace('|', chr(92) + 'vert ')}$" in line, name
        assert [len(chart) for chart in charts(page)] == [len(names) + 1] * 3


def numbers(values: Any) -> np.ndarray:
    """A line's values as they were sent: a list, or base64 of a type."""
    if isinstance(values, list):
        return np.array(values, dtype=float)
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).astype(float)


@pytest.mark.parametrize("number", ["float32", "float16", "int8"])
def test_the_curves_are_the_formulas_with_numbers_put_in(number: str) -> None:
    page = compare(**RANDOM, laboratory="cost", compare="softmax;linear;sliding_window(window=4)")
    page.button_group(key="bytes").set_value(number).run()
    operations, memory, cache = charts(page)
    size = {"float32": 4, "float16": 2, "int8": 1}[number]
    softmax, windowed = "1 · Softmax", "3 · Sliding window"
    n = numbers(operations[softmax][0])
    heads, width = 4, 16
    assert np.allclose(numbers(operations[softmax][1]), heads * n * n * (4 * width + 5))
    assert np.allclose(numbers(memory[softmax][1]), heads * n * n * size)
    assert np.allclose(numbers(cache[softmax][1]), heads * n * 2 * width * size)
    assert (numbers(cache[windowed][1]) == 4 * heads * 2 * width * size).all()
    linear = numbers(cache["2 · Linear attention (elu + 1)"][1])
    assert (linear == linear[0]).all(), "a linear attention keeps as much, however long the text is"


@pytest.mark.parametrize(
    "one", ["linformer(rank=40)", "padding(length=40)", "nystrom(landmarks=40)"]
)
def test_the_cost_of_what_does_not_fit_a_short_text_is_a_gap(one: str) -> None:
    page = compare(**RANDOM, tokens="64", laboratory="cost", compare=f"softmax;{one}")
    assert said(page) == []
    assert len(charts(page)) == 3


def test_the_time_is_measured_when_it_is_asked_for() -> None:
    page = compare(**RANDOM, laboratory="cost", compare="softmax;linear")
    next(button for button in page.button if button.label == EN("cost-measure")).click().run()
    assert not page.exception
    *_, times = charts(page)
    assert all((numbers(milliseconds) > 0).all() for _, milliseconds in times.values())
    assert [len(numbers(n)) for n, _ in times.values()] == [5, 5]


def test_every_slider_can_be_drawn_and_gives_the_other_variant_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limit, "CURVE", 4)
    page = compare(**RANDOM, laboratory="limits")
    sizes, reached = Inputs.of(*drawn()), 0
    for name, slide in slides().items():
        page.session_state["limit"] = name
        page.run()
        assert not page.exception, name
        assert said(page) == [], name
        assert not any(panel["problem"] for panel in panels(page)), name
        assert len(panels(page)) == 3
        assert len(charts(page)) == 1
        key = f"slide-{name}"
        stops = {float(x) for s in page.select_slider if s.key == key for x in s.options}
        ends = {sizes.number(case.given[slide.parameter]): case for case in slide.limits}
        for value in {min(ends), max(ends)} & stops if ends else ():
            page.session_state[key] = value
            page.run()
            assert not page.exception, name
            left, _, right = (panel["difference"] for panel in panels(page))
            nearest = min(np.abs(left).max(), np.abs(right).max())
            assert nearest <= max(ends[value].error, 1e-6), (name, value)
            reached += 1
    assert reached > 20


@pytest.mark.parametrize("link", ["causal", "typed", "cross"])
def test_a_slider_is_drawn_on_vectors_of_every_kind(link: str) -> None:
    page = compare(**GIVEN[link], laboratory="limits")
    for name in ("entmax.alpha", "nystrom.landmarks", "rope.base", "padding.length"):
        if name not in slides():
            continue
        page.session_state["limit"] = name
        page.run()
        assert not page.exception, name


def test_a_slider_that_does_not_exist_is_brought_to_one_that_does() -> None:
    page = compare(**RANDOM, laboratory="limits", limit="nonsense.alpha")
    assert page.selectbox(key="limit").value == "entmax.alpha"
    assert len(panels(page)) == 3


def test_each_view_and_the_line_up_outlive_the_others() -> None:
    page = compare(**RANDOM, compare="softmax;entmax(alpha=1.25)")
    before = panels(page)
    for view in ("cost", "limits", "matrices"):
        page.button_group(key="laboratory").set_value(view).run()
        assert not page.exception, view
        assert page.session_state["compare"] == "softmax;entmax(alpha=1.25)"
    assert np.array_equal(panels(page)[1]["weights"], before[1]["weights"])
