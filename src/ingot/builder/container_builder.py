"""A builder that is a container image, to which packages can be added.

The container engine keeps it, under a name with the digest of the builder's spec:

    localhost/ingot-builder:<64 digits>

Its packages are recorded next to the builders' roots, so that no container has to be started to
list them:

    builders/container-<64 digits>.json     the image's ID, its packages

The digest of an image of Debian's or Ubuntu's packages is that of their list, as for a root made
of packages: the same packages produce the same kernels. Files that were added to such an image
without dpkg do not change the digest; PATH does not contain /usr/local. An image without dpkg is
identified by its ID.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from ingot.arch import Arch
from ingot.builder import container_engines
from ingot.builder.builder_lock import write_lock
from ingot.builder.builder_packages import STATUS_FILE, digest_of, read_status
from ingot.builder.builder_site import Site
from ingot.builder.container_engines import Engine
from ingot.builder.container_run import Container
from ingot.builder.rootfs_builder import Update, alone, compare
from ingot.builder.sandbox import ENVIRONMENT, Builder
from ingot.builder.tool_versions import HEADERS, line_of, programs
from ingot.builder.toolchain import compiler
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.files import staging_directory, write_atomic
from ingot.process import run
from ingot.progress import Progress

KIND = "container"
_FORMAT = 1
_MARK = "@@ "
_LIBC = "libc"


def packages(spec: BuilderSpec, _arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The builder's packages, if it was made; takes milliseconds."""
    record = _read_record(_record_path(spec, site))
    return record[1] if record else None


def ensure(spec: BuilderSpec, arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready for use: its image is pulled and made if the engine does not have it.

    MachineError if that fails, or if the image cannot compile for `arch`.
    """
    engine = container_engines.choose(spec.engine)
    with alone(spec, site, progress):
        engine.sweep()
        name = _name(spec, site)
        image = engine.image_id(name) or _make(engine, spec, site, progress, name, rebuild=False)
        container = Container(engine, image)
        made_of = _made_of(container, _record_path(spec, site))
        compare(spec, site, made_of, progress)
    tools, missing = _examine(container, spec, arch)
    if missing:
        raise MachineError(
            f"the image {spec.image} cannot compile {arch.name} kernels:"
            f" {', '.join(missing)} not found in it",
            hint=f"add the packages to `packages` of [builders.{spec.name}], or use an image"
            " that has them",
        )
    return Builder(
        spec.name,
        digest_of(made_of),
        packages=made_of,
        llvm=spec.llvm,
        tools=tools,
        entrance=container,
    )


def update(spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool) -> Update:
    """Pull the image again, add the current packages, and write the builder's lock file.

    A dry run keeps only the image that was pulled.
    """
    engine, name = container_engines.choose(spec.engine), _name(spec, site)
    with alone(spec, site, progress):
        before, lock = packages(spec, site.host, site), site.lock(spec)
        trial = f"{name}-trial"
        image = _make(engine, spec, site, progress, trial, rebuild=True)
        made_of = _read_packages(Container(engine, image))
        if not dry_run:
            engine.tag(image, name)
            _write_record(_record_path(spec, site), image, made_of)
            write_lock(site.lock_path(spec), spec.name, made_of)
        engine.forget(trial)
    return Update(lock.packages if lock else before, made_of)


def stage(spec: BuilderSpec, host: Arch, image: str) -> str:
    """The lines of a Containerfile that make the builder of `image`, for machines of `host`."""
    lines = [f"FROM {image} AS builder"]
    if wanted := spec.packages_for(host):
        listed = " \\\n        ".join(wanted)
        lines += [
            # roots that Ingot made do not have these directories
            "RUN mkdir -p /var/cache/apt/archives/partial /var/log/apt \\",
            " && apt-get update \\",
            " && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\",
            f"        {listed} \\",
            " && rm -rf /var/lib/apt/lists/*",
        ]
    return "\n".join(lines) + "\n"


def _make(
    engine: Engine, spec: BuilderSpec, site: Site, progress: Progress, name: str, *, rebuild: bool
) -> str:
    """Pull the image, add the packages, and name the result `name`; returns its ID.

    An image that the engine already has is not pulled, unless `rebuild` is set.
    """
    base = container_engines.local_name(spec.image)
    wanted = spec.packages_for(site.host)
    here = not rebuild and engine.image_id(base) is not None
    if site.offline and (wanted or not (here or container_engines.is_file(spec.image))):
        needed = "packages for it" if here else f"the image {spec.image}"
        raise MachineError(
            f"the builder '{spec.name}' is not made yet, and cannot be made without the network",
            why=f"{engine.name} would have to download {needed}",
            hint="run `ingot fetch` with the network: it also makes the builder of a kernel",
        )
    lines = 0
    with progress.step(f"make builder {spec.name} ({engine.name})") as step:

        def count(line: str) -> None:
            nonlocal lines
            lines += 1
            step.advance(lines, None, line[:60], unit="lines")

        if not here:
            base = engine.pull(spec.image, count)
        if wanted:
            with staging_directory(site.directory) as directory:
                text = stage(spec, site.host, base)
                (directory / "Containerfile").write_text(text, encoding="utf-8")
                engine.make(directory, name, count, rebuild=rebuild)
        else:
            engine.tag(base, name)
        image = engine.image_id(name)
        step.result(f"{spec.image}, {len(wanted)} packages requested")
    if image is None:
        raise MachineError(f"{engine.name} does not have the image {name} that it has just made")
    return image


def _name(spec: BuilderSpec, site: Site) -> str:
    return f"localhost/ingot-builder:{_spec_digest(spec, site).hex}"


def _record_path(spec: BuilderSpec, site: Site) -> Path:
    return site.directory / f"container-{_spec_digest(spec, site).hex}.json"


def _spec_digest(spec: BuilderSpec, site: Site) -> Digest:
    """The digest of the builder's spec: if it changes, the builder is made again."""
    document = [_FORMAT, site.host.name, spec.image, spec.packages_for(site.host)]
    return Digest.of(json.dumps(document).encode())


def _made_of(container: Container, path: Path) -> tuple[str, ...]:
    """The image's packages: recorded ones, if the image is the same, or else read from it."""
    record = _read_record(path)
    if record and record[0] == container.image:
        return record[1]
    made_of = _read_packages(container)
    _write_record(path, container.image, made_of)
    return made_of


def _read_packages(container: Container) -> tuple[str, ...]:
    result = run(container.command(["cat", f"/{STATUS_FILE}"], ENVIRONMENT, ()), check=False)
    found = read_status(result.output) if result.returncode == 0 else ()
    return found or (f"image={container.image}",)


def _write_record(path: Path, image: str, made_of: tuple[str, ...]) -> None:
    document = {"image": image, "packages": made_of}
    write_atomic(path, (json.dumps(document, indent=0) + "\n").encode())


def _read_record(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """The recorded ID and packages; None if the record is missing or cannot be read."""
    try:
        document = json.loads(path.read_bytes())
        return str(document["image"]), tuple(map(str, document["packages"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _examine(
    container: Container, spec: BuilderSpec, arch: Arch
) -> tuple[tuple[str, ...], list[str]]:
    """The versions that the programs inside report, and the names of missing required ones."""
    command = container.command(["sh", "-c", _probe_script(spec, arch)], ENVIRONMENT, ())
    found = _probe_results(run(command).output)
    lines, missing = [], []
    for each in programs(llvm=spec.llvm):
        if each.name in found:
            lines.append(line_of(each, found[each.name]))
        elif each.needed:
            missing.append(each.program.format(cross=arch.cross))
    missing += [f"{name}'s headers" for name in HEADERS if name not in found]
    if not missing and not found.get(_LIBC, "").startswith("/"):
        missing.append(f"a static libc for {arch.name}, which the boot test's init is linked with")
    return tuple(sorted(lines)), missing


def _probe_script(spec: BuilderSpec, arch: Arch) -> str:
    """A shell script that prints, after a mark and a name, the version output of each program."""
    lines = []
    for each in programs(llvm=spec.llvm):
        program = each.program.format(cross=arch.cross)
        command = shlex.join([program, *each.version_arguments])
        lines.append(f"command -v {program} >/dev/null && echo '{_MARK}{each.name}' && {command}")
    for name, places in HEADERS.items():
        there = " || ".join(f"[ -e /{place} ]" for place in places)
        lines.append(f"{{ {there}; }} && echo '{_MARK}{name}'")
    words = [*compiler(arch.cross, llvm=spec.llvm), "-print-file-name=libc.a"]
    lines.append(f"echo '{_MARK}{_LIBC}'; {shlex.join(words)} 2>/dev/null")
    return "\n".join([*lines, "true"])


def _probe_results(output: str) -> dict[str, str]:
    return dict(_split(output))


def _split(output: str) -> Iterator[tuple[str, str]]:
    """The output after each mark, with the mark's name."""
    for part in f"\n{output}".split(f"\n{_MARK}")[1:]:
        name, _, text = part.partition("\n")
        yield name, text
