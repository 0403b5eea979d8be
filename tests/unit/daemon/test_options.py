"""Declarations: what they allow, in words, and the line for a value that is not that."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

import msgspec
import pytest

from hbpush.daemon.options import allowed, convert, either, nearest, secret, settings, shown
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    size: Annotated[int, msgspec.Meta(gt=0)] = 1


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    key: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    must: int
    flag: bool = False
    text: str = ""
    share: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0
    anything: float = 0
    polling: Literal["long", "interval"] = "long"
    first: Literal["oldest"] | Annotated[int, msgspec.Meta(ge=1)] = "oldest"
    origins: Annotated[str, msgspec.Meta(min_length=1)] | list[str] = ""
    numbers: tuple[int, ...] = ()
    inner: Annotated[Inner | None, msgspec.Meta(description="what is inside")] = None
    inners: list[Inner] = []
    weights: dict[str, int] = {}
    key: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""
    lock: Annotated[Lock | None, msgspec.Meta(description="what is locked")] = None
    locks: list[Lock] = []

    def __post_init__(self) -> None:
        if self.flag and self.must == 13:
            raise ValueError("flag goes not with 13")


def field(name: str) -> msgspec.structs.FieldInfo:
    return next(field for field in msgspec.structs.fields(Options) if field.name == name)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (int, "a whole number"),
        (Annotated[int, msgspec.Meta(ge=0, le=65535)], "a whole number from 0 to 65535"),
        (Annotated[int, msgspec.Meta(ge=1024)], "a whole number at least 1024"),
        (Annotated[float, msgspec.Meta(gt=0)], "a number more than 0"),
        (Annotated[float, msgspec.Meta(ge=0, lt=1)], "a number at least 0 and less than 1"),
        (bool, "true or false"),
        (str, "text"),
        (Annotated[str, msgspec.Meta(min_length=1)], "text that is not empty"),
        (Annotated[str, msgspec.Meta(pattern="^a")], "text of the form ^a"),
        (Literal["long", "interval"], "'interval' or 'long'"),
        (Colour, "'red' or 'blue'"),
        (str | None, "text or null"),
        (Literal["oldest", "newest"] | Annotated[int, msgspec.Meta(ge=1)], "'newest', 'oldest' or a whole number at least 1"),
        (list[int], "a list, each item a whole number"),
        (tuple[str, ...], "a list, each item text"),
        (dict[str, bool], "a mapping, each value true or false"),
        (Inner, "a mapping of name, size"),
    ],
)
def test_a_type_in_words(declared: object, text: str) -> None:
    assert allowed(declared) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "empty"),
        (True, "true"),
        (1, "1"),
        ("a", "'a'"),
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        ("x" * 100, "'" + "x" * 27 + "..." + "x" * 28 + "'"),
    ],
)
def test_a_value_in_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_choices_in_words() -> None:
    assert [either("a"), either("ab"), either("abc")] == ["a", "a or b", "a, b or c"]


def test_the_nearest_word() -> None:
    assert nearest("poling", ["store", "polling"]) == "did you mean 'polling'? "
    assert nearest("xyz", ["store", "polling"]) == ""


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1], "top: is a list; must be a mapping"),
        ({}, "top.must: is missing; must be a whole number"),
        ({"must": "1"}, "top.must: is '1'; must be a whole number"),
        ({"must": True}, "top.must: is true; must be a whole number"),
        ({"must": None}, "top.must: is empty; must be a whole number"),
        ({"must": 1, "flag": "yes"}, "top.flag: is 'yes'; must be true or false"),
        ({"must": 1, "text": 5}, "top.text: is 5; must be text (put it in quotes)"),
        ({"must": 1, "share": 1}, "top.share: is 1; must be a number at least 0 and less than 1"),
        ({"must": 1, "anything": float("inf")}, "top.anything: is inf; must be a finite number"),
        ({"must": 1, "anything": float("nan")}, "top.anything: is nan; must be a finite number"),
        ({"must": 1, "polling": "medium"}, "top.polling: is 'medium'; must be 'interval' or 'long'"),
        ({"must": 1, "first": 0}, "top.first: is 0; must be 'oldest' or a whole number at least 1"),
        ({"must": 1, "origins": ["a", 2]}, "top.origins[1]: is 2; must be text (put it in quotes)"),
        ({"must": 1, "numbers": [1, 2, "x"]}, "top.numbers[2]: is 'x'; must be a whole number"),
        ({"must": 1, "inner": {"name": 1}}, "top.inner.name: is 1; must be text (put it in quotes)"),
        ({"must": 1, "inner": {"size": 1}}, "top.inner.name: is missing; must be text"),
        (
            {"must": 1, "inner": {"name": "n", "sise": 1}},
            "top.inner.sise: is no option of top.inner; did you mean 'size'? its options: name, size",
        ),
        ({"must": 1, "inner": {"name": "n", 3: 1}}, "top.inner.3: is no option of top.inner; its options: name, size"),
        ({"must": 1, "inner": 3}, "top.inner: is 3; must be a mapping of name, size or null"),
        ({"must": 1, "inners": [{"name": "n"}, {"name": "n", "size": 0}]}, "top.inners[1].size: is 0; must be a whole number more than 0"),
        ({"must": 1, "weights": {"a": "b"}}, "top.weights: is a mapping; must be a mapping, each value a whole number"),
        ({"must": 1, "key": 12345}, "top.key: is not what it must be; must be text (put it in quotes)"),
        ({"must": 13, "flag": True}, "top: flag goes not with 13"),
        ({"poling": 1, "must": "x"}, "top.poling: is no option of a thing; did you mean 'polling'? its options: "),
        ({"must": 1, True: 1}, "top.true: is no option of a thing; its options: "),
    ],
)
def test_a_wrong_value_is_told_in_one_line(values: object, line: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(Options, values, "top", "a thing")
    assert str(refusal.value) == line or (line.endswith("options: ") and str(refusal.value).startswith(line))
    assert "\n" not in str(refusal.value)


def test_right_values_become_settings() -> None:
    made = settings(Options, {"must": 2, "anything": 3, "first": 7, "inner": {"name": "n"}, "numbers": [1]}, "top", "a thing")
    assert made == Options(must=2, anything=3.0, first=7, inner=Inner("n"), numbers=(1,))


def test_text_stands_for_other_types_only_where_that_is_asked_for() -> None:
    assert convert("7", field("must"), "HBPUSH_MUST", strict=False) == 7
    assert convert("false", field("flag"), "HBPUSH_FLAG", strict=False) is False
    with pytest.raises(ConfigError, match=r"^HBPUSH_MUST: is 'seven'; must be a whole number$"):
        convert("seven", field("must"), "HBPUSH_MUST", strict=False)


def test_a_field_can_be_secret() -> None:
    assert [option.name for option in msgspec.structs.fields(Options) if secret(option)] == ["key"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"lock": {"name": "n", "key": 7031}}, "top.lock.key: is not what it must be; must be text (put it in quotes)"),
        ({"lock": {"name": 5, "key": "7031"}}, "top.lock.name: is 5; must be text (put it in quotes)"),
        ({"lock": "7031"}, "top.lock: is not what it must be; must be a mapping of name, key or null"),
        ({"locks": [{"name": "n", "key": 7031}]}, "top.locks[0].key: is not what it must be; must be text (put it in quotes)"),
        ({"locks": [{"name": "n"}, "7031"]}, "top.locks[1]: is not what it must be; must be a mapping of name, key"),
    ],
)
def test_a_secret_within_an_option_is_not_shown(values: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(Options, {"must": 1, **values}, "top", "a thing")
    assert str(refusal.value) == line
    # As an environment variable that holds the whole option.
    with pytest.raises(ConfigError, match=r"^VARIABLE: is not what it must be; must be a mapping of name, key or null$"):
        convert('{"key": "7031"}', field("lock"), "VARIABLE", strict=False)


def test_every_option_of_the_server_has_a_default_and_a_description() -> None:
    from hbpush.daemon.options import description

    fields = msgspec.structs.fields(ServerSettings)
    assert [option.name for option in fields if option.required or not description(option)] == []
