"""Adopts a full config of another author: as features of the catalog, and a new fragment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingot import configure, kconfig
from ingot.catalog import Catalog, Kernel
from ingot.catalog.kernel_variants import close
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.kconfig import Config, OptionRequest, load_rules
from ingot.kconfig.adoption import (
    Adopted,
    Coverage,
    Explained,
    adopted_lines,
    coverage,
    explained_difference,
    fragment_text,
    intent,
    lost_lines,
)
from ingot.kconfig.finding_text import findings_error
from ingot.kconfig.findings import Finding, FindingKind, check, errors_of
from ingot.kconfig.rule_check import broken
from ingot.pipeline.bench import Bench, open_bench
from ingot.progress import Progress
from ingot.setting import Setting

ABOUT = "adopted from "
"""What the `about` of an adopted feature begins with: it is not looked for in other configs."""
_ROUNDS = 8
"""The most attempts to find lines that Kconfig takes: each one leaves out those that it did not."""
_NAMES = re.compile(r"(\w+) is ")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a kernel costs: instructions until init starts, and bytes of its file."""

    instructions: int
    size: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """A config, and what was made of it.

    `kernel` is that of the catalog with the features that are taken, `completed` what Kconfig made
    of the config, `config` the result with the fragment `text`. `covered` are the VMMs and features
    of the catalog. `costs` are those of the two, if they were measured.
    """

    kernel: Kernel
    completed: Config
    config: Config
    covered: tuple[Coverage, ...]
    taken: tuple[str, ...]
    adopted: Adopted
    text: str
    differences: tuple[Explained, ...]
    costs: tuple[Cost, Cost] | None = None


def adopt(
    setting: Setting,
    kernel: Kernel,
    given: Config,
    name: str,
    progress: Progress,
    *,
    measure: bool = False,
) -> Adoption:
    """Adopt a config for a kernel of the catalog, as a feature `name`. Nothing is written.

    A ConfigError if no fragment of its options is accepted; BuildError or BootError if `measure` is
    set and one of the two kernels does not compile or boot.
    """
    catalog = setting.project.catalog
    with open_bench(setting, kernel, progress) as bench:
        with progress.step(f"complete the config for {kernel.version}") as step:
            completed = configure.complete(bench.sandbox, kernel.arch, given, bench.log)
            wanted = intent(completed, bench.table)
            step.result(f"{len(wanted)} options are a choice")
        covered = tuple(_coverages(catalog, kernel, completed))
        taken = tuple(
            each.name.removeprefix("feature/")
            for each in covered
            if each.taken and each.name.startswith("feature/")
        )
        variant = _with_features(catalog, kernel, taken)
        adopted = adopted_lines(wanted, completed, catalog.requests(variant), bench.table)
        adopted, config, requests = _accepted(
            bench,
            catalog,
            variant,
            completed,
            adopted=adopted,
            name=name,
            progress=progress,
        )
        costs = _costs(bench, completed, config) if measure else None
        return Adoption(
            kernel=variant,
            completed=completed,
            config=config,
            covered=covered,
            taken=taken,
            adopted=adopted,
            text=fragment_text(name, adopted, bench.table, kernel.arch.name),
            differences=explained_difference(completed, config, requests, adopted, bench.table),
            costs=costs,
        )


def _with_features(catalog: Catalog, kernel: Kernel, taken: Sequence[str]) -> Kernel:
    """The kernel with more features, as the new feature will include them: it is not named."""
    kept = close((*kernel.features, *taken), catalog.features)
    features = tuple(name for name in catalog.features if name in kept)
    return replace(kernel, flavor=replace(kernel.flavor, features=features))


def _coverages(catalog: Catalog, kernel: Kernel, completed: Config) -> Iterable[Coverage]:
    series, arch = kernel.version.series, kernel.arch
    for name, vmm in catalog.vmms.items():
        if vmm.boots(series, arch):
            yield coverage(f"vmm/{name}", catalog.vmm_requests(name, series, arch), completed)
    for name, feature in catalog.features.items():
        if feature.available_in(series) and not feature.about.startswith(ABOUT):
            requests = catalog.feature_requests(name, series, arch)
            yield coverage(f"feature/{name}", requests, completed)


def _accepted(
    bench: Bench,
    catalog: Catalog,
    kernel: Kernel,
    completed: Config,
    adopted: Adopted,
    name: str,
    progress: Progress,
) -> tuple[Adopted, Config, Mapping[str, OptionRequest]]:
    """The lines that are accepted, the config with them, and all its requests.

    A line that Kconfig does not take, or that violates a rule, is left out; what was on by default
    in the config and is not in the result gets a line. Then they are tried again.
    """
    findings: tuple[Finding, ...] = ()
    fragment = f"feature/{name}.config"
    with progress.step(f"check {fragment}") as step:
        for _ in range(_ROUNDS):
            own = kconfig.parse_fragment(
                fragment_text(name, adopted, bench.table, kernel.arch.name), fragment
            )
            requests = catalog.requests(kernel, own)
            config = configure.resolve(bench.sandbox, kernel.arch, requests, bench.log)
            findings = _errors(catalog, kernel, requests, config, bench)
            if not findings:
                lost = lost_lines(completed, config, requests, adopted, bench.table)
                if not lost:
                    step.result(f"{len(adopted.lines)} lines")
                    return adopted, config, requests
                adopted = adopted.plus(lost)
            elif reasons := dict(_refused(findings, own, fragment)):
                adopted = adopted.without(reasons)
            else:
                break
        raise findings_error(findings, f"linux {kernel.version} with {fragment}")


def _errors(
    catalog: Catalog,
    kernel: Kernel,
    requests: Mapping[str, OptionRequest],
    config: Config,
    bench: Bench,
) -> tuple[Finding, ...]:
    series, arch = kernel.version.series, kernel.arch.name
    rules = load_rules(catalog.rules)
    return errors_of(
        [
            *check(requests, config, bench.table, str(series)),
            *broken(rules, config, series, arch, kernel.vmms),
        ]
    )


def _refused(
    findings: Iterable[Finding], own: Iterable[OptionRequest], fragment: str
) -> Iterable[tuple[str, str]]:
    """The options of the new fragment that are behind findings, with the reason."""
    by_place = {str(each.place): each.option for each in own}
    options = {each.option for each in own}
    for finding in findings:
        if finding.kind is FindingKind.RULE:
            reason = f"the rule {finding.option}: {finding.lines[0]}"
            yield from ((each, reason) for each in _NAMES.findall(finding.got) if each in options)
        elif finding.place and finding.place.fragment == fragment:
            yield finding.option, (finding.lines or ("Kconfig does not take it",))[0].strip()
        else:
            behind = [place for place in by_place if place in f"{finding.root}\n{finding.lines}"]
            reason = f"it contradicts {finding.place}: CONFIG_{finding.option}={finding.wanted}"
            yield from ((by_place[place], reason) for place in behind)


def _costs(bench: Bench, before: Config, after: Config) -> tuple[Cost, Cost]:
    first, second = (
        bench.profile(title, config)
        for title, config in (("measure the config", before), ("measure what was adopted", after))
    )
    return Cost(first[0].instructions, first[1]), Cost(second[0].instructions, second[1])


def save(catalog: Catalog, name: str, about: str, adoption: Adoption) -> None:
    """Write the fragment and add its feature to the catalog, or neither."""
    path = catalog.fragment_file(f"feature/{name}")
    write_atomic(path, adoption.text.encode())
    try:
        catalog.add_feature(name, about, adoption.taken, adoption.kernel.version.series)
    except BaseException:
        path.unlink()
        raise


def require_free(catalog: Catalog, name: str) -> None:
    """A UserError if the catalog has a feature or a fragment of this name already."""
    path = catalog.fragment_file(f"feature/{name}")
    if name in catalog.features or path.exists():
        raise UserError(
            f"the catalog already has a feature {name}",
            why=f"its fragment is {path}",
            hint="choose another name with --name",
        )
