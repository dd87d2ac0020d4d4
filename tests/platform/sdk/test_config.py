"""A configuration class is its schema, and a mistake in it is told with the place and what to write."""

from __future__ import annotations

import re
from typing import Any

import pytest

from penstock import BadConfiguration, SinkConfig, SourceConfig, option
from penstock.config import Config


class EverythingConfig(SourceConfig):
    """Has an option of every kind."""

    path: str = option("A text.", pattern="^/")
    batch_size: int = option("A number.", default=10, minimum=1, maximum=100)
    ratio: float | None = option("May be left out.", default=None)
    modes: list[str] = option("A list.", default=[], choices=["fast", "safe"])
    token: str | None = option("A secret.", default=None, secret=True)


def problems_of(config: dict[str, Any]) -> list[str]:
    with pytest.raises(BadConfiguration) as caught:
        EverythingConfig.parse(config)
    return [f"{problem.where}: {problem.message}" for problem in caught.value.problems]


def test_options_are_dotted_and_typed() -> None:
    config = EverythingConfig.parse({"path": "/x", "batch.size": "20", "ratio": "0.5", "modes": "fast, safe"})
    assert (config.batch_size, config.ratio, config.modes, config.token) == (20, 0.5, ["fast", "safe"], None)


def test_constraints_of_a_list_are_those_of_its_items() -> None:
    assert problems_of({"path": "/x", "modes": "fast,slow"}) == ["modes: 'slow' is not one of fast, safe"]


def test_all_problems_are_told_at_once() -> None:
    assert problems_of({"batch.size": "0", "ratio": "much", "batchsize": "1"}) == [
        "batchsize: is not an option of this connector",
        "path: is required and has no default",
        "batch.size: 0 is less than the minimum of 1",
        "ratio: 'much' is not of type number",
    ]


def test_the_known_options_are_listed_once() -> None:
    with pytest.raises(BadConfiguration) as caught:
        EverythingConfig.parse({"path": "/x", "zzz": "1", "yyy": "2", "batchsize": "3"})
    hints = [problem.hint for problem in caught.value.problems]
    assert "batch.size" in hints[0]
    assert hints[1:] == ["the known options stand at zzz", "did you mean batch.size?"]


@pytest.mark.parametrize(
    ("given", "meant"), [("batch.sise", "batch.size"), ("size", "batch.size"), ("size.batch", "batch.size")]
)
def test_the_option_that_was_meant(given: str, meant: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        EverythingConfig.parse({"path": "/x", given: "1"})
    assert caught.value.problem.hint == f"did you mean {meant}?"


def test_a_secret_is_not_repeated() -> None:
    assert problems_of({"path": "/x", "token": ["s3cret"]}) == ["token: the given secret is not of type string"]
    assert "s3cret" not in repr(EverythingConfig.parse({"path": "/x", "token": "s3cret"}))


def of_a_mapping() -> type[Config]:
    class OddConfig(SinkConfig):
        extra: dict[str, str] = option("A mapping.")

    return OddConfig


def of_two_types() -> type[Config]:
    class OddConfig(SinkConfig):
        extra: int | str = option("Either.")

    return OddConfig


def without_option() -> type[Config]:
    class OddConfig(SinkConfig):
        extra: int = 5

    return OddConfig


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of_a_mapping, "OddConfig.extra: an option cannot be of type dict[str, str], but of str,"),
        (of_two_types, "OddConfig.extra: an option cannot be of type int | str, but of str,"),
        (without_option, "OddConfig.extra is no option: write `extra: ... = option("),
    ],
)
def test_a_mistake_in_the_class_is_told_with_its_place(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        make().json_schema()


def test_no_pattern_of_an_author_keeps_the_process_busy_that_validates() -> None:
    """`re` would need longer for this than the world has been there, in a worker as well."""

    class WordsConfig(SourceConfig):
        words: list[str] = option("Words.", default=[], pattern=r"^(\w+\s?)*$")

    assert WordsConfig.parse({"words": ["ab " * 50]}).words
    with pytest.raises(BadConfiguration, match=r"does not match"):
        WordsConfig.parse({"words": ["ab " * 50 + "!"]})


@pytest.mark.parametrize("text", ["x\n", "ö", "\ud800"])
def test_patterns_mean_what_json_schema_says(text: str) -> None:
    class WordConfig(SourceConfig):
        word: str = option("A word.", pattern=r"^\w$")

    with pytest.raises(BadConfiguration, match=r"does not match"):
        WordConfig.parse({"word": text})


@pytest.mark.parametrize("pattern", ["a(", "(?!x)y", r"(a)\1", "a\ud800"])
def test_a_pattern_that_is_none_is_told_where_it_is_written(pattern: str) -> None:
    with pytest.raises(ValueError, match="patterns are RE2's"):
        option("A text.", pattern=pattern)
