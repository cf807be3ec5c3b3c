"""Builds a matrix of kernels on many machines, by jobs that an engine runs.

Ingot does not schedule. It computes recipes, makes one job for each recipe that the registry lacks
(`Job`), and gives the jobs to an engine (`Engine`): processes on this machine, a Kubernetes cluster
or a Slurm cluster. The result of a job is the immutable tag of its recipe in the registry, so the
registry is the memory of the fleet: nothing else is kept between two commands.

    job         a job as a value: what to run, where, with which resources and secrets
    engine      what an engine does, and what it reports
    engines     the table of engines, by the names that `--on` takes
    composing   the jobs of a build, submitted, followed and finished

A verb imports this package only if the user names an engine.
"""
