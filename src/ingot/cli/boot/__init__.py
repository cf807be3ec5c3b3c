"""The verbs that boot a kernel: boot, run, shell, profile, bisect."""
