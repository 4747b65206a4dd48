#!/bin/sh
# Runs a command where there is nothing but what Lambda's own system has beside a layer: glibc, libstdc++, a shell and the few
# programs that the supervisor calls. As Lambda's user, on a read-only root, with /tmp alone to write in.
#   bare-cage.sh ROOT TASK NODE LAYER COMMAND...
# ROOT: an empty directory, where the root is mounted; TASK: becomes /var/task; NODE: the program, /var/lang/bin/node; LAYER: /opt.
set -eu

if [ "${CAGE_INSIDE:-}" = "" ]; then
  if [ "$(id -u)" = 0 ]; then own=""; else own="--user --map-root-user"; fi
  # shellcheck disable=SC2086
  if ! unshare $own --mount --pid --fork true; then
    echo "bare-cage.sh: namespaces are forbidden here: run as root, or allow user namespaces" >&2
    exit 1
  fi
  # shellcheck disable=SC2086
  CAGE_INSIDE=yes exec unshare $own --mount --propagation private --ipc --pid --fork --kill-child -- "$0" "$@"
fi
unset CAGE_INSIDE
root=$1 task=$2 node=$3 layer=$4
shift 4

read_only() {
  mount --bind "$1" "$root/$2"
  mount -o remount,bind,ro "$root/$2"
}

mount -t tmpfs -o size=64m,mode=755 tmpfs "$root"
cd "$root"
mkdir -p dev proc tmp etc bin lib var/task var/lang/bin opt
ln -s lib lib64
for device in null zero random urandom; do
  : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
mount -t tmpfs -o size=512m,mode=1777,nosuid,nodev tmpfs tmp
printf 'root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n' > etc/passwd
for name in sh grep cut sleep rm ls find; do cp -L "$(command -v "$name")" "bin/$name"; done
# libpcre2 is grep's, libselinux ls's.
for name in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 \
  libstdc++.so.6 libgcc_s.so.1 libpcre2-8.so.0 libselinux.so.1; do
  for directory in /lib/*-linux-gnu /usr/lib/*-linux-gnu /lib64 /usr/lib64 /lib /usr/lib; do
    if [ -e "$directory/$name" ] && [ ! -e "lib/$name" ]; then cp -L "$directory/$name" "lib/$name"; fi
  done
done
: > var/lang/bin/node
read_only "$task" var/task
read_only "$node" var/lang/bin/node
read_only "$layer" opt
mount -o remount,bind,ro "$root" 2>/dev/null || mount -o remount,ro "$root"

# The last programs of this machine: their own libraries are not needed behind the new root.
if [ "$(id -u)" = 0 ] && setpriv --reuid=993 --regid=990 --clear-groups true 2>/dev/null; then
  exec prlimit --nofile=1024:1024 --nproc=1024:1024 unshare --root="$root" --setgid=990 --setuid=993 --wd=/ "$@"
fi
exec prlimit --nofile=1024:1024 unshare --user --map-user=993 --map-group=990 --root="$root" --wd=/ "$@"
