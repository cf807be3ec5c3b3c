"""The origin git: signed tags, and the trees that `--source git+...` names."""
