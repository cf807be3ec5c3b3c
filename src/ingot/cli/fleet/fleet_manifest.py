"""`ingot fleet manifest`: the manifests of a build's jobs, for GitOps."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ingot.cli.fleet.fleet_options import settings_of, target_of
from ingot.cli.shared.common_options import (
    Arches,
    CacheDirectory,
    CatalogDirectory,
    Flavors,
    Insecure,
    Kernels,
    choose,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_document, print_error, styled
from ingot.fleet import composing
from ingot.fleet.kubernetes.cluster_manifest import cluster_manifests
from ingot.fleet.kubernetes.job_manifest import job_manifest
from ingot.fleet.kubernetes.kubernetes_engine import require_image
from ingot.fleet.kubernetes.yaml_text import yaml_text


def manifest(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[/PATH]",
            envvar="REGISTRY",
            help="The registry that the jobs push to. What it has gets no job.",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster",
            help="Print what a cluster needs once instead: a namespace, the client's service"
            " account and role, and a network policy.",
        ),
    ] = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Print the Kubernetes manifests of the jobs that a build would submit.

    For tools such as Argo CD and Flux, or `kubectl apply`. The catalog and the builders are sent to
    the registry, since the jobs read them there. When the jobs have ended, `ingot build --on
    kubernetes` with the same kernels sets the tags.
    """
    setting = make_setting(catalog, cache)
    settings = settings_of(setting.project)
    table = settings.table.kubernetes
    if cluster:
        print_document(yaml_text(cluster_manifests(table)))
        return
    require_image(table)
    target = target_of(registry, insecure=insecure)
    errors = Terminal(stderr=True)
    progress = make_progress(errors)
    setting = replace(setting, options=replace(setting.options, cache=target))
    selected = choose(setting, kernels, arches, flavors, maintained=True)
    plan = composing.make_plan(setting, selected, target, progress)
    for kernel, error in plan.failed:
        errors.rule(styled(kernel.tag), align="left")
        print_error(errors, error)
    jobs = composing.make_jobs(
        setting, plan, target, settings.resources, settings.secrets, progress
    )
    print_document(yaml_text([job_manifest(job, table) for job in jobs]))
    if plan.failed:
        raise typer.Exit(plan.failed[0][1].exit_code)
