"""A model folder loads exactly as it was saved, or is refused with one clear sentence."""

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import attnviz
from attnviz import pretrained
from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle, LoadError

Make = Callable[..., Transformer]


@pytest.fixture
def folder(tmp_path: Path, make_model: Make, tokenizer_file: Path) -> Path:
    model = make_model(d_vocab=321).float()
    pretrained.save(tmp_path / "tiny", model, tokenizer_file)
    return tmp_path / "tiny"


def change_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def refused(folder: Path, message: str) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        attnviz.load(folder, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["encoder-decoder", "decoder-only", "encoder-only"])
@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
def test_a_saved_model_loads_with_the_same_numbers(
    tmp_path: Path, make_model: Make, tokenizer_file: Path, kind: str, position: str
) -> None:
    choices = {"norm": "rms", "norm_place": "post", "activation": "gelu", "n_kv_heads": 1}
    model = make_model(d_vocab=321, kind=kind, position=position, **choices).float()
    pretrained.save(tmp_path / "a", model, tokenizer_file)
    (tmp_path / "a" / "card.md").write_text("# A 模型", encoding="utf-8")
    loaded = attnviz.load(tmp_path / "a", "cpu")
    assert loaded.config == model.config
    assert (loaded.name, loaded.card) == ("a", "# A 模型")
    weights = model.state_dict()
    assert isinstance(loaded.model, Transformer)
    assert loaded.model.state_dict().keys() == weights.keys()
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(value, weights[name]), name
    positions = (loaded.model.embed.positions, model.embed.positions)
    assert torch.equal(*positions)  # type: ignore[arg-type]
    assert (tmp_path / "a" / "tokenizer.model").read_bytes() == tokenizer_file.read_bytes()


def test_a_loaded_model_is_ready_to_run_and_not_to_train(bundle: Bundle) -> None:
    assert isinstance(bundle.model, Transformer)
    assert not bundle.model.training
    assert not any(p.requires_grad for p in bundle.model.parameters())
    assert bundle.n_parameters == sum(v.numel() for v in bundle.model.state_dict().values())


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.model"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    refused(folder, f"tiny: {file} is missing")


def test_a_missing_card_is_an_empty_card(folder: Path) -> None:
    assert attnviz.load(folder, "cpu").card == ""


def test_a_wrong_shape_is_refused_with_both_shapes(folder: Path) -> None:
    change_config(folder, d_mlp=21)
    refused(folder, r"mlp\.linear_in\.\w+ has shape \(20,.*\), but the model needs \(21,.*\)")


def test_missing_weights_are_named(folder: Path) -> None:
    change_weights(folder, lambda w: w.pop("encoder.blocks.1.mlp.linear_in.bias"))
    refused(folder, r"lacks the weights encoder\.blocks\.1\.mlp\.linear_in\.bias$")


def test_a_missing_layer_names_the_first_weights_and_counts_the_rest(folder: Path) -> None:
    change_config(folder, n_layers=3)
    refused(folder, r"lacks the weights decoder\.blocks\.2\.\S+, .* and \d+ more$")


def test_unexpected_weights_are_named(folder: Path) -> None:
    change_weights(folder, lambda w: w.update({"encoder.extra": torch.zeros(2)}))
    refused(folder, r"has weights the model does not know: encoder\.extra$")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite_is_named(folder: Path, number: float) -> None:
    name = "decoder.blocks.0.cross_attention.W_V"
    change_weights(folder, lambda w: w[name][1, 2].fill_(number))
    refused(folder, f"{re.escape(name)} holds a number that is not finite")


class Mark:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_a_pickle_is_refused_and_never_opened(folder: Path, tmp_path: Path) -> None:
    for content in (pickle.dumps(Mark(tmp_path / "opened")), b""):
        (folder / "model.safetensors").write_bytes(content)
        refused(folder, r"model\.safetensors is not a safetensors file")
    torch.save({"W": Mark(tmp_path / "opened")}, folder / "model.safetensors")
    refused(folder, r"model\.safetensors is not a safetensors file")
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("content", ["{", "", '["kind"]', "3", "null", "\udcff"])
def test_a_broken_configuration_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    refused(folder, r"config\.json cannot be used: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_heads": "8"}, "n_heads must be a whole number of at least 1, not '8'"),
        ({"d_model": None}, "d_model must be a whole number of at least 1, not None"),
        ({"norm": {"a": 1}}, "norm must be one of"),
        ({"droput": 0.1, "a": 2}, "unknown configuration keys: a, droput"),
        ({"n_heads": 5}, "d_model 12 is not a multiple of n_heads 5"),
    ],
)
def test_a_configuration_that_makes_no_model_is_refused(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    change_config(folder, **changes)
    refused(folder, f"config.json cannot be used: {message}")


def test_missing_configuration_keys_are_named(folder: Path) -> None:
    (folder / "config.json").write_text('{"kind": "encoder-only", "d_model": 8}')
    refused(folder, "missing configuration keys: d_mlp, d_vocab, n_ctx, n_heads, ")


def test_a_tokenizer_of_another_size_is_refused_with_both_numbers(folder: Path) -> None:
    change_config(folder, d_vocab=400)
    refused(folder, "the tokenizer has 321 pieces, but the d_vocab is 400")


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, b"\x00" * 50])
def test_a_tokenizer_file_that_is_garbage_is_refused(folder: Path, content: bytes) -> None:
    (folder / "tokenizer.model").write_bytes(content)
    refused(folder, r"tokenizer\.model is not a SentencePiece model")


def test_an_unknown_name_is_neither_a_folder_nor_built_in() -> None:
    with pytest.raises(LoadError, match="no folder 'en-fr' here, and no built-in model"):
        attnviz.load("en-fr")


def test_a_folder_with_a_configuration_is_a_built_in_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "BUILT_IN", folder.parent)
    assert attnviz.models() == {"tiny": folder}
    assert attnviz.load("tiny", "cpu").name == "tiny"


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "abacus"])
def test_an_absent_device_is_refused_by_name(folder: Path, device: str) -> None:
    if pretrained.torch.cuda.is_available() and device.startswith("cuda"):
        pytest.skip("this machine has CUDA")
    with pytest.raises(ValueError, match=f"there is no device '{device}' on this machine"):
        attnviz.load(folder, device)


def test_the_processor_is_always_there() -> None:
    assert pretrained.choose_device("cpu") == "cpu"


def test_the_built_in_model_is_the_one_its_configuration_describes(en_zh: Bundle) -> None:
    assert en_zh.name == "en-zh"
    assert en_zh.config.d_vocab == en_zh.tokenizer.size
    assert set(en_zh.tokenizer.directions) == {"en", "zh"}
