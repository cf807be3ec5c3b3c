"""The schema of a survey's output: JSON from an untrusted kernel tree, checked before it is used.

A survey runs in the sandbox, with a Kconfig that can run programs: its output can be anything.
The fields of an option are those of `option_table.Option`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ingot.errors import BuildError

_Name = Annotated[str, StringConstraints(pattern=r"^\w+$", max_length=256)]
_Conditional = tuple[str, str | None]
_SHOWN = 3


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class _SurveyedOption(_Strict):
    type: str
    prompts: list[str] = []
    menu: list[str] = []
    depends: str | None = None
    visible: str | None = None
    selected_by: list[_Conditional] = []
    implied_by: list[_Conditional] = []
    defaults: list[_Conditional] = []
    ranges: list[tuple[str, str, str | None]] = []
    choice: list[_Name] = []
    help: str = ""
    places: list[str] = []
    tests: list[str] = []
    transitional: bool = False


class _Survey(_Strict):
    arch: str
    options: dict[_Name, _SurveyedOption]
    elsewhere: dict[_Name, list[str]]


def require_form(document: bytes) -> None:
    """Raise a BuildError unless `document` is the JSON of a survey."""
    try:
        _Survey.model_validate_json(document)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        raise BuildError(
            "the list of this kernel's Kconfig options is not valid",
            why="\n".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}"[:200] for each in wrong[:_SHOWN]
            ),
            hint="the kernel tree may have changed it, so it was discarded; check the tree and its"
            " patches",
        ) from None
