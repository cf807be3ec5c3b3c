"""The engine `slurm`: kernels are built by the batch jobs of a Slurm cluster.

slurm_engine    the four functions of an engine
commands        sbatch, squeue, scontrol, scancel and sacct
task            one task of an array as squeue and sacct report it
batch_script    the script of an array: which task builds which kernel
job_files       the log and the exit record of each job, in a directory that all nodes share
"""
