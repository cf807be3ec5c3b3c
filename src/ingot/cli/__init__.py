"""The `ingot` command: a file per verb, each thin. Only here are the environment and the
home directory read, text is printed, and errors become exit codes."""
