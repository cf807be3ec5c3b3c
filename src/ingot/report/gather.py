"""Makes a report from images: adds the catalog's data on each kernel, and checks its config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingot.arch import Arch, arch
from ingot.catalog import Catalog, Kernel
from ingot.catalog.catalog_model import DEFAULT_FLAVOR
from ingot.errors import IngotError, UserError
from ingot.images import (
    BASE,
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULES_LAYER,
    KernelLabels,
    read_config,
    read_size_map,
)
from ingot.kconfig import Config, OptionRequest, serves
from ingot.report.report_data import Answer, FoundImage, KernelEntry, Omission, OptionCounts, Report
from ingot.size_map import SizeMap
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class _ReadImage:
    """The parsed labels and annotations of an image; `layers` are the compressed sizes of its
    layers by their names."""

    facts: KernelLabels
    layers: Mapping[str, int]
    version: KernelVersion
    platform: Arch
    config: Config | None
    size_map: SizeMap | None


def gather(
    catalog: Catalog, registry: str, found: Iterable[FoundImage], omissions: Iterable[Omission]
) -> Report:
    """A report on the images that were found; images that Ingot did not build are left out.

    `registry` is where they were found, empty for the store. UserError if a fragment of the
    catalog cannot be read.
    """
    entries, left_out = [], list(omissions)
    for image in found:
        try:
            parsed = _read(image)
        except IngotError as error:  # images can come from any source
            left_out.append(Omission(f"{BASE}:{image.tags[0]}", str(error)))
        else:
            entries.append(_entry(catalog, image, parsed))
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
    layers = KERNEL_IMAGES[BASE].name_layers(found.layers)
    if facts is None or layers is None:
        raise UserError("it is not an image built by Ingot")
    return _ReadImage(
        facts,
        layers,
        KernelVersion.parse(facts.version),
        arch(facts.arch),
        read_config(found.annotations),
        read_size_map(found.annotations),
    )


def _entry(catalog: Catalog, found: FoundImage, parsed: _ReadImage) -> KernelEntry:
    facts, size_map = parsed.facts, parsed.size_map
    known = _known(catalog, parsed.version.series)
    return KernelEntry(
        digest=found.digest,
        version=parsed.version,
        facts=facts,
        flavor=_flavor(found.tags, facts, parsed.platform),
        tags=tuple(sorted(found.tags, key=lambda tag: (tag.endswith(facts.recipe_key.short), tag))),
        kernel_size=size_map.kernel_size if size_map else found.kernel_size,
        kernel_packed=parsed.layers[KERNEL_LAYER.name],
        modules=size_map.modules if size_map else found.module_sizes,
        modules_packed=parsed.layers[MODULES_LAYER.name],
        options=_count(parsed.config) if parsed.config else None,
        vmms=tuple(_vmm_answers(catalog, parsed)),
        features=tuple(_feature_answers(catalog, parsed)),
        end_of_life=known.end_of_life if known else None,
        support=known.support if known else {},
        size_map=size_map,
        profile=found.profile,
        cves=found.cves,
    )


def _known(catalog: Catalog, series: Series) -> Kernel | None:
    """A kernel of the catalog of this series, for the data of the series."""
    same = (kernel for kernel in catalog.kernels if kernel.version.series == series)
    return next(same, None)


def _flavor(tags: Sequence[str], facts: KernelLabels, platform: Arch) -> str:
    """The flavor in a tag, next to version and arch; empty if no tag has one.

    The tags of an image are `<version>[-<flavor>][-<arch>]`, `<series>[-<flavor>]`, and the
    immutable one, which has no flavor.
    """
    immutable = f"{facts.version}-{facts.recipe_key.short}"
    for tag in tags:
        version, *words = tag.removeprefix(facts.version).split("-")
        if version or tag == immutable or not tag.startswith(facts.version):
            continue
        if words and words[-1] in platform.names:
            words.pop()
        return "-".join(words) or DEFAULT_FLAVOR
    return ""


def _count(config: Config) -> OptionCounts:
    values = config.options
    built_in = sum(value == "y" for value in values.values())
    modules = sum(value == "m" for value in values.values())
    return OptionCounts(built_in, modules, len(values) - built_in - modules)


def _vmm_answers(catalog: Catalog, parsed: _ReadImage) -> Iterator[Answer]:
    """Which VMMs the config supports; empty if the config is not known."""
    if parsed.config is None:
        return
    series, platform = parsed.version.series, parsed.platform
    for vmm in catalog.vmms.values():
        if vmm.boots(series, platform):
            requests = catalog.vmm_needs(vmm.name, series, platform)
            yield _answer(vmm.name, requests, parsed.config)
        else:
            yield Answer(vmm.name, 0, absent=f"boots {vmm.limit(series, platform)}")


def _feature_answers(catalog: Catalog, parsed: _ReadImage) -> Iterator[Answer]:
    """Which features the config supports; empty if the config is not known."""
    if parsed.config is None:
        return
    series, platform = parsed.version.series, parsed.platform
    for feature in catalog.features.values():
        if feature.available_in(series):
            requests = catalog.feature_requests(feature.name, series, platform)
            yield _answer(feature.name, requests, parsed.config)
        else:
            yield Answer(feature.name, 0, absent=f"came with {feature.since}")


def _answer(name: str, requests: Mapping[str, OptionRequest], config: Config) -> Answer:
    missing = [
        request.option
        for request in requests.values()
        if not serves(request.value, config.value(request.option))
    ]
    return Answer(name, len(requests), tuple(missing))
