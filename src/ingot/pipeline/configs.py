"""From fragments, or from a full config in the catalog, to a config that is checked both ways.

In the cache, named by the digest of all that decides them:

    configs/<digest>.config     resolved and found sound
    configs/<digest>.options    what Kconfig knows of one source's options, for one arch
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingot import configure
from ingot.builder.sandbox import Sandbox
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.kconfig import (
    Config,
    Finding,
    OptionTable,
    broken,
    check,
    check_full,
    findings_error,
    requests_of_full,
)
from ingot.pipeline.builders import builder_for, known_builder
from ingot.pipeline.inputs import known_sources, obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress
from ingot.setting import Project, Setting, in_use
from ingot.source.local_source import require_unchanged
from ingot.source.origin import Source
from ingot.source.trees import patched_tree as patching
from ingot.version import KernelVersion

_HEADER = "# Resolved by Ingot; `ingot config resolve` renews it. Fragments: "


@dataclass(frozen=True, slots=True)
class Resolved:
    """The config of one kernel as Kconfig resolved it, and what is wrong with it.

    `table` is what Kconfig knows of the options; `defaulted` names options that a full
    config in the catalog does not mention, with the value they got. Where that config was put
    there by hand, what `plan` asks for is what stands in it.
    """

    plan: Plan
    config: Config
    table: OptionTable
    findings: tuple[Finding, ...]
    defaulted: tuple[tuple[str, str], ...] = ()

    @property
    def kernel(self) -> Kernel:
        return self.plan.kernel


def require_sound(resolved: Resolved) -> None:
    """Raise a UserError that tells every finding, if there is any."""
    if resolved.findings:
        raise findings_error(resolved.findings, f"linux {resolved.kernel.version}")


def resolve_all(
    setting: Setting, kernels: Iterable[Kernel], progress: Progress, *, fresh: bool = False
) -> Iterator[Resolved]:
    """Resolve the configs of kernels, one after the other; what is found is in each.

    `fresh` means from the fragments, whatever full config the catalog has.
    Raises an IngotError where it does not come to a config at all: no source, no builder, a
    fragment that cannot be read.
    """
    sources: dict[KernelVersion, Source] = {}
    for kernel in kernels:
        plan = make_plan(setting.project.catalog, kernel, setting.options.patches)
        if fresh:
            plan = replace(plan, full_config=None)
        if kept := _resolved_before(setting, plan):
            yield kept
            continue
        with in_use(setting.project, progress):
            if kernel.version not in sources:
                sources[kernel.version] = obtain_source(setting, kernel, progress)
            source = sources[kernel.version]
            with _sandbox(setting, plan, source, progress) as sandbox:
                resolved = resolve(setting.project, plan, source, sandbox, progress)
        yield resolved


def edit(setting: Setting, kernel: Kernel, progress: Progress) -> tuple[Resolved, Config]:
    """Let the user change a kernel's config in Kconfig's own menu; the config before and after.

    The config must be sound before: what is changed is to be told from what was asked for.
    """
    plan = replace(
        make_plan(setting.project.catalog, kernel, setting.options.patches), full_config=None
    )
    with in_use(setting.project, progress):
        source = obtain_source(setting, kernel, progress)
        with _sandbox(setting, plan, source, progress) as sandbox:
            resolved = resolve(setting.project, plan, source, sandbox, progress)
            require_sound(resolved)
            log = setting.project.workspace.log(f"{kernel.tag}-config")
            return resolved, configure.edit(sandbox, kernel.arch, resolved.config, log)


@contextlib.contextmanager
def _sandbox(setting: Setting, plan: Plan, source: Source, progress: Progress) -> Iterator[Sandbox]:
    """A sandbox to run the Kconfig of a plan's kernel in, patched as it is to be built."""
    builder = builder_for(setting, plan.kernel, progress)
    work = setting.project.workspace.sources
    with (
        setting.project.workspace.build_folder() as folder,
        patching.patched_tree(source, plan.patches, plan.patch_digests, work, progress) as tree,
        sandbox_for(setting, builder, tree, folder) as sandbox,
    ):
        yield sandbox


def _resolved_before(setting: Setting, plan: Plan) -> Resolved | None:
    """What was found sound before, if all that decides it is as it was; costs milliseconds.

    Of a full config, what it leaves out is not kept: it is looked at again.
    """
    builder = known_builder(setting.project, plan.kernel)
    if builder is None or setting.options.local or plan.full_config:
        return None
    for source in known_sources(setting.project, plan.kernel):
        config = kept_config(setting.project, plan, source, builder)
        table = plan.table_path(source, builder, setting.project.workspace)
        if config is not None and table.is_file():
            return Resolved(plan, config, OptionTable.load(table), ())
    return None


def kept_config(project: Project, plan: Plan, source: Digest, builder: Digest) -> Config | None:
    """The sound config from before, if everything that decides it is as it was."""
    path = plan.config_path(source, builder, project.workspace)
    return Config(path.read_text(encoding="utf-8")) if path.is_file() else None


def resolve(
    project: Project, plan: Plan, source: Source, sandbox: Sandbox, progress: Progress
) -> Resolved:
    """Resolve one kernel's config in the sandbox and check it; a sound one is kept."""
    kernel = plan.kernel
    path = plan.config_path(source.digest, sandbox.builder.digest, project.workspace)
    log = project.workspace.log(f"{kernel.tag}-config")
    with progress.step(f"resolve config of {kernel.tag}") as step:
        table = option_table(project, plan, source, sandbox, log, progress)
        resolved = (
            _from_full_config(plan, plan.full_config, sandbox, table, log)
            if plan.full_config
            else _from_fragments(plan, sandbox, table, log)
        )
        count = len(resolved.plan.requests)
        step.result(
            "not as asked" if resolved.findings else f"all {count} options asked for are as asked"
        )
    require_unchanged(source, progress)
    # a full config is a file of the user's, who may have changed it meanwhile
    same = path == plan.config_path(source.digest, sandbox.builder.digest, project.workspace)
    if same and not resolved.findings:
        write_atomic(path, resolved.config.text.encode())
    return resolved


def option_table(
    project: Project, plan: Plan, source: Source, sandbox: Sandbox, log: Path, progress: Progress
) -> OptionTable:
    """What Kconfig knows of this source's options: kept from before, or asked now and kept."""
    path = plan.table_path(source.digest, sandbox.builder.digest, project.workspace)
    if path.is_file():
        return OptionTable.load(path)
    table = configure.survey(sandbox, plan.kernel.arch, log)
    require_unchanged(source, progress)
    table.save(path)
    return table


def _from_fragments(plan: Plan, sandbox: Sandbox, table: OptionTable, log: Path) -> Resolved:
    config = configure.resolve(sandbox, plan.kernel.arch, plan.requests, log)
    return Resolved(plan, config, table, (*_asked(plan, config, table), *_lint(plan, config)))


def _from_full_config(
    plan: Plan, path: Path, sandbox: Sandbox, table: OptionTable, log: Path
) -> Resolved:
    """A full config is used as it is; what Kconfig will not have so is a finding.

    One that `config resolve` wrote is held to the fragments as well: it is their lock file.
    """
    given = _read(path)
    config = configure.complete(sandbox, plan.kernel.arch, given, log)
    name = f"{path.parent.name}/{path.name}"
    findings, defaulted = check_full(given, config, table, name)
    if given.text.startswith(_HEADER):
        _require_fresh(plan, path, given)
        findings = (*findings, *_asked(plan, config, table))
    else:
        plan = replace(plan, requests=requests_of_full(given, name))
    return Resolved(plan, config, table, (*findings, *_lint(plan, config)), tuple(defaulted))


def _asked(plan: Plan, config: Config, table: OptionTable) -> tuple[Finding, ...]:
    series = str(plan.kernel.version.series)
    return tuple(check(plan.requests, config, table, series))


def _lint(plan: Plan, config: Config) -> tuple[Finding, ...]:
    kernel = plan.kernel
    series, arch = kernel.version.series, kernel.arch.name
    return tuple(broken(plan.rules, config, series, arch, kernel.vmms))


def written_by_hand(path: Path) -> bool:
    """Whether a full config is there that Ingot did not write."""
    return path.is_file() and not _read(path).text.startswith(_HEADER)


def _read(path: Path) -> Config:
    try:
        return Config(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(
            f"the full config {path} is not UTF-8 text", hint="put a .config there, or remove it"
        ) from None


def locked_text(resolved: Resolved) -> str:
    """The config as it is committed: it says of which fragments it was made."""
    return f"{_HEADER}{_fragments_digest(resolved.plan)}\n{resolved.config.text}"


def _fragments_digest(plan: Plan) -> str:
    return str(Digest.of(plan.fragments_text.encode()))


def _require_fresh(plan: Plan, path: Path, given: Config) -> None:
    """Refuse a lock file whose fragments have changed since: which one is meant?"""
    if given.text.splitlines()[0] != f"{_HEADER}{_fragments_digest(plan)}":
        raise UserError(
            f"{path} is not what its fragments say any more",
            why="a fragment that it was resolved from has changed since",
            hint=f"run `ingot config resolve {plan.kernel.tag}` and look at the difference, or"
            " remove the file to build from the fragments",
        )
