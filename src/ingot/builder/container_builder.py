"""A builder that is an image of a container engine: any image that has, or gets, what it takes.

The engine has it, under a name that is made of the digest of what was asked for:

    localhost/ingot-builder:<64 digits>

What it was found to be made of is kept with the builders' roots, so that it need not be asked:

    builders/container-<64 digits>.json     the image's ID, its packages

The digest of an image of Debian's or Ubuntu's packages is that of their list, as for a root made
of them: the same packages give the same kernels, whoever enters them. What somebody has added to
such an image by hand is not seen; PATH leaves out /usr/local. An image without dpkg is known by
its ID.
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
from ingot.files import staging_folder, write_atomic
from ingot.process import run
from ingot.progress import Progress

KIND = "container"
_FORMAT = 1
_MARK = "@@ "
_LIBC = "libc"


def packages(spec: BuilderSpec, _arch: Arch, site: Site) -> tuple[str, ...] | None:
    """What the builder is made of, if it was made; costs milliseconds."""
    record = _read_record(_record_path(spec, site))
    return record[1] if record else None


def ensure(spec: BuilderSpec, arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready to be entered: its image is pulled and made if the engine lacks it.

    MachineError if that cannot be, or if it lacks what compiling for `arch` takes.
    """
    engine = container_engines.choose(spec.engine)
    with alone(spec, site, progress):
        engine.sweep()
        name = _name(spec, site)
        image = engine.image_id(name) or _make(engine, spec, site, progress, name, anew=False)
        container = Container(engine, image)
        made_of = _made_of(container, _record_path(spec, site))
        compare(spec, site, made_of, progress)
    told, missing = _examine(container, spec, arch)
    if missing:
        raise MachineError(
            f"the image {spec.image} cannot compile {arch.name} kernels:"
            f" it lacks {', '.join(missing)}",
            hint=f"add what is missing to `packages` of [builders.{spec.name}], or take an image"
            " that has it",
        )
    return Builder(
        spec.name,
        digest_of(made_of),
        packages=made_of,
        llvm=spec.llvm,
        told=told,
        entrance=container,
    )


def update(spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool) -> Update:
    """Get the image again, add the packages of today, and write the builder's lock file.

    A dry run keeps nothing but the image that was pulled.
    """
    engine, name = container_engines.choose(spec.engine), _name(spec, site)
    with alone(spec, site, progress):
        before, lock = packages(spec, site.host, site), site.lock(spec)
        trial = f"{name}-trial"
        image = _make(engine, spec, site, progress, trial, anew=True)
        made_of = _ask(Container(engine, image))
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
            # roots that Ingot made lack these folders
            "RUN mkdir -p /var/cache/apt/archives/partial /var/log/apt \\",
            " && apt-get update \\",
            " && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\",
            f"        {listed} \\",
            " && rm -rf /var/lib/apt/lists/*",
        ]
    return "\n".join(lines) + "\n"


def _make(
    engine: Engine, spec: BuilderSpec, site: Site, progress: Progress, name: str, *, anew: bool
) -> str:
    """Pull the image, add the packages, name it so; the ID of what came of it.

    An image that is here serves, unless the builder is made `anew`.
    """
    base = container_engines.local_name(spec.image)
    wanted = spec.packages_for(site.host)
    here = not anew and engine.image_id(base) is not None
    if site.offline and (wanted or not (here or container_engines.is_file(spec.image))):
        lacking = "packages for it" if here else f"the image {spec.image}"
        raise MachineError(
            f"the builder '{spec.name}' is not here, and without the network it cannot be made",
            why=f"{engine.name} would have to get {lacking}",
            hint="with the network: ingot fetch, which makes the builder of a kernel as well",
        )
    lines = 0
    with progress.step(f"make builder {spec.name} ({engine.name})") as step:

        def count(line: str) -> None:
            nonlocal lines
            lines += 1
            step.advance(lines, None, line[:60])

        if not here:
            base = engine.take(spec.image, count)
        if wanted:
            with staging_folder(site.folder) as folder:
                text = stage(spec, site.host, base)
                (folder / "Containerfile").write_text(text, encoding="utf-8")
                engine.make(folder, name, count, anew=anew)
        else:
            engine.tag(base, name)
        image = engine.image_id(name)
        step.result(f"{spec.image}, {len(wanted)} packages asked for")
    if image is None:
        raise MachineError(f"{engine.name} does not have the image {name} that it has just made")
    return image


def _name(spec: BuilderSpec, site: Site) -> str:
    return f"localhost/ingot-builder:{_spec_digest(spec, site).hex}"


def _record_path(spec: BuilderSpec, site: Site) -> Path:
    return site.folder / f"container-{_spec_digest(spec, site).hex}.json"


def _spec_digest(spec: BuilderSpec, site: Site) -> Digest:
    """Identifies what a builder was asked to be, so that a changed spec makes it anew."""
    document = [_FORMAT, site.host.name, spec.image, spec.packages_for(site.host)]
    return Digest.of(json.dumps(document).encode())


def _made_of(container: Container, path: Path) -> tuple[str, ...]:
    """What the image is made of: as it was found before, if it is the same image, or now."""
    record = _read_record(path)
    if record and record[0] == container.image:
        return record[1]
    made_of = _ask(container)
    _write_record(path, container.image, made_of)
    return made_of


def _ask(container: Container) -> tuple[str, ...]:
    asked = run(container.command(["cat", f"/{STATUS_FILE}"], ENVIRONMENT, ()), check=False)
    found = read_status(asked.output) if asked.returncode == 0 else ()
    return found or (f"image={container.image}",)


def _write_record(path: Path, image: str, made_of: tuple[str, ...]) -> None:
    document = {"image": image, "packages": made_of}
    write_atomic(path, (json.dumps(document, indent=0) + "\n").encode())


def _read_record(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """The ID and the packages that are kept; None if nothing is, or nothing that can be read."""
    try:
        document = json.loads(path.read_bytes())
        return str(document["image"]), tuple(map(str, document["packages"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _examine(
    container: Container, spec: BuilderSpec, arch: Arch
) -> tuple[tuple[str, ...], list[str]]:
    """What the programs inside tell of themselves, and the names of needed ones that lack."""
    command = container.command(["sh", "-c", _questions(spec, arch)], ENVIRONMENT, ())
    said = _answers(run(command).output)
    lines, missing = [], []
    for each in programs(llvm=spec.llvm):
        if each.name in said:
            lines.append(line_of(each, said[each.name]))
        elif each.needed:
            missing.append(each.program.format(cross=arch.cross))
    missing += [f"{name}'s headers" for name in HEADERS if name not in said]
    if not missing and not said.get(_LIBC, "").startswith("/"):
        missing.append(f"a static libc for {arch.name}, which the boot test's init is made with")
    return tuple(sorted(lines)), missing


def _questions(spec: BuilderSpec, arch: Arch) -> str:
    """A shell script that prints, after a mark and a name, what each program tells of itself."""
    lines = []
    for each in programs(llvm=spec.llvm):
        program = each.program.format(cross=arch.cross)
        question = shlex.join([program, *each.question])
        lines.append(f"command -v {program} >/dev/null && echo '{_MARK}{each.name}' && {question}")
    for name, places in HEADERS.items():
        there = " || ".join(f"[ -e /{place} ]" for place in places)
        lines.append(f"{{ {there}; }} && echo '{_MARK}{name}'")
    words = [*compiler(arch.cross, llvm=spec.llvm), "-print-file-name=libc.a"]
    lines.append(f"echo '{_MARK}{_LIBC}'; {shlex.join(words)} 2>/dev/null")
    return "\n".join([*lines, "true"])


def _answers(output: str) -> dict[str, str]:
    return dict(_split(output))


def _split(output: str) -> Iterator[tuple[str, str]]:
    """What was said after each mark, by its name."""
    for part in f"\n{output}".split(f"\n{_MARK}")[1:]:
        name, _, text = part.partition("\n")
        yield name, text
