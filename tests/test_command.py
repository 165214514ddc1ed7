"""The command line says what the public names say, and takes a mistake with one sentence."""

import sys

import pytest
import torch

import attnviz
from attnviz import __main__ as command


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
    assert "encoder-decoder" in out


def test_variants_lists_each_with_its_paper(monkeypatch, capsys):
    _, out, _ = call(monkeypatch, capsys, "variants")
    for name, variant in attnviz.variants().items():
        assert any(line.startswith(name) and variant.paper in line for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "   "), "The text is empty"),
        (("run", "--model", "no-such-model", "Hi."), "no-such-model"),
        (("run", "--to", "fr", "Hi."), "fr"),
        (("run", "--device", "abacus", "Hi."), "abacus"),
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
