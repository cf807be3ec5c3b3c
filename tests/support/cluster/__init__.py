"""A cluster on loopback: as much of Kubernetes as the engine uses, with real processes as pods.

    objects       Jobs and pods with resource versions, and the events that watches get
    controller    what the job controller does: pods, podFailurePolicy, deadlines, deletion
    kubelet       nodes that run the command of a pod as a process, and kill it
    api_server    HTTP: lists, watches with bookmarks and 410, create, delete, logs
    faults        what goes wrong, decided by a seed

It was written from the documentation of Kubernetes, and no real cluster was compared with it.
"""
