vfkit \
  --cpus 2 \
  --memory 1024 \
  --bootloader {{ "linux,kernel=" ~ files ~ "/" ~ filename ~ ",initrd=" ~ placeholder ~ ".cpio,cmdline=\"" ~ command_line ~ "\"" }} \
  --device {{ "virtio-blk,path=" ~ placeholder ~ ".ext4" }} \
  --device virtio-net,nat \
  --device virtio-rng \
  --device virtio-serial,stdio
