crosvm run \
  --cpus 2 \
  --mem 1024 \
  --block {{ placeholder ~ ".ext4,root" }} \
  --serial type=stdout,hardware=serial,num=1,console=true,stdin=true \
  --params {{ command_line }} \
  {{ files ~ "/" ~ filename }}
