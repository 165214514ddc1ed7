"""What is saved in other ways than a language model with its head in one file."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import attnviz
from attnviz import adapters
from attnviz.pretrained import LoadError


def saved(case: Any, folder: Path, of: str, **about: Any) -> Any:
    """A fresh random model of the case's sizes and of another class."""
    config = getattr(transformers, of.partition("For")[0].removesuffix("Model") + "Config")
    torch.manual_seed(5)
    model = getattr(transformers, of)(config.from_pretrained(case.folder)).eval()
    model.save_pretrained(folder, **about)
    for file in case.folder.glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return model


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("bert", "BertModel"),
        ("bert", "BertForSequenceClassification"),
        ("distilbert", "DistilBertForSequenceClassification"),
        ("llama", "LlamaModel"),
    ],
)
def test_a_model_without_a_head_gives_its_last_hidden_state(
    make_case: Any, tmp_path: Path, name: str, of: str
) -> None:
    untouched = saved(make_case(name), tmp_path, of)
    bundle = adapters.load(tmp_path, "cpu")
    ids = torch.tensor([bundle.tokenizer.source("Nobody knows.", 50).ids])
    side = "source_BS" if bundle.config.has_encoder else "target_BT"
    base = getattr(untouched, untouched.base_model_prefix, untouched)
    with torch.no_grad():
        hidden = bundle.model(**{side: ids})
        torch.testing.assert_close(hidden, base(input_ids=ids).last_hidden_state)
    assert not bundle.model.has_logits
    trace = attnviz.run(bundle, "Nobody knows.")
    assert trace.output == ""
    assert "logits" not in trace


def test_a_base_model_whose_head_is_its_embedding_has_logits(
    make_case: Any, tmp_path: Path
) -> None:
    untouched = saved(make_case("gpt2"), tmp_path, "GPT2Model")
    bundle = adapters.load(tmp_path, "cpu")
    ids = torch.tensor([bundle.tokenizer.source("Nobody knows.", 50).ids])
    with torch.no_grad():
        hidden = untouched(input_ids=ids).last_hidden_state
        logits = bundle.model(target_BT=ids)
    torch.testing.assert_close(logits, hidden @ untouched.wte.weight.T)


def test_a_head_that_the_folder_promises_must_be_there(make_case: Any, tmp_path: Path) -> None:
    saved(make_case("llama"), tmp_path, "LlamaForCausalLM")
    weights = load_file(tmp_path / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LoadError, match=r"lacks the weights lm_head\.weight"):
        adapters.load(tmp_path, "cpu")


def test_weights_in_several_files_are_one_model(make_case: Any, tmp_path: Path) -> None:
    untouched = saved(make_case("llama"), tmp_path, "LlamaForCausalLM", max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    bundle = adapters.load(tmp_path, "cpu")
    assert bundle.n_parameters == sum(p.numel() for p in untouched.parameters())
    assert bundle.name == tmp_path.name


def test_the_card_is_read_without_its_block_of_data(make_case: Any, tmp_path: Path) -> None:
    saved(make_case("llama"), tmp_path, "LlamaForCausalLM")
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n\n# A model\n\nIt writes.\n")
    assert adapters.load(tmp_path, "cpu").card == "# A model\n\nIt writes."
