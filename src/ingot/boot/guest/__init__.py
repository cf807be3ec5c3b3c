"""The contents of a guest: its initramfs or root disks, and the plan for its init."""
