"""Makes a root filesystem of packages, with mmdebstrap(1).

Files that depend on the machine that made it (host name, resolver, mirror) are removed.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingot.apt import mirror_of
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError, UserError
from ingot.process import CommandFailedError, run
from ingot.tools import SYSTEM_KEYRINGS
from ingot.web import without_secrets

_EPOCH = 0
# files that name the machine or mirror the root was made on, or that no compiler reads
_REMOVE = (
    "etc/hostname",
    "etc/resolv.conf",
    "etc/apt/sources.list",
    "etc/machine-id",
    "var/log",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/status-old",
    # removed after unpacking, since scripts of older packages write into these directories
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
)
_HINTS = {
    "NO_PUBKEY": "the archive is signed by a key that is not trusted: put its keyring into the"
    " catalog's directory, and name it as `keyring` in [builders.{name}]",
    "Unable to locate package": "`components` of [builders.{name}] lists the parts of the archive"
    ' that packages come from: on Ubuntu, most are in ["main", "universe"]',
    "": "check that the mirror has the suite '{suite}', and that the network works. An ordinary"
    " user also needs ranges of IDs in /etc/subuid and /etc/subgid (usermod --add-subuids,"
    " --add-subgids)",
}
"""Hints by a text in mmdebstrap's output; the first one found is used."""


def bootstrap(
    spec: BuilderSpec, site: Site, tar: Path, directory: Path, on_line: Callable[[str], None]
) -> None:
    """Write the root of the builder's packages to `tar`; `directory` is for temporary files.

    MachineError with mmdebstrap's output if it fails, UserError if the keyring is missing.
    """
    env = {"SOURCE_DATE_EPOCH": str(_EPOCH), "TMPDIR": str(directory), "LC_ALL": "C.UTF-8"}
    try:
        with _trusting(spec, site) as options:
            argv = _command(spec, site, tar, options)
            run(argv, env=env, on_line=on_line, keep_output=False)
    except CommandFailedError as error:
        why = without_secrets("\n".join(error.tail))
        hint = next(hint for word, hint in _HINTS.items() if word in why)
        raise MachineError(
            f"the builder '{spec.name}' could not be made",
            why=why,
            hint=f"{hint.format(name=spec.name, suite=spec.suite)}. {without_secrets(error.hint)}",
        ) from error


@contextlib.contextmanager
def _trusting(spec: BuilderSpec, site: Site) -> Iterator[tuple[str, ...]]:
    """The options that make apt trust only the builder's keyring, and no other key.

    apt reads keys as the user `_apt`, who often has no access to the caller's home directory: it
    gets a copy.
    """
    if not spec.keyring:
        yield ()
        return
    keyring = keyring_of(spec, site.catalog)
    with tempfile.TemporaryDirectory(prefix="ingot-keys-") as name:
        directory = Path(name)
        copy, nothing = directory / f"archive{keyring.suffix}", directory / "nothing"
        shutil.copyfile(keyring, copy)
        nothing.mkdir()
        for path in (directory, copy, nothing):
            path.chmod(0o755)
        yield f"--keyring={copy}", f"--keyring={nothing}"


def _command(spec: BuilderSpec, site: Site, tar: Path, options: Sequence[str]) -> list[str]:
    mirror = spec.mirror or mirror_of(spec.suite)
    components = " ".join(spec.components)
    remove = " ".join(f'"$1"/{name}' for name in _REMOVE)
    return [
        *("mmdebstrap", "--mode=auto", "--variant=buildd", "--verbose"),
        f"--include={','.join(spec.packages_for(site.host))}",
        *options,
        f"--customize-hook=rm -rf {remove}",
        # it runs after the hook, and would make directories again with the caller as owner
        "--skip=cleanup/apt",
        spec.suite,
        str(tar),
        *(f"deb {mirror} {suite} {components}" for suite in (spec.suite, *spec.more_suites)),
    ]


def keyring_of(spec: BuilderSpec, catalog: Path) -> Path:
    """The file of a builder's `keyring`: a path in the catalog or absolute, or an installed one."""
    places = dict.fromkeys((catalog / spec.keyring, SYSTEM_KEYRINGS / spec.keyring))
    for path in places:
        if path.is_file():
            return path
    raise UserError(
        f"the keyring '{spec.keyring}' of the builder '{spec.name}' is missing",
        why="looked for " + " and ".join(map(str, places)),
        hint="put the archive's public keys there, or install their package (Debian's:"
        " debian-archive-keyring; Ubuntu's: ubuntu-keyring, in Debian ubuntu-archive-keyring)",
    )
