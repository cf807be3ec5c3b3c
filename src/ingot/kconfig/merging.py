"""Merges the requests of several fragments into one request per option."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingot.errors import UserError
from ingot.kconfig.fragment import OptionRequest
from ingot.version import Series


def merge(
    requests: Iterable[OptionRequest], series: Series, arch: str, *, monolithic: bool = False
) -> dict[str, OptionRequest]:
    """The requests that apply to `series` on `arch`, one per option, sorted by option.

    `monolithic` builds in what is requested as a module. A built-in option satisfies a request for
    a module, so `y` overrides `m`. A line with `instead of` overrides the lines that it names, and
    an `n` of base yields to any other fragment: the request has what it replaced. Any other
    disagreement is a contradiction: a UserError lists all of them with both places.
    """
    by_option: dict[str, list[OptionRequest]] = {}
    for asked in _effective([each for each in requests if each.applies_to(series, arch)]):
        request = _build_in(asked) if monolithic else asked
        by_option.setdefault(request.option, []).append(request)
    merged = {}
    contradictions: list[tuple[OptionRequest, OptionRequest]] = []
    for option, asked_for in sorted(by_option.items()):
        merged[option] = _settled(asked_for, contradictions)
    if contradictions:
        raise _contradiction(contradictions)
    return merged


def _effective(requests: Sequence[OptionRequest]) -> list[OptionRequest]:
    """The requests whose `unless` is not requested by a line without an `unless`."""
    wanted = {each.option for each in requests if each.value != "n" and each.unless is None}
    return [each for each in requests if each.unless not in wanted]


def _build_in(request: OptionRequest) -> OptionRequest:
    return replace(request, value="y", built_in=True) if request.value == "m" else request


def _settled(
    requests: Sequence[OptionRequest],
    contradictions: list[tuple[OptionRequest, OptionRequest]],
) -> OptionRequest:
    """The one request that is left of all for an option; contradictions are added to the list."""
    replaced = [each for each in requests if _yields(each, requests)]
    first, *others = [each for each in requests if each not in replaced] or requests
    found = first
    for request in others:
        if (found.value, request.value) == ("m", "y"):
            found = request
        elif found.value != request.value and (found.value, request.value) != ("y", "m"):
            contradictions.append((found, request))
    return replace(found, replaced=replaced[0]) if replaced else found


def _yields(request: OptionRequest, others: Sequence[OptionRequest]) -> bool:
    """Whether one of the others overrides the request, or it is an `n` of base that they need."""
    return any(other.overrides(request) for other in others) or (
        request.of_base
        and request.value == "n"
        and any(other.value != "n" and not other.of_base for other in others)
    )


def _contradiction(pairs: list[tuple[OptionRequest, OptionRequest]]) -> UserError:
    options = list(dict.fromkeys(first.option for first, _ in pairs))
    subject = (
        f"CONFIG_{options[0]} is" if len(options) == 1 else f"{len(options)} options are"
    ) + " requested twice, with different values"
    return UserError(
        subject,
        why="\n".join(
            (f"CONFIG_{first.option}: " if len(options) > 1 else "")
            + f"{first.place} requests {first.value}, {second.place} requests {second.value}"
            for first, second in pairs
        ),
        hint=_way_out(*pairs[0]),
    )


def _way_out(first: OptionRequest, second: OptionRequest) -> str:
    """How to end a contradiction: in another fragment than the first, by an override."""
    if first.place.fragment == second.place.fragment:
        return "keep one of the two lines"
    name = first.place.fragment.removesuffix(".config")
    name = "base" if first.of_base else name
    if not name.startswith(("base", "vmm/", "feature/")):
        return "keep one of the two lines"
    return (
        f"keep one of the two lines, or override the first one on purpose: write"
        f" 'CONFIG_{second.option}={second.value}  # instead of {name}' at {second.place}"
    )
