"""Where compiling happens: the environment (`rootfs`) and the way into it (`sandbox`)."""
