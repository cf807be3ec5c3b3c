"""The table of verbs: the name of each, its summary, and the group in which help shows it.

The module of a verb is imported when the verb is used: see `shared.verb_group`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup
from ingot.errors import UserError

_BUILD = "Build"
_BOOT = "Boot"
_LOOK = "Look"
_PUBLISH = "Publish"
_CATALOG = "Catalog"
_MAINTAIN = "Maintain"

VERBS = (
    Verb("build", "Build kernels, boot them, tag their images.", _BUILD),
    Verb("fetch", "Get sources and builders, to build without a network later.", _BUILD),
    Verb("module", "Compile out-of-tree modules for a kernel.", _BUILD),
    Verb("builder", "Make, show and update the builders that compile kernels.", _BUILD),
    Verb("containerfile", "Print the Containerfile that builds a kernel.", _BUILD),
    Verb("fleet", "Build kernels on many machines.", _BUILD),
    Verb("jobs", "Show, follow and cancel the jobs of an engine.", _BUILD),
    Verb("boot", "Boot a kernel in a virtual machine and run its checks.", _BOOT),
    Verb("run", "Boot a kernel with the files of an image as its root.", _BOOT),
    Verb("shell", "Open a terminal in a guest that has the files of an image as its root.", _BOOT),
    Verb("profile", "Count the instructions that a kernel runs until init starts.", _BOOT),
    Verb("bisect", "Find the option that makes one kernel cost more than another.", _BOOT),
    Verb("list", "List the kernels of the catalog.", _LOOK),
    Verb("images", "List the images of the store.", _LOOK),
    Verb("inspect", "Show and verify an image of the store or of a registry.", _LOOK),
    Verb("diff", "Compare two images.", _LOOK),
    Verb("cves", "List the CVEs that concern a kernel.", _LOOK),
    Verb("require", "Check that a kernel supports VMMs, features and options.", _LOOK),
    Verb("report", "Write a page about the kernels of the store, or of a registry.", _LOOK),
    Verb("keygen", "Make a pair of keys, to sign images.", _PUBLISH),
    Verb("sign", "Sign images, and what they are made of.", _PUBLISH),
    Verb("verify", "Verify the signatures of an image with a key.", _PUBLISH),
    Verb("reproduce", "Build a kernel again from its images, and compare the digests.", _PUBLISH),
    Verb("push", "Push kernel images to a registry.", _PUBLISH),
    Verb("pull", "Write the files of an image in a registry to a new directory.", _PUBLISH),
    Verb("export", "Write a kernel's files to a new directory.", _PUBLISH),
    Verb("spec", "Print a configuration snippet for a platform that uses the kernel.", _PUBLISH),
    Verb("config", "Check, show, compare, explain and edit configs.", _CATALOG),
    Verb("adopt", "Turn a full config of another author into features and one fragment.", _CATALOG),
    Verb("add", "Add a version to the catalog.", _CATALOG),
    Verb("update", "Add the newest release of each series.", _CATALOG),
    Verb("matrix", "Print the kernels to build as a GitHub Actions matrix (JSON).", _CATALOG),
    Verb("init", "Make a catalog of your own.", _CATALOG),
    Verb("doctor", "Check what this machine has and lacks.", _MAINTAIN),
    Verb("rm", "Remove images from the store.", _MAINTAIN),
    Verb("prune", "Remove unused images, sources and builders.", _MAINTAIN),
)

_MOVED: Mapping[str, Mapping[str, str]] = {
    "boot": {
        "--profile": "ingot profile KERNEL",
        "--bisect-options": "ingot bisect A B",
        "--by": "ingot bisect A B --by COST",
        "--tries": "ingot bisect A B --tries N",
        "--rootfs": "ingot run KERNEL IMAGE",
        "--interactive": "ingot shell KERNEL IMAGE",
        "-i": "ingot shell KERNEL IMAGE",
    },
}
"""Options that a verb no longer has, and the command that replaces each."""


class IngotVerbs(VerbGroup):
    """The verbs of `ingot`."""

    verbs = VERBS

    @staticmethod
    def code_of(name: str) -> VerbCode:
        return _code_of(name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        if not ctx.resilient_parsing:
            _require_current(args)
        return super().resolve_command(ctx, args)


def _require_current(words: list[str]) -> None:
    """Raise a UserError for an option that has become a verb."""
    moved = _MOVED.get(words[0], {})
    for word in words[1:]:
        option = word.partition("=")[0]
        if option in moved:
            raise UserError(
                f"`ingot {words[0]}` no longer has the option {option}",
                why="it is a separate command now",
                hint=f"run: {moved[option]}",
            )


def _code_of(name: str) -> VerbCode:
    """The verb of this name. This is a table that type checkers can follow, hence its length."""
    match name:
        case "add":
            from ingot.cli.add import add

            return add
        case "adopt":
            from ingot.cli.adopt import adopt

            return adopt
        case "bisect":
            from ingot.cli.boot.bisect import bisect

            return bisect
        case "boot":
            from ingot.cli.boot.boot import boot

            return boot
        case "build":
            from ingot.cli.build import build

            return build
        case "builder":
            from ingot.cli.builder import app

            return app
        case "config":
            from ingot.cli.config import app

            return app
        case "containerfile":
            from ingot.cli.containerfile import containerfile

            return containerfile
        case "cves":
            from ingot.cli.cves import cves

            return cves
        case "diff":
            from ingot.cli.diff import diff

            return diff
        case "doctor":
            from ingot.cli.doctor import doctor

            return doctor
        case "export":
            from ingot.cli.export import export

            return export
        case "fetch":
            from ingot.cli.fetch import fetch

            return fetch
        case "fleet":
            from ingot.cli.fleet import app

            return app
        case "images":
            from ingot.cli.images import images

            return images
        case "init":
            from ingot.cli.init import init

            return init
        case "inspect":
            from ingot.cli.inspect import inspect

            return inspect
        case "jobs":
            from ingot.cli.jobs import jobs

            return jobs
        case "keygen":
            from ingot.cli.keygen import keygen

            return keygen
        case "list":
            from ingot.cli.list_kernels import list_kernels

            return list_kernels
        case "matrix":
            from ingot.cli.matrix import matrix

            return matrix
        case "module":
            from ingot.cli.module import app

            return app
        case "profile":
            from ingot.cli.boot.profile import profile

            return profile
        case "prune":
            from ingot.cli.prune import prune

            return prune
        case "pull":
            from ingot.cli.export import pull

            return pull
        case "push":
            from ingot.cli.push import push

            return push
        case "report":
            from ingot.cli.report import report

            return report
        case "reproduce":
            from ingot.cli.reproduce import reproduce

            return reproduce
        case "require":
            from ingot.cli.require import require

            return require
        case "rm":
            from ingot.cli.rm import rm

            return rm
        case "run":
            from ingot.cli.boot.run import run

            return run
        case "shell":
            from ingot.cli.boot.shell import shell

            return shell
        case "sign":
            from ingot.cli.sign import sign

            return sign
        case "spec":
            from ingot.cli.spec import spec

            return spec
        case "update":
            from ingot.cli.update import update

            return update
        case "verify":
            from ingot.cli.verify import verify

            return verify
    raise KeyError(name)
