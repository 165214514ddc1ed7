"""The command line says what the public names say, and takes a mistake with one sentence."""

import re
import sys

import pytest
import torch

import attnviz
from attnviz import __main__ as command
from attnviz.attention import catalogue


def call(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    """Exit status, output and errors of `python -m attnviz` with `words`."""
    monkeypatch.setattr(sys, "argv", ["attnviz", *map(str, words)])
    status = command.main()
    said = capsys.readouterr()
    return status, said.out, said.err


def test_run_prints_the_translation_and_every_step_and_saves_them_bit_for_bit(
    monkeypatch, capsys, tmp_path, en_zh
):
    file = tmp_path / "t.npz"
    words = ("run", "--model", "en-zh", "I would like a cup of tea.", "--save", str(file))
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 0
    trace = attnviz.Trace.load(file)
    lines = out.splitlines()
    assert lines[0] == trace.output
    assert [line.split()[0] for line in lines[1:-1]] == list(trace)
    again = attnviz.run(attnviz.load("en-zh", trace.facts["device"]), "I would like a cup of tea.")
    assert all(torch.equal(trace[path].value, again[path].value) for path in again)


def test_models_lists_the_built_in_ones(monkeypatch, capsys, en_zh):
    _, out, _ = call(monkeypatch, capsys, "models")
    assert "en-zh" in out
    assert "Transformer, encoder and decoder; translates" in out


def test_variants_lists_each_with_its_parameters_its_paper_and_who_says_that_it_is_right(
    monkeypatch, capsys
):
    _, out, _ = call(monkeypatch, capsys, "variants")
    lines = out.splitlines()
    firsts = {line.split()[0]: i for i, line in enumerate(lines) if re.match(r"  \w", line)}
    assert list(firsts) == list(attnviz.variants())
    assert len(firsts) >= 80
    assert lines[-1] == f"{len(firsts)} variants"
    for name, variant in attnviz.variants().items():
        first, second = lines[firsts[name] : firsts[name] + 2]
        assert variant.title["en"] in first
        assert first.rstrip().endswith(", ".join(variant.knobs))
        assert variant.oracle is not None
        oracle = f"{variant.oracle.title} to {variant.oracle.error:.0e}"
        assert second.strip() == f"{variant.paper}; matches {oracle}"


def test_variants_stand_under_the_name_of_their_group(monkeypatch, capsys):
    _, out, _ = call(monkeypatch, capsys, "variants")
    group, found = "", {}
    for line in out.splitlines():
        if re.fullmatch(r"\w+", line):
            group = line
        elif re.match(r"  \w", line):
            found[line.split()[0]] = group
    assert found == {name: catalogue.group(name) for name in attnviz.variants()}


@pytest.mark.parametrize(
    ("more", "given"),
    [
        (("--variant", "average"), {"variant": "average"}),
        (
            ("--variant", "sliding_window", "--where", "encoder.*.self"),
            {"variant": "sliding_window", "where": "encoder.*.self"},
        ),
        (
            ("--variant", "cosine+entmax", "--where", "decoder.0.cross.3", "--target", "我喝茶"),
            {"variant": "cosine+entmax", "where": "decoder.0.cross.3", "target": "我喝茶"},
        ),
    ],
)
def test_run_puts_a_variant_where_it_is_told_to(monkeypatch, capsys, tmp_path, en_zh, more, given):
    file, text = tmp_path / "t.npz", "I would like a cup of tea."
    words = ("run", text, "--device", "cpu", "--save", str(file), *more)
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 0
    expected = attnviz.run(en_zh, text, **given)
    lines = out.splitlines()
    assert lines[0] == expected.output
    assert [line.split()[0] for line in lines[1:-1]] == list(expected)
    saved = attnviz.Trace.load(file)
    assert saved.facts["changed"] == expected.facts["changed"]
    assert torch.equal(saved["logits"].value, expected["logits"].value)


def test_without_a_variant_the_place_means_nothing(monkeypatch, capsys, en_zh):
    words = ("run", "Hi.", "--device", "cpu")
    plain = call(monkeypatch, capsys, *words)
    assert call(monkeypatch, capsys, *words, "--where", "nowhere") == plain


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "   "), "The text is empty"),
        (("run", "--model", "no-such-model", "Hi."), "no-such-model"),
        (("run", "--to", "fr", "Hi."), "fr"),
        (("run", "--device", "abacus", "Hi."), "abacus"),
        (("run", "--variant", "sofmax", "Hi."), "there is no variant 'sofmax'; known are"),
        (("run", "--variant", "entmax+softmax", "Hi."), "both variants fill the part 'normalize'"),
        (("run", "--variant", "entmax", "--where", "decoder.9", "Hi."), "no attention 'decoder.9'"),
        (
            ("run", "--variant", "sinkhorn", "--where", "decoder", "Hi."),
            "sinkhorn cannot take the place of decoder: it works on all tokens at once, or",
        ),
        (("evaluate", "en-zh", "--data", "no-such-folder"), "dev.tsv"),
        (("train", "no-such-model", "--data", "x"), "no recipe"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_status_two(monkeypatch, capsys, en_zh, words, said):
    status, _, err = call(monkeypatch, capsys, *words)
    assert status == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_importing_the_package_loads_neither_the_app_nor_the_trainer():
    import subprocess

    code = (
        "import sys, attnviz; "
        "print([m for m in ('streamlit', 'plotly', 'attnviz.training') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
