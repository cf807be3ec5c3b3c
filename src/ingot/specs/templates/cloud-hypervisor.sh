cloud-hypervisor \
  --kernel {{ files ~ "/" ~ filename }} \
  --cmdline {{ command_line }} \
  --disk {{ "path=" ~ placeholder ~ "." ~ root.name ~ ",image_type=raw" ~ (",readonly=on" if root.read_only else "") }} \
  --cpus boot=2 \
  --memory size=1024M \
  --serial tty \
  --console off
