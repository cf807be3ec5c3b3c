"""The shape of each verb's document, by the name of the verb in `DOCUMENTS`; see `part_shapes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from ingot.cli.documents.part_shapes import (
    BootPart,
    CveCountsPart,
    FailurePart,
    ImagePart,
    KernelPart,
    OptionChangePart,
    PackageChangePart,
    ProfilePart,
    SizeChangePart,
    SizePart,
    SourcePart,
    StepPart,
    VerdictPart,
)


class VmmProofPart(TypedDict):
    """What the boots of a build prove of a VMM."""

    vmm: str
    proof: str
    machine: str | None


class BuiltPart(KernelPart):
    patched: bool
    recipe_key: str
    found_in_store: bool
    pulled: bool
    boot: VerdictPart | None
    proofs: list[VmmProofPart]
    images: list[ImagePart]
    seconds: float
    steps: list[StepPart]


class BuildDocument(TypedDict):
    source: SourcePart | None
    built: list[BuiltPart]
    failed: list[FailurePart]


class InputPart(TypedDict):
    name: str
    before: str
    after: str


class ForecastPart(KernelPart):
    action: str
    recipe_key: str | None
    missing: list[str]
    newest_recipe_key: str | None
    inputs: list[InputPart]
    options: list[OptionChangePart]
    changes: list[PackageChangePart]


class BuildForecastDocument(TypedDict):
    dry_run: bool
    kernels: list[ForecastPart]
    failed: list[FailurePart]


class JobPart(TypedDict):
    job: str
    kernel: str
    arch: str
    state: str
    node: str
    reason: str | None
    exit_code: int | None
    attempts: int


class JobsDocument(TypedDict):
    jobs: list[JobPart]


class FetchedPart(KernelPart):
    source: SourcePart
    builder: str
    builder_digest: str


class FetchDocument(TypedDict):
    fetched: list[FetchedPart]
    failed: list[FailurePart]


class ModuleBuildDocument(TypedDict):
    name: str
    kernel: str
    version: str
    release: str
    arch: str
    recipe_key: str
    source_digest: str
    modules: list[SizePart]
    images: list[ImagePart]
    seconds: float
    steps: list[StepPart]


class BuilderPart(TypedDict):
    builder: str
    kind: str
    llvm: bool
    suite: str | None
    base_image: str | None
    arch: str
    digest: str | None
    image: str | None
    image_digest: str | None
    lock: str | None
    lock_digest: str | None
    changes: list[PackageChangePart]
    compilers: list[str]
    packages: list[str] | None


class BuilderShowDocument(TypedDict):
    builders: list[BuilderPart]


class BuilderUpdatePart(TypedDict):
    builder: str
    before: str | None
    after: str
    changes: list[PackageChangePart]
    lock: str


class BuilderUpdateDocument(TypedDict):
    dry_run: bool
    builders: list[BuilderUpdatePart]


class BootRowPart(KernelPart):
    vmms: list[str]
    machine: str
    skipped: str | None
    error: str | None
    boot: BootPart | None


class BootAllDocument(TypedDict):
    boots: list[BootRowPart]


class ListedCheckPart(TypedDict):
    name: str
    fragment: str
    text: str
    tested_options: list[str]
    unfit: str | None
    by_default: bool | None


class CheckListDocument(TypedDict):
    checks: list[ListedCheckPart]


class ProfileDocument(ProfilePart):
    image: str


class CostPart(TypedDict):
    instructions: int
    memory_used: int
    kernel_size: int


class MeasuredConfigPart(CostPart):
    config: str


class BisectDocument(TypedDict):
    a: MeasuredConfigPart
    b: MeasuredConfigPart
    compared: int
    compiled: int
    final: bool
    cost: CostPart
    options: list[OptionChangePart]


class ListPart(KernelPart):
    vmms: list[str]
    features: list[str]
    monolithic: bool
    builder: str
    end_of_life: str | None
    ended: bool
    supported_by: Mapping[str, str]
    supported_until: Mapping[str, str]
    experimental: list[str]
    digest: str | None
    size: int | None
    cve_counts: CveCountsPart | None


class ListDocument(TypedDict):
    kernels: list[ListPart]


class ListedImagePart(ImagePart):
    tags: list[TagPart]
    unique_size: int
    arch: str | None
    version: str | None
    release: str | None
    recipe_key: str | None
    written: str | None
    earlier_build: bool
    problems: list[str]


class ImagesDocument(TypedDict):
    size: int
    images: list[ListedImagePart]


class LayerPart(TypedDict):
    name: str | None
    digest: str
    diff_id: str
    size: int


class FilePart(TypedDict):
    name: str
    kind: str
    size: int
    mode: str
    target: str | None


class InspectDocument(ImagePart):
    platform: str
    layers: list[LayerPart]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    files: list[FilePart] | None
    packages: list[str] | None
    problems: list[str]


class SummaryPart(TypedDict):
    image: str
    platform: str
    size: int
    layer_digests: list[str]
    kernel_size: int | None
    modules_size: int | None
    module_count: int | None
    version: str | None
    release: str | None
    arch: str | None
    recipe_key: str | None
    source_digest: str | None
    builder_digest: str | None
    config_digest: str | None
    profile: ProfilePart | None


class CveChangesPart(TypedDict):
    closed: list[str]
    opened: list[str]


class DiffDocument(TypedDict):
    a: SummaryPart
    b: SummaryPart
    identical: bool
    directory_changes: list[SizeChangePart] | None
    module_changes: list[SizeChangePart] | None
    file_changes: list[SizeChangePart] | None
    options: list[OptionChangePart] | None
    cve_changes: CveChangesPart | None


class UnmetPart(TypedDict):
    required_by: str
    option: str
    wanted: str
    value: str
    place: str | None


class RequireDocument(TypedDict):
    config: str
    ok: bool
    asked: int
    unmet: list[UnmetPart]


class CveDataPart(TypedDict):
    name: str
    digest: str
    commit: str | None
    date: str | None


class CvePart(TypedDict):
    cve: str
    title: str
    score: float | None
    status: str
    cause: str
    reason: str
    program_files: list[str]
    compiled_into: list[str]
    options_off: list[str]
    fixed_in: str | None
    fix_in_catalog: bool


class UnreadableRecordPart(TypedDict):
    cve: str
    name: str
    reason: str


class CvesDocument(TypedDict):
    image: str
    digest: str | None
    version: str
    cve_counts: CveCountsPart
    cve_data: CveDataPart
    cves: list[CvePart]
    unreadable: list[UnreadableRecordPart]
    stale_decisions: list[str]


class SupportPart(TypedDict):
    name: str
    ok: bool
    asked: int
    missing: list[str]
    reason: str | None


class TagPart(TypedDict):
    image: str
    digest: str


class OptionCountsPart(TypedDict):
    built_in: int
    as_modules: int
    other: int


class ReportPart(TypedDict):
    version: str
    series: str
    release: str
    arch: str
    flavor: str | None
    digest: str
    tags: list[TagPart]
    recipe_key: str
    config_digest: str
    source_digest: str
    builder_digest: str
    command_line: str
    end_of_life: str | None
    ended: bool | None
    kernel_size: int | None
    kernel_layer_size: int
    modules_size: int | None
    modules_layer_size: int
    modules: list[SizePart] | None
    directories: list[SizePart] | None
    option_counts: OptionCountsPart | None
    vmm_support: list[SupportPart]
    feature_support: list[SupportPart]
    supported_by: Mapping[str, str]
    profile: ProfilePart | None
    cve_counts: CveCountsPart | None


class OmissionPart(TypedDict):
    image: str
    reason: str


class ReportDocument(TypedDict):
    registry: str | None
    date: str
    kernels: list[ReportPart]
    left_out: list[OmissionPart]


class PushedTagPart(TagPart):
    before: str | None
    action: str


class PushDocument(TypedDict):
    registry: str
    dry_run: bool
    size: int
    images: list[ImagePart]
    tags: list[PushedTagPart]
    signed: list[str]


class KeygenDocument(TypedDict):
    private_key: str
    public_key: str
    fingerprint: str


class SignedImagePart(TypedDict):
    image: str
    digest: str
    statements: list[str]
    new_statements: list[str]


class SignDocument(TypedDict):
    fingerprint: str
    images: list[SignedImagePart]


class VerifiedImagePart(TypedDict):
    image: str
    digest: str
    signed_by: list[str]
    statements: list[str]
    refused: list[str]


class VerifyDocument(TypedDict):
    images: list[VerifiedImagePart]


class ReproducedImagePart(TypedDict):
    image: str
    digest: str
    rebuilt_digest: str
    differences: list[str]


class ReproduceDocument(TypedDict):
    recipe_key: str
    reproduced: bool
    images: list[ReproducedImagePart]
    signed: list[str]


class FindingPart(TypedDict):
    kind: str
    weight: str
    option: str
    wanted: str
    value: str | None
    place: str | None
    text: str


class ConfigCheckPart(KernelPart):
    ok: bool
    error: str | None
    asked: int | None
    findings: list[FindingPart]


class ConfigCheckDocument(TypedDict):
    kernels: list[ConfigCheckPart]


class ConfigPart(TypedDict):
    config: str


class ConfigDiffDocument(TypedDict):
    a: ConfigPart
    b: ConfigPart
    options: list[OptionChangePart]


class RequestPart(TypedDict):
    value: str
    place: str


class ConfigExplainDocument(KernelPart):
    option: str
    value: str
    type: str
    prompt: str | None
    menu: list[str]
    request: RequestPart | None
    selected_by: list[str]
    needs: str | None
    missing: list[str]
    places: list[str]
    help: str


class NewOptionPart(TypedDict):
    option: str
    type: str
    default: str
    value: str
    arches: list[str]
    prompt: str


class AddDocument(TypedDict):
    version: str
    series: str
    source: SourcePart
    dry_run: bool
    paths: list[str]
    configs: list[KernelPart]
    compared_with: str | None
    new_options: list[NewOptionPart]
    hidden_options: list[str]


class FixesPart(KernelPart):
    affected: int
    closed: list[str]
    unfixed: list[str]


class SeriesPart(TypedDict):
    series: str
    version: str
    newer: str | None
    end_of_life: str | None
    ended: bool
    cve_fixes: list[FixesPart] | None


class UpdateDocument(TypedDict):
    checked: list[SeriesPart]
    added: list[AddDocument]


class MatrixDocument(TypedDict):
    include: list[KernelPart]


class DiagnosisPart(TypedDict):
    name: str
    ok: bool | None
    detail: str


class DoctorDocument(TypedDict):
    diagnoses: list[DiagnosisPart]


class RemovedPart(TypedDict):
    text: str
    size: int


class RemoveDocument(TypedDict):
    dry_run: bool
    size: int | None
    tags: list[TagPart]


class PruneDocument(TypedDict):
    dry_run: bool
    size: int
    removed: list[RemovedPart]


DOCUMENTS: Mapping[str, type] = {
    "build": BuildDocument,
    "build --dry-run": BuildForecastDocument,
    "fetch": FetchDocument,
    "jobs": JobsDocument,
    "module build": ModuleBuildDocument,
    "builder show": BuilderShowDocument,
    "builder update": BuilderUpdateDocument,
    "boot": BootPart,
    "boot --all": BootAllDocument,
    "boot --list-checks": CheckListDocument,
    "run": BootPart,
    "profile": ProfileDocument,
    "bisect": BisectDocument,
    "list": ListDocument,
    "images": ImagesDocument,
    "inspect": InspectDocument,
    "diff": DiffDocument,
    "cves": CvesDocument,
    "require": RequireDocument,
    "report": ReportDocument,
    "keygen": KeygenDocument,
    "sign": SignDocument,
    "verify": VerifyDocument,
    "reproduce": ReproduceDocument,
    "push": PushDocument,
    "config check": ConfigCheckDocument,
    "config diff": ConfigDiffDocument,
    "config explain": ConfigExplainDocument,
    "add": AddDocument,
    "update": UpdateDocument,
    "matrix": MatrixDocument,
    "doctor": DoctorDocument,
    "rm": RemoveDocument,
    "prune": PruneDocument,
}
"""The shape of the document that each verb prints; some print another one with an option."""
