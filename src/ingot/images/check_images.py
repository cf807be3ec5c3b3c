"""Verifies that pulled images are the requested ones.

The registry is not trusted: the labels of a kernel's images must match the request, the images must
agree with each other, and each must have the contents of its kind and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingot.arch import arch
from ingot.builder.builder_packages import digest_of
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images.annotations import options_of, read_config, read_packages, read_size_map
from ingot.images.image_kinds import BASE, DEVEL, KERNEL_IMAGES, ImageKind
from ingot.images.kernel_labels import KernelLabels, read_facts
from ingot.images.write_images import read_devel_host
from ingot.kconfig import Config
from ingot.oci import Descriptor, EntryKind, Image, Layer, Layout, Platform, read_image
from ingot.oci.layer_reader import LayerMember, open_layer
from ingot.oci.limits import DOCUMENT_BYTES, KERNEL_IMAGE_BYTES, Allowance
from ingot.recipe import Recipe
from ingot.version import KernelVersion

_SPECIAL_BITS = 0o7000


@dataclass(frozen=True, slots=True)
class _LayerContents:
    """The members of a layer, and the kernel's config, if the layer has it."""

    members: list[LayerMember]
    config: bytes | None


@dataclass(frozen=True, slots=True)
class _AllowedContents:
    """The allowed contents of a kind of image: files by name, any files and directories below
    `trees`, symlinks by name with their targets; `linked` are directories whose entries have
    symlinks at the root."""

    files: frozenset[str] = frozenset()
    trees: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    linked: tuple[str, ...] = ()

    def has(self, member: LayerMember) -> bool:
        if member.hides is not None or member.mode & _SPECIAL_BITS:
            return False
        name, kind = member.name, member.kind
        if kind == EntryKind.DIRECTORY:
            above = (*self.files, *self.links)
            return (
                self._in_tree(name)
                or any(place.startswith(f"{name}/") for place in above)
                or any(f"{place}/".startswith(f"{name}/") for place in self.trees)
            )
        if kind == EntryKind.FILE:
            return name in self.files or self._in_tree(name)
        if kind == EntryKind.LINK:
            if "/" in name or name in self.links:
                return member.target == self.links.get(name)
            return member.target in [f"{directory}/{name}" for directory in self.linked]
        return False

    def _in_tree(self, name: str) -> bool:
        return any(name.startswith(f"{tree}/") for tree in self.trees)


def require_images_of(
    layout: Layout, images: Mapping[str, Descriptor], version: KernelVersion, recipe: Recipe
) -> KernelLabels:
    """Require that these are the images of this version and recipe; returns their labels.

    `images` are the manifests in the layout by the images' names; every required image is among
    them. UserError or VerificationError if they are of another recipe, do not agree with each
    other, or have unexpected contents. Each layer is read once and verified.
    """
    read = {name: read_image(layout, descriptor) for name, descriptor in images.items()}
    facts = _agreed(read)
    wanted = {
        "kernel version": (facts.version, str(version)),
        "series": (facts.release.startswith(f"{version.series}."), True),
        "arch": (facts.arch, recipe.arch),
        "recipe": (facts.recipe_key, recipe.key),
        "source": (facts.source_digest, recipe.source),
        "config": (facts.config_digest, recipe.config),
        "builder": (facts.builder_digest, recipe.builder),
    }
    for what, (found, requested) in wanted.items():
        if found != requested:
            raise VerificationError(
                f"the {what} in the image's labels does not match the requested one",
                why=f"the labels have {found}; {requested} was requested",
                hint="the images were discarded; rebuild them or push them again",
            )
    listed: dict[Digest, _LayerContents] = {}
    for name, image in read.items():
        _require_contents(layout, name, image, facts, listed)
    read_devel_host(read[DEVEL])
    _require_config(read[BASE], facts, listed)
    return facts


def _agreed(images: Mapping[str, Image]) -> KernelLabels:
    """The values that all images have, in labels and annotations."""
    found = None
    for name, image in images.items():
        facts = read_facts(image)
        if facts is None:
            raise VerificationError(f"its {name} is not an image of a kernel built by Ingot")
        platform = Platform("linux", arch(facts.arch).oci)
        if image.platform != platform or KernelLabels.from_labels(image.annotations) != facts:
            raise VerificationError(
                f"its {name} contradicts itself",
                why=f"its labels, its annotations and its platform {image.platform} do not agree",
                hint="the image was discarded; rebuild it or push it again",
            )
        if facts != (found := found or facts):
            raise VerificationError(
                "its images are of more than one kernel",
                why=f"the labels of {name} differ from those of the others",
                hint="the images were discarded; rebuild them or push them again",
            )
        packages = read_packages(image.annotations)
        if packages and digest_of(packages) != facts.builder_digest:
            raise VerificationError(
                f"its {name} lists packages that are not its builder's",
                hint="the image was discarded; rebuild it or push it again",
            )
        read_size_map(image.annotations)
    if found is None:
        raise UserError("there are no images")
    return found


def _allowed(kind: ImageKind, release: str) -> _AllowedContents:
    """The allowed contents of all layers of a kind of image together."""

    def named(template: str) -> str:
        return template.format(release=release)

    layers = kind.layers
    return _AllowedContents(
        frozenset(named(name) for layer in layers for name in layer.files),
        tuple(named(tree) for layer in layers for tree in layer.trees),
        {named(name): named(to) for layer in layers for name, to in layer.links.items()},
        tuple(named(layer.linked) for layer in layers if layer.linked),
    )


def _require_contents(
    layout: Layout,
    name: str,
    image: Image,
    facts: KernelLabels,
    listed: dict[Digest, _LayerContents],
) -> None:
    """VerificationError if an image has members that its kind does not allow, or lacks some.

    Layers that images share are read once: `listed` has the contents of those already read.
    """
    contents = _allowed(KERNEL_IMAGES[name], facts.release)
    allowance = Allowance(KERNEL_IMAGE_BYTES)
    found: set[str] = set()
    digests = [layer.descriptor.digest for layer in image.layers]
    if len(set(digests)) < len(digests):
        raise VerificationError(
            f"its {name} lists a layer twice",
            hint="the image was discarded; rebuild it or push it again",
        )
    for layer in image.layers:
        digest = layer.descriptor.digest
        if digest not in listed:
            config = f"boot/config-{facts.release}"
            listed[digest] = _read_layer(layout, layer, allowance, config)
        for member in listed[digest].members:
            if member.name and not contents.has(member):
                raise VerificationError(
                    f"its {name} has unexpected contents: {member.name:.200}",
                    why=f"Ingot does not write such a {member.kind.value} into this image",
                    hint="the image was discarded; rebuild it or push it again",
                )
            found.add(member.name)
    if missing := sorted(contents.files - found):
        raise VerificationError(f"its {name} lacks {', '.join(missing)}")


def _read_layer(layout: Layout, layer: Layer, allowance: Allowance, config: str) -> _LayerContents:
    """The members of a layer, and its file `config`: of two with this name, the last one."""
    members, text = [], None
    with open_layer(layout, layer, allowance) as tar:
        for member in tar:
            members.append(member)
            if member.name == config:
                # a file that is too large is not read: empty bytes have another digest
                text = b"".join(tar.content()) if member.size <= DOCUMENT_BYTES else b""
    return _LayerContents(members, text)


def _require_config(
    base: Image, facts: KernelLabels, listed: Mapping[Digest, _LayerContents]
) -> None:
    """VerificationError if the config file of the base image does not match its labels."""
    texts = [listed[layer.descriptor.digest].config for layer in base.layers]
    config = [text for text in texts if text is not None][-1]
    annotated = read_config(base.annotations)
    if Digest.of(config) != facts.config_digest or annotated != options_of(
        Config(config.decode("utf-8", "replace"))
    ):
        raise VerificationError(
            "the config file in its images does not match their labels and annotations",
            hint="the images were discarded; rebuild them or push them again",
        )
