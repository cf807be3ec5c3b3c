"""The `ingot` command: a file per verb, each thin. Only this package reads the environment and the
home directory, prints text, and turns errors into exit codes."""
