"""The engine `kubernetes`: plain Jobs of `batch/v1`, without a controller or a resource of its own.

job_manifest         a job as a manifest
pod_security         what a pod is allowed, by the setting `sandbox`
cluster_manifest     namespace, RBAC and network policy for the client and the jobs
job_reading          manifests of the API as statuses
api_calls            requests with retries, through the official client
resource_watch       lists and watches that survive what the API documents
kubernetes_engine    the engine
"""
