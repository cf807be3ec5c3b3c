"""Manifests: valid by the published schemas, and as strict as a compile allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from ingot.fleet.fleet_settings import KubernetesTable, TolerationTable
from ingot.fleet.job import SecretFile
from ingot.fleet.kubernetes.cluster_manifest import cluster_manifests
from ingot.fleet.kubernetes.job_manifest import job_manifest
from ingot.fleet.kubernetes.yaml_text import yaml_text
from tests.support.fleets import make_job

SECRET = SecretFile("REGISTRY_AUTH_FILE", "registry", ".dockerconfigjson")
JOB = replace(make_job("6.1.176", "fleet", "job", "6.1.176"), secrets=(SECRET,))
PLAIN = KubernetesTable(image="r.example/ingot:1")
FULL = KubernetesTable(
    image="r.example/ingot:1",
    namespace="kernels",
    sandbox="privileged",
    service_account="builder",
    image_pull_secrets=["pull"],
    node_labels={"pool": "builders"},
    tolerations=[TolerationTable(key="spot", operator="Exists", effect="NoSchedule")],
    priority_class="batch",
    cache_claim="ingot-cache",
    build_memory="0MiB",
)


def pod(table: KubernetesTable = PLAIN) -> dict[str, Any]:
    found: dict[str, Any] = job_manifest(JOB, table)["spec"]["template"]["spec"]
    return found


def container(table: KubernetesTable = PLAIN) -> dict[str, Any]:
    (found,) = pod(table)["containers"]
    return dict(found)


# user namespaces and AppArmor fields are stable from 1.33 and 1.31 on
@pytest.mark.parametrize("version", ["1.33", "1.37"])
@pytest.mark.parametrize("table", [PLAIN, FULL], ids=["plain", "full"])
def test_the_published_schemas_accept_every_manifest(table: KubernetesTable, version: str) -> None:
    for manifest in [job_manifest(JOB, table), *cluster_manifests(table)]:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_refuse_a_wrong_manifest() -> None:
    wrong = job_manifest(JOB, PLAIN)
    wrong["spec"]["backofLimit"] = 0
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_a_job_is_named_after_its_recipe_and_selects_the_machine() -> None:
    manifest = job_manifest(replace(JOB, arch="arm64"), PLAIN)
    assert manifest["metadata"]["name"] == JOB.name
    assert manifest["metadata"]["annotations"]["ingot.dev/recipe-key"] == str(JOB.recipe_key)
    selector = manifest["spec"]["template"]["spec"]["nodeSelector"]
    assert selector["kubernetes.io/arch"] == "amd64", "arm64 is cross-compiled by the builder"


def test_an_eviction_is_ignored_and_an_error_of_the_build_is_final() -> None:
    spec = job_manifest(JOB, PLAIN)["spec"]
    ignore, fail = spec["podFailurePolicy"]["rules"]
    assert spec["backoffLimit"] == 0
    assert ignore["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert fail["onExitCodes"]["values"] == [1, 2, 4, 5, 6, 70]
    assert spec["podReplacementPolicy"] == "Failed"


def test_a_pod_gets_exactly_what_it_may_use() -> None:
    resources = container()["resources"]
    assert resources["requests"] == resources["limits"]
    assert resources["limits"] == {
        "cpu": "2",
        "memory": str(1 << 30),
        "ephemeral-storage": str(1 << 30),
    }


def test_a_pod_has_no_rights_that_it_does_not_need() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["hostUsers"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    security = container()["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True


def test_a_secret_is_a_file_by_reference() -> None:
    (variable,) = [each for each in container()["env"] if each["name"] == "REGISTRY_AUTH_FILE"]
    assert variable["value"] == "/secrets/0/dockerconfigjson"
    (volume,) = [each for each in pod()["volumes"] if "secret" in each]
    assert volume["secret"]["secretName"] == "registry"
    assert volume["secret"]["items"] == [{"key": ".dockerconfigjson", "path": "dockerconfigjson"}]
    (mount,) = [each for each in container()["volumeMounts"] if each["name"] == volume["name"]]
    assert mount["readOnly"] is True


def test_the_build_directory_is_memory_unless_that_is_off() -> None:
    volumes = {each["name"]: each for each in pod()["volumes"]}
    assert volumes["build"]["emptyDir"] == {"medium": "Memory", "sizeLimit": str(4 << 30)}
    volumes = {each["name"]: each for each in pod(FULL)["volumes"]}
    assert "medium" not in volumes["build"]["emptyDir"]
    assert volumes["cache"]["persistentVolumeClaim"] == {"claimName": "ingot-cache"}


def test_settings_of_the_cluster_reach_the_pod() -> None:
    assert pod(FULL)["serviceAccountName"] == "builder"
    assert pod(FULL)["imagePullSecrets"] == [{"name": "pull"}]
    assert pod(FULL)["priorityClassName"] == "batch"
    assert pod(FULL)["nodeSelector"]["pool"] == "builders"
    assert pod(FULL)["tolerations"] == [
        {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_the_role_allows_what_the_engine_does_and_no_secrets() -> None:
    (role,) = [each for each in cluster_manifests(PLAIN) if each["kind"] == "Role"]
    resources = {name for rule in role["rules"] for name in rule["resources"]}
    assert resources == {"jobs", "pods", "pods/log"}


def test_yaml_says_what_the_manifests_say() -> None:
    manifests = [job_manifest(JOB, FULL), *cluster_manifests(FULL)]
    read = list(YAML(typ="safe").load_all(yaml_text(manifests)))
    assert read == manifests
