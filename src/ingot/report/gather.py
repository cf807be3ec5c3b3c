"""From images to a report: what the catalog knows of each kernel, and what its config answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingot.arch import Arch, arch
from ingot.catalog import Catalog, Kernel
from ingot.catalog.catalog_model import DEFAULT_FLAVOR
from ingot.errors import IngotError, UserError
from ingot.images import BASE, KernelLabels, read_config, read_makeup
from ingot.kconfig import OptionRequest, parse_config, serves
from ingot.report.report_data import Answer, FoundImage, KernelEntry, Omission, OptionCounts, Report
from ingot.size_map import SizeMap
from ingot.version import KernelVersion, Series

_BASE_LAYERS = 3


@dataclass(frozen=True, slots=True)
class _ReadImage:
    """What an image says of itself, once it has been read; `values` is its config's."""

    facts: KernelLabels
    version: KernelVersion
    platform: Arch
    values: Mapping[str, str] | None
    makeup: SizeMap | None


def gather(
    catalog: Catalog, registry: str, found: Iterable[FoundImage], omissions: Iterable[Omission]
) -> Report:
    """A report of the images found; those that are not Ingot's are left out.

    `registry` is where they were found, empty for the store. A UserError if a fragment of the
    catalog cannot be read.
    """
    entries, left_out = [], list(omissions)
    for image in found:
        try:
            told = _read(image)
        except IngotError as error:  # images may come from anywhere
            left_out.append(Omission(f"{BASE}:{image.tags[0]}", str(error)))
        else:
            entries.append(_entry(catalog, image, told))
    entries.sort(key=lambda entry: _rank(catalog, entry))
    entries.sort(key=lambda entry: entry.version, reverse=True)
    return Report(
        registry,
        tuple(entries),
        tuple(left_out),
        {vmm.name: vmm.about for vmm in catalog.vmms.values()},
        {feature.name: feature.about for feature in catalog.features.values()},
    )


def _rank(catalog: Catalog, entry: KernelEntry) -> tuple[object, ...]:
    """Among kernels of one version, the default flavor and the primary arch come first."""
    primary = {kernel.arch.name for kernel in catalog.kernels if kernel.primary}
    flavor, name = entry.flavor, entry.facts.arch
    return (
        *(not flavor, flavor != DEFAULT_FLAVOR, flavor),
        *(name not in primary, name, entry.digest),
    )


def _read(found: FoundImage) -> _ReadImage:
    facts = KernelLabels.from_labels(found.annotations)
    if facts is None or len(found.layers) != _BASE_LAYERS:
        raise UserError("it is not an image of Ingot's")
    config = read_config(found.annotations)
    return _ReadImage(
        facts,
        KernelVersion.parse(facts.version),
        arch(facts.arch),
        None if config is None else parse_config(config),
        read_makeup(found.annotations),
    )


def _entry(catalog: Catalog, found: FoundImage, told: _ReadImage) -> KernelEntry:
    facts, makeup, values = told.facts, told.makeup, told.values
    known = _known(catalog, told.version.series)
    kernel_packed, _, modules_packed = found.layers
    return KernelEntry(
        digest=found.digest,
        version=told.version,
        facts=facts,
        flavor=_flavor(found.tags, facts, told.platform),
        tags=tuple(sorted(found.tags, key=lambda tag: (tag.endswith(facts.recipe_key.short), tag))),
        kernel_size=makeup.kernel_size if makeup else found.kernel_size,
        kernel_packed=kernel_packed,
        modules=makeup.modules if makeup else found.module_sizes,
        modules_packed=modules_packed,
        options=None if values is None else _count(values),
        vmms=tuple(_vmm_answers(catalog, told)),
        features=tuple(_feature_answers(catalog, told)),
        end_of_life=known.end_of_life if known else None,
        support=known.support if known else {},
        makeup=makeup,
        profile=found.profile,
    )


def _known(catalog: Catalog, series: Series) -> Kernel | None:
    """A kernel of the catalog that says what there is to say of its series."""
    same = (kernel for kernel in catalog.kernels if kernel.version.series == series)
    return next(same, None)


def _flavor(tags: Sequence[str], facts: KernelLabels, platform: Arch) -> str:
    """The flavor that a tag names beside version and arch; empty if no tag does.

    The tags of an image are `<version>[-<flavor>][-<arch>]`, `<series>[-<flavor>]`, and the
    immutable one, which tells no flavor.
    """
    immutable = f"{facts.version}-{facts.recipe_key.short}"
    for tag in tags:
        version, *words = tag.removeprefix(facts.version).split("-")
        if version or tag == immutable or not tag.startswith(facts.version):
            continue
        if words and words[-1] in (platform.name, platform.oci):
            words.pop()
        return "-".join(words) or DEFAULT_FLAVOR
    return ""


def _count(values: Mapping[str, str]) -> OptionCounts:
    built_in = sum(value == "y" for value in values.values())
    modules = sum(value == "m" for value in values.values())
    return OptionCounts(built_in, modules, len(values) - built_in - modules)


def _vmm_answers(catalog: Catalog, told: _ReadImage) -> Iterator[Answer]:
    """Which VMMs a config serves; nothing is known without one."""
    series, platform = told.version.series, told.platform
    for vmm in catalog.vmms.values() if told.values is not None else ():
        if vmm.boots(series, platform):
            requests = catalog.vmm_requests(vmm.name, series, platform)
            yield _answer(vmm.name, requests, told.values or {})
        else:
            yield Answer(vmm.name, 0, absent=f"boots {vmm.since[platform.name]} and later")


def _feature_answers(catalog: Catalog, told: _ReadImage) -> Iterator[Answer]:
    """Which features a config serves; nothing is known without one."""
    series, platform = told.version.series, told.platform
    for feature in catalog.features.values() if told.values is not None else ():
        if feature.available_in(series):
            requests = catalog.feature_requests(feature.name, series, platform)
            yield _answer(feature.name, requests, told.values or {})
        else:
            yield Answer(feature.name, 0, absent=f"came with {feature.since}")


def _answer(name: str, requests: Mapping[str, OptionRequest], values: Mapping[str, str]) -> Answer:
    missing = [
        request.option
        for request in requests.values()
        if not serves(request.value, values.get(request.option, "n"))
    ]
    return Answer(name, len(requests), tuple(missing))
