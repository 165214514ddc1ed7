"""What cannot be trusted is refused in one sentence, and nothing of it is executed."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from attnviz import adapters
from attnviz.adapters import foreign
from attnviz.pretrained import LoadError

Broken = Callable[[], Path]


@pytest.fixture
def folder(gpt2: Any, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(gpt2.folder, tmp_path / "broken"))


def change(folder: Path, file: str = "config.json", **about: Any) -> None:
    found = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**found, **about}))


def weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    found = load_file(folder / "model.safetensors")
    change(found)
    save_file(found, folder / "model.safetensors", metadata={"format": "pt"})


def refused(folder: Path | str, words: str) -> None:
    with pytest.raises(LoadError, match=words) as caught:
        adapters.load(folder, "cpu")
    assert "\n" not in str(caught.value)


def test_a_folder_of_pickles_is_refused_before_anything_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch marker'\ntR.")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    refused(folder, "could run code when it is opened")


def test_code_in_the_folder_is_never_executed(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    code = f"open({str(marker)!r}, 'w')\nclass Evil: pass\n"
    for file in ("modeling_evil.py", "configuration_evil.py", "tokenization_evil.py"):
        (folder / file).write_text(code)
    about = {"AutoConfig": "configuration_evil.Evil", "AutoModel": "modeling_evil.Evil"}
    change(folder, model_type="evil", auto_map=about)
    refused(folder, "code of its own, which attnviz never runs")
    change(folder, model_type="gpt2", auto_map=about)  # a known kind: transformers' own code
    change(
        folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_evil.Evil"] * 2}
    )
    with suppress(LoadError):
        adapters.load(folder, "cpu")
    assert not marker.exists()


def test_a_tokenizer_class_that_nobody_knows_is_refused_or_replaced_but_never_run(
    folder: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    (folder / "tokenization_evil.py").write_text(f"open({str(marker)!r}, 'w')")
    auto = {"AutoTokenizer": ["tokenization_evil.EvilTokenizer", None]}
    change(folder, "tokenizer_config.json", tokenizer_class="EvilTokenizer", auto_map=auto)
    with suppress(LoadError):
        adapters.load(folder, "cpu")
    assert not marker.exists()


def test_a_weight_of_the_wrong_shape_is_refused(folder: Path) -> None:
    name = "transformer.h.1.attn.c_attn.weight"
    weights(folder, lambda w: w.update({name: w[name][:-1].clone()}))
    refused(folder, r"h\.1\.attn\.c_attn\.weight|size")


def test_a_missing_weight_is_refused_by_name(folder: Path) -> None:
    weights(folder, lambda w: w.pop("transformer.h.2.mlp.c_fc.bias"))
    refused(folder, r"lacks the weights transformer\.h\.2\.mlp\.c_fc\.bias")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(folder: Path, bad: float) -> None:
    weights(folder, lambda w: w["transformer.h.0.mlp.c_fc.weight"].view(-1)[3:4].fill_(bad))
    refused(folder, r"h\.0\.mlp\.c_fc\.weight holds a number that is not finite")


def test_weights_that_are_no_safetensors_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04nothing" * 9)
    refused(folder, "no safetensors")


def test_a_configuration_that_asks_for_more_than_there_is_takes_no_memory(folder: Path) -> None:
    change(folder, vocab_size=900_000_000)
    refused(folder, "asks for")
    change(folder, vocab_size=301, n_layer=5000)
    refused(folder, "layer")


def test_a_missing_configuration_a_broken_one_and_one_of_nothing_are_refused(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 5000)
    refused(folder, "config.json")
    (folder / "config.json").write_text("[1]")
    refused(folder, "not a JSON object")
    (folder / "config.json").write_text("{}")
    refused(folder, "model_type")
    (folder / "config.json").unlink()
    refused(folder, "config.json is missing")


def test_an_unknown_kind_and_a_kind_that_is_no_text_are_refused(folder: Path) -> None:
    change(folder, model_type="nothing-known")
    refused(folder, "transformers does not know")
    change(folder, model_type="vit", architectures=["ViTModel"])
    refused(folder, "no text model")
    change(folder, model_type="whisper", is_encoder_decoder=True)
    refused(folder, "no text model")


def test_a_quantised_model_is_refused(folder: Path) -> None:
    change(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    refused(folder, "quantised")


def test_a_tokenizer_that_is_missing_or_too_large_is_refused(folder: Path, make_case: Any) -> None:
    change(folder, vocab_size=200)
    weights(
        folder, lambda w: w.update({"transformer.wte.weight": w["transformer.wte.weight"][:200]})
    )
    refused(folder, "the tokenizer has 301 pieces, but the d_vocab is 200")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    refused(folder, "tokenizer")


def test_an_index_that_leads_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    index = {"weight_map": {"transformer.wte.weight": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder, "which is not there")


def test_an_attention_that_cannot_be_followed_is_refused(tmp_path: Path, gpt2: Any) -> None:
    from transformers import MptConfig, MptForCausalLM

    about = MptConfig(d_model=24, n_heads=2, n_layers=2, vocab_size=301, max_seq_len=40)
    MptForCausalLM(about).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(gpt2.folder / file, tmp_path / file)
    refused(tmp_path, "does not pass through the interface")


def test_what_is_no_folder_and_no_id_is_refused() -> None:
    refused("no such thing", "there is no folder")
    refused("../../nothing/here", "there is no folder")
    refused("x" * 5000, "there is no folder")


def test_an_id_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def unreachable(name: str, **about: Any) -> str:
        asked.append((name, about["allow_patterns"]))
        raise OSError("no route to the hub\nand a second line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    refused("somebody/some-model", "could not be fetched from the Hugging Face hub: no route")
    ((name, patterns),) = asked
    assert name == "somebody/some-model"
    assert not any(end in pattern for pattern in patterns for end in (".bin", ".py", ".pt"))


def test_without_a_network_it_is_said_that_the_hub_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(name: str, **about: Any) -> str:
        raise LocalEntryNotFoundError(f"{name} is not on the disk; got a ConnectError")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    refused("somebody/some-model", "the Hugging Face hub cannot be reached")


def test_an_id_that_was_fetched_is_loaded_under_its_name(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(gpt2.folder))
    assert adapters.load("somebody/some-model", "cpu").name == "somebody/some-model"


def test_loading_a_folder_uses_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    assert adapters.load(folder, "cpu").name == "broken"


def test_without_transformers_the_sentence_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(
        folder, "needs the package transformers: pip install -r attnviz/adapters/requirements.txt"
    )


def test_transformers_is_not_imported_before_a_model_is_loaded() -> None:
    code = "import sys, attnviz, attnviz.adapters; assert 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_tells_whether_it_is_foreign(folder: Path, tmp_path: Path) -> None:
    assert foreign(folder)
    assert not foreign(tmp_path)
    (tmp_path / "config.json").write_text('{"kind": "decoder-only"}')
    assert not foreign(tmp_path)


def test_half_precision_weights_are_read_as_float32(folder: Path) -> None:
    weights(folder, lambda w: w.update({k: v.bfloat16() for k, v in w.items()}))
    change(folder, dtype="bfloat16")
    model: Any = adapters.load(folder, "cpu").model
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in model.hf.modules())
