"""The machines that guests are booted in, and running one: QEMU, Firecracker, Cloud Hypervisor."""
