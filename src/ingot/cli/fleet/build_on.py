"""`ingot build --on ENGINE`: the same kernels and the same result, by jobs of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingot.catalog import Kernel
from ingot.cli.fleet.fleet_options import settings_of, target_of
from ingot.cli.shared.each_kernel import Failed
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_error
from ingot.errors import UserError
from ingot.fleet import composing
from ingot.fleet.engines import open_engine
from ingot.fleet.following import submit_all
from ingot.pipeline import Built, BuiltImage
from ingot.publish.promotion import FoundKernel
from ingot.setting import Setting


def build_on(
    engine_name: str,
    setting: Setting,
    kernels: Sequence[Kernel],
    errors: Terminal,
    *,
    registry: str | None,
    insecure: bool,
    detach: bool,
) -> tuple[list[Built], list[Failed]]:
    """Build kernels by jobs of an engine; returns what was built and what failed, as a local build.

    With `detach`, it returns when the jobs are submitted; the results are then those that the
    registry had before.
    """
    target = target_of(registry, insecure=insecure)
    settings, progress = settings_of(setting.project), make_progress(errors)
    engine = open_engine(engine_name, settings)
    if setting.options.offline:
        raise UserError(
            "--offline cannot be used with --on",
            why="the jobs' results are in a registry",
            hint="leave out one of them",
        )
    if detach and engine_name == "local":
        raise UserError(
            "--detach cannot be used with --on local",
            why="jobs on this machine end with the command that started them",
            hint="leave out --detach",
        )
    if setting.options.cache is None:
        setting = replace(setting, options=replace(setting.options, cache=target))
    plan = composing.make_plan(setting, kernels, target, progress)
    _print_failures(errors, plan.failed, single=len(kernels) == 1)
    jobs = composing.make_jobs(
        setting, plan, target, settings.resources, settings.secrets, progress
    )
    if detach:
        new = submit_all(engine, jobs)
        errors.say(
            f"{len(new)} jobs submitted, {len(jobs) - len(new)} were there already;"
            f" follow them: ingot jobs --on {engine_name} --follow"
        )
        errors.say("when they have ended, run the same command again: it sets the tags")
        return [_built(found, found=True) for found in plan.present], list(plan.failed)
    outcomes = composing.run(engine, jobs, plan, target, progress)
    done = composing.finish(plan, outcomes, engine_name, target, progress)
    _print_failures(errors, done.failed[len(plan.failed) :], single=len(kernels) == 1)
    built = [_built(each, found=each.recipe_key in done.before) for each in done.kernels]
    return sorted(built, key=lambda one: kernels.index(one.kernel)), list(done.failed)


def _print_failures(errors: Terminal, failed: Sequence[Failed], *, single: bool) -> None:
    """Print each error; that of a single kernel is not printed here, since it is raised."""
    for _, error in () if single else failed:
        print_error(errors, error)


def _built(kernel: FoundKernel, *, found: bool) -> Built:
    images = tuple(
        BuiltImage(f"{name}:{kernel.kernel.tag}", document.digest, kernel.sizes[name])
        for name, document in kernel.manifests.items()
    )
    return Built(
        kernel.kernel,
        kernel.recipe_key,
        images,
        found=found,
        pulled=False,
        boot=None,
        timings=(),
    )
