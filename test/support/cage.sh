#!/bin/sh
# Runs a command as Lambda's sandbox would: an unprivileged user without any right to get more, a root that is read-only, no /dev/shm, one
# small /tmp, no other process in sight, and Lambda's limits on files and processes. The network stays: sources and AWS are reached.
#   cage.sh ROOT TASK NODE POSTGRES UID COMMAND...
# ROOT: an empty directory, where the root is mounted; TASK: becomes /var/task; NODE: the program, /var/lang/bin/node; POSTGRES: an
# installation, /opt/postgres; UID: of the user, who has a name unless UID is 12345.
set -eu

if [ "${CAGE_INSIDE:-}" = "" ]; then
  # A user who is not root gets a namespace in which it is: the mounts below exist there alone.
  if [ "$(id -u)" = 0 ]; then own=""; else own="--user --map-root-user"; fi
  # shellcheck disable=SC2086
  if ! unshare $own --mount --pid --fork true; then
    echo "cage.sh: namespaces are forbidden here: run as root, or allow user namespaces (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)" >&2
    exit 1
  fi
  # shellcheck disable=SC2086
  CAGE_INSIDE=${own:-root} exec unshare $own --mount --propagation private --ipc --pid --fork --kill-child -- "$0" "$@"
fi
inside=$CAGE_INSIDE
unset CAGE_INSIDE
root=$1 task=$2 node=$3 postgres=$4 uid=$5
shift 5
gid=990

read_only() {
  mount --bind "$1" "$root/$2"
  mount -o remount,bind,ro "$root/$2"
}

mount -t tmpfs -o size=4m,mode=755 tmpfs "$root"
cd "$root"
mkdir -p old dev proc tmp etc usr var/task var/lang/bin var/runtime opt/postgres
for link in bin sbin lib lib64 lib32 libx32; do if [ -e "/$link" ]; then ln -s "usr/$link" "$link"; fi; done
for device in null zero random urandom; do
  : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
mount -t tmpfs -o size=512m,mode=1777,nosuid,nodev tmpfs tmp
printf 'root:x:0:0:root:/root:/bin/sh\n' > etc/passwd
if [ "$uid" != 12345 ]; then printf 'sbx_user1051:x:%s:%s::/home/sbx_user1051:/sbin/nologin\n' "$uid" "$gid" >> etc/passwd; fi
: > var/lang/bin/node
read_only /usr usr
read_only "$task" var/task
read_only "$node" var/lang/bin/node
read_only "$postgres" opt/postgres
# Not chroot: a process in one may not make the user namespace that it needs below.
pivot_root . old
cd /
umount -l old
rmdir old
mount -o remount,bind,ro /

if [ "$inside" = root ]; then
  exec prlimit --nofile=1024:1024 --nproc=1024:1024 setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all "$@"
fi
# Lambda's user, in a namespace where nobody else is.
exec prlimit --nofile=1024:1024 unshare --user --map-user="$uid" --map-group="$gid" setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
