"""What a guest is given: its initramfs, its root file system, and the plan for its init."""
