"""Sentences worth trying, written for this app; each shows something in the attention."""

from collections.abc import Mapping

FIRST: Mapping[str, str] = {"en": "The weather is nice today.", "zh": "今天天气很好。"}

SENTENCES = (
    "The weather is nice today.",
    "Where is the train station?",
    "I would like a cup of tea.",
    "The cat sat on the mat.",
    "She gave the book to her brother yesterday.",
    "He doesn't like coffee, but I do.",
    "When I was a child, I lived in a small village.",
    "今天天气很好。",
    "火车站在哪里？",
    "我想喝一杯茶。",
    "昨天她把书给了她弟弟。",
    "我小的时候住在一个小村子里。",
)
