cloud-hypervisor \
  --kernel {{ files ~ "/" ~ filename }} \
  --cmdline {{ command_line }} \
  --disk {{ "path=" ~ placeholder ~ ".ext4,image_type=raw" }} \
  --cpus boot=2 \
  --memory size=1024M \
  --serial tty \
  --console off
