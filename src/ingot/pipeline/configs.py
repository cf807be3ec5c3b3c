"""Resolves and checks the config of a kernel, from fragments or from a full config in the catalog.

The cache has these files, named by the digest of all their inputs:

    configs/<digest>.config     a config that was resolved and is sound
    configs/<digest>.options    the option table of one source for one arch, from Kconfig
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingot import configure
from ingot.builder.sandbox import Sandbox
from ingot.catalog import Kernel
from ingot.files import write_atomic
from ingot.kconfig import Config
from ingot.kconfig.findings import Finding, check, check_full, findings_error, requests_of_full
from ingot.kconfig.option_table import OptionTable
from ingot.kconfig.rule_check import broken
from ingot.pipeline.builders import builder_for, known_builder
from ingot.pipeline.full_configs import (
    is_lock,
    lock_text,
    read_full_config,
    require_fresh,
    require_usable,
)
from ingot.pipeline.inputs import known_sources, obtain_source
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress
from ingot.setting import Project, Setting, in_use
from ingot.source.local_source import require_unchanged
from ingot.source.origin import Source
from ingot.source.trees import patched_tree as patching
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Resolved:
    """The config of one kernel as Kconfig resolved it, and what is wrong with it.

    `table` is Kconfig's table of the options. `defaulted` are the options that a full config in
    the catalog does not mention, with the value they got. If that config was written by hand, the
    requests of `plan` are the options in it.
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
    """Raise a ConfigError that lists every finding, if there is any."""
    if resolved.findings:
        raise findings_error(resolved.findings, f"linux {resolved.kernel.version}")


def resolve_all(
    setting: Setting, kernels: Iterable[Kernel], progress: Progress, *, fresh: bool = False
) -> Iterator[Resolved]:
    """Resolve the configs of kernels, one after the other; each result has its own findings.

    `fresh` means from the fragments, even if the catalog has a full config. Raises an IngotError
    if a config cannot be resolved at all: no source, no builder, or an unreadable fragment.
    """
    sources: dict[KernelVersion, Source] = {}
    for kernel in kernels:
        plan = make_plan(setting.project.catalog, kernel, setting.options)
        if fresh:
            plan = replace(plan, full_config=None)
        require_usable(plan)
        if kept := _resolved_before(setting, plan):
            yield kept
            continue
        with in_use(setting.project, progress):
            if kernel.version not in sources:
                sources[kernel.version] = obtain_source(setting, kernel, progress)
            source = sources[kernel.version]
            with config_sandbox(setting, plan, source, progress) as sandbox:
                resolved = resolve(setting.project, plan, source, sandbox, progress)
        yield resolved


def edit(setting: Setting, kernel: Kernel, progress: Progress) -> tuple[Resolved, Config]:
    """Let the user change a kernel's config in Kconfig's menu; returns it before and after.

    The config must be sound before, so that each difference afterwards is a change by the user.
    """
    plan = replace(make_plan(setting.project.catalog, kernel, setting.options), full_config=None)
    with in_use(setting.project, progress):
        source = obtain_source(setting, kernel, progress)
        with config_sandbox(setting, plan, source, progress) as sandbox:
            resolved = resolve(setting.project, plan, source, sandbox, progress)
            require_sound(resolved)
            log = setting.project.workspace.log(f"{kernel.tag}-config")
            return resolved, configure.edit(sandbox, kernel.arch, resolved.config, log)


@contextlib.contextmanager
def config_sandbox(
    setting: Setting, plan: Plan, source: Source, progress: Progress
) -> Iterator[Sandbox]:
    """A sandbox to run Kconfig in, with the kernel's tree, patched as for the build."""
    builder = builder_for(setting, plan.kernel, progress)
    work = setting.project.workspace.sources
    with (
        setting.project.workspace.build_directory() as directory,
        patching.patched_tree(source, plan.patches, plan.patch_digests, work, progress) as tree,
        sandbox_for(setting, builder, tree, directory) as sandbox,
    ):
        yield sandbox


def _resolved_before(setting: Setting, plan: Plan) -> Resolved | None:
    """The sound config from an earlier run, if all its inputs are the same; takes milliseconds.

    A full config is always checked again, because the list of its defaulted options is not kept.
    """
    builder = known_builder(setting.project, plan.kernel)
    if builder is None or setting.options.local or plan.full_config:
        return None
    for source in known_sources(setting.project, plan.kernel):
        config = plan.kept_config(source, builder, setting.project.workspace)
        table = plan.table_path(source, builder, setting.project.workspace)
        if config is not None and table.is_file():
            return Resolved(plan, config, OptionTable.load(table), ())
    return None


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
            "not as requested" if resolved.findings else f"all {count} options are as requested"
        )
    require_unchanged(source, progress)
    # a full config is a file that the user may have changed meanwhile
    same = path == plan.config_path(source.digest, sandbox.builder.digest, project.workspace)
    if same and not resolved.findings:
        write_atomic(path, resolved.config.text.encode())
    return resolved


def option_table(
    project: Project, plan: Plan, source: Source, sandbox: Sandbox, log: Path, progress: Progress
) -> OptionTable:
    """Kconfig's table of this source's options: from the cache, or read now and cached."""
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
    """Use a full config as it is; each value that Kconfig changes is a finding.

    One that `config resolve` wrote is also checked against the fragments: it is their lock file.
    """
    given = read_full_config(path)
    config = configure.complete(sandbox, plan.kernel.arch, given, log)
    name = f"{path.parent.name}/{path.name}"
    findings, defaulted = check_full(given, config, table, name)
    if is_lock(given):
        require_fresh(plan, path, given)
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


def locked_text(resolved: Resolved) -> str:
    """The config as it is committed: its first line has the digest of its fragments."""
    return lock_text(resolved.plan, resolved.config)
