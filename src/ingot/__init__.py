"""Ingot builds Linux kernels for microVMs and ships them as small OCI images.

What other programs may use is named here, and imported when it is first used; see `ingot.api` and
docs/python.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from ingot.api import (
        BootReport,
        Built,
        Finding,
        Image,
        IngotError,
        Kernel,
        Progress,
        Project,
        Published,
        Registry,
        Resolved,
        RunOptions,
        Silent,
        UserError,
        boot_kernel,
        build_kernel,
        check_config,
        list_kernels,
        open_project,
        publish_kernels,
        read_image,
        resolve_config,
    )

__all__ = [
    "BootReport",
    "Built",
    "Finding",
    "Image",
    "IngotError",
    "Kernel",
    "Progress",
    "Project",
    "Published",
    "Registry",
    "Resolved",
    "RunOptions",
    "Silent",
    "UserError",
    "__version__",
    "boot_kernel",
    "build_kernel",
    "check_config",
    "list_kernels",
    "open_project",
    "publish_kernels",
    "read_image",
    "resolve_config",
]

if not TYPE_CHECKING:  # else every misspelt name would pass

    def __getattr__(name: str) -> object:
        """A name of the API, imported when it is first asked for (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'ingot' has no attribute '{name}'")
        from ingot import api  # late: `ingot --version` needs none of it

        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
