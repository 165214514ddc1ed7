"""A configuration is small, frozen and checked when it is made."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import pytest

from attnviz.config import ModelConfig

Make = Callable[..., ModelConfig]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 13}, "d_model 13 is not a multiple of n_heads 3"),
        ({"n_kv_heads": 2}, "n_heads 3 is not a multiple of n_kv_heads 2"),
        ({"n_heads": "3"}, "n_heads must be a whole number of at least 1, not '3'"),
        ({"n_ctx": 0}, "n_ctx must be a whole number of at least 1, not 0"),
        ({"n_layers": 2.0}, r"n_layers must be a whole number of at least 1, not 2\.0"),
        ({"d_mlp": True}, "d_mlp must be a whole number of at least 0, not True"),
        ({"n_slots": -1}, "n_slots must be a whole number of at least 0, not -1"),
        ({"n_slots": 1.0}, r"n_slots must be a whole number of at least 0, not 1\.0"),
        ({"d_model": 9}, "sinusoidal positions need an even d_model, not 9"),
        ({"d_model": 9, "position": "rope"}, "rope turns pairs: d_head must be even, not 3"),
        ({"position": "rotary"}, "position must be one of .*'rope', 'none'.*, not 'rotary'"),
        ({"body": "rnn"}, "body must be one of .*'lstm', 'gru', 'cnn'.*, not 'rnn'"),
        (
            {"body": "gru", "d_model": 9, "position": "none"},
            "a recurrence both ways needs an even d_model, not 9",
        ),
        ({"body": "cnn"}, "a convolution sees the tokens to come: body 'cnn' is for encoders"),
        ({"body": "cnn", "kind": "decoder-only"}, "body 'cnn' is for encoders"),
        (
            {"kind": "decoder-only", "n_slots": 2},
            "n_slots pool an encoder's output, and a decoder-only model has none",
        ),
        *(
            ({"labels": ("no", "yes")} | more, "labels need an encoder-only model with n_slots 1")
            for more in (
                {"n_slots": 1},
                {"kind": "decoder-only"},
                {"kind": "encoder-only"},
                {"kind": "encoder-only", "n_slots": 2},
            )
        ),
        *(
            ({"kind": "encoder-only", "n_slots": 1, "labels": labels}, "labels must be a list of")
            for labels in (("yes", ""), ("yes", 3))
        ),
        ({"norm": "batch"}, "norm must be one of .*'rms'.*, not 'batch'"),
        ({"kind": ["encoder-only"]}, "kind must be one of .*encoder-decoder"),
    ],
)
def test_sizes_and_choices_that_make_no_model_are_refused(
    make_config: Make, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(**changes)


@pytest.mark.parametrize(
    "choices",
    [
        {"norm": "rms", "n_kv_heads": 1},
        {"kind": "decoder-only", "position": "rope"},
        {"kind": "encoder-only", "body": "cnn", "n_slots": 1, "labels": ("no", "是"), "d_mlp": 0},
        {"body": "lstm", "position": "none", "n_slots": 4},
    ],
)
def test_a_configuration_reads_back_what_it_writes(
    make_config: Make, choices: dict[str, object]
) -> None:
    config = make_config(**choices)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_file_that_says_nothing_of_bodies_describes_a_transformer(make_config: Make) -> None:
    values = make_config().to_dict()
    old = {k: v for k, v in values.items() if k not in ("body", "n_slots", "labels")}
    assert ModelConfig.from_dict(old) == make_config()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_hidden": 3}, "unknown configuration keys: d_hidden"),
        ({"labels": "yes"}, "labels must be a list of names"),
        ({"labels": {"yes": 1}}, "labels must be a list of names"),
    ],
)
def test_a_file_with_other_keys_or_values_is_refused(
    make_config: Make, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(make_config().to_dict() | changes)


def test_a_file_without_a_size_or_a_kind_is_refused(make_config: Make) -> None:
    values = make_config().to_dict()
    kept = {k: v for k, v in values.items() if k not in ("kind", "d_mlp")}
    with pytest.raises(ValueError, match="missing configuration keys: d_mlp, kind"):
        ModelConfig.from_dict(kept)


def test_a_configuration_cannot_be_changed(make_config: Make) -> None:
    with pytest.raises(FrozenInstanceError):
        make_config().n_heads = 4  # type: ignore[misc]


def test_a_configuration_has_at_most_fifteen_fields() -> None:
    assert len(fields(ModelConfig)) <= 15


def test_the_head_width_follows_from_two_other_sizes(make_config: Make) -> None:
    assert make_config(d_model=24, n_heads=3).d_head == 8
