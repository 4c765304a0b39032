"""The base class, the fields and the common types of groups of settings.

A field describes its key in full: type and limits in its annotation, the rest through `setting`. Error
messages, config/config.yaml, the JSON schema and docs/reference/settings.md are made from it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WrapValidator
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


class Group(BaseModel):
    """A group of configuration keys.

    Types are strict: a value keeps the type with which YAML reads it, and nothing is converted.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,  # built once, with the whole
    )
    is_whole: ClassVar[bool] = True  # every key must be there
    may_lack: ClassVar[frozenset[str]] = frozenset()  # except these
    on_one_line: ClassVar[bool] = False  # in config/config.yaml

    @classmethod
    def fields_by_key(cls) -> dict[str, FieldInfo]:
        """Return the fields by the names that the configuration gives them."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @classmethod
    def group_of_free_key(cls, key: object) -> "type[Group] | None":
        """Return the group that a key beside the fields holds, or None where there may be no such key."""
        return None

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each contradiction among this group's settings."""
        yield from ()

    def all_faults(self) -> Iterator[str]:
        """Yield the contradictions of this group and of the groups in it."""
        yield from self.faults()
        for _, value in self:
            if isinstance(value, Group):
                yield from value.all_faults()


def group_of(field: FieldInfo) -> type[Group] | None:
    """Return the group that a field holds, or None where it holds values."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Group)), None)


def setting(
    default: object,
    description: str = "",
    *,
    unit: str = "",
    source: str = "",
    names: tuple[str, ...] = (),
    meanings: Mapping[Any, str] | None = None,
    kind: str = "",
) -> Any:
    """Describe one key of the configuration.

    Parameters
    ----------
    default : its value in config/config.yaml, in the type that YAML reads; ... where it must be given.
    description : what it does, in words that fit behind it as a comment.
    unit : of the number, or of each number of a list.
    source : begins with P where the paper states the default, with D where the paper is silent and it is
        ours; empty where it is no part of the method.
    names : of the members of a list of fixed length.
    meanings : choice -> what it does.
    kind : what a value must be, where the type alone is not clear.
    """
    extra: JsonDict = {
        "x-unit": unit,
        "x-source": source,
        "x-names": list(names),
        "x-meanings": {str(choice): meaning for choice, meaning in (meanings or {}).items()},
        "x-kind": kind,
    }
    return Field(
        default,
        description=description or None,
        json_schema_extra={key: value for key, value in extra.items() if value},
    )


def section(
    group: Callable[[], Group],
    description: str = "",
    *,
    source: str = "",
    alias: str | None = None,
    above: str = "",
) -> Any:
    """Describe a group of keys.

    Parameters
    ----------
    group : called without arguments it gives the defaults.
    description, source : as of a `setting`.
    alias : the key, where it is no valid name in Python.
    above : a paragraph that stands before the key in config/config.yaml.
    """
    extra = {"x-source": source, "x-above": above}
    return Field(
        default_factory=group,
        description=description or None,
        alias=alias,
        json_schema_extra={key: value for key, value in extra.items() if value},
    )


class Unique:
    """Marks a list whose members differ."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict:
        return handler(schema) | {"uniqueItems": True}

    @staticmethod
    def _check(values: list) -> list:
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"which names {value} twice: keep one.")
        return values


class WithoutBraces:
    """Marks a text that becomes part of a rule."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    @staticmethod
    def _check(text: str) -> str:
        if "{" in text or "}" in text:
            raise ValueError("whose braces Snakemake would take for a wildcard: remove { and }.")
        if not text.isprintable():
            raise ValueError("which holds a line break or another control character: remove it.")
        return text


class FilePath(WithoutBraces):
    """Marks a text that names a file or a folder."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict:
        return handler(schema) | {"format": "path"}


# 180 stays 180 where decimals are allowed: a value is kept as it was written.
AS_WRITTEN = WrapValidator(lambda value, check: (check(value), value)[1])

Positive = Annotated[float, Field(gt=0), AS_WRITTEN]
NotNegative = Annotated[float, Field(ge=0), AS_WRITTEN]
Share = Annotated[float, Field(ge=0, le=1), AS_WRITTEN]
Count = Annotated[int, Field(ge=0)]
Natural = Annotated[int, Field(ge=1)]
BatchSize = Annotated[int, Field(ge=2)]  # batch normalisation has no statistics of one
PathName = Annotated[str, Field(min_length=1), FilePath()]


def missing_file(key: str, path: str | None) -> Iterator[str]:
    """Yield a sentence where a path that may be null names no file."""
    if path and not os.path.isfile(path):
        yield (
            f"Configuration key {key} names {path}, which does not exist: correct the path, or set the key "
            "to null."
        )
