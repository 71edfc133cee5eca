#!/bin/bash
# A Debian with Python, venv, make and git and nothing else, and on it the first command of the README, timed:
# with the network, which is the set-up, and then without one. Needs root (chroot, mounts), debootstrap and the network.
#
#   scripts/bare_machine.sh DIR     # the machine is made in DIR, about 3 minutes and 400 MB, and kept for the next run
#
# WHEELS=FOLDER holds wheels that pip may take before those of the index: the CPU build of torch, say.
set -euo pipefail

[ "$(id -u)" = 0 ] || { echo "bare_machine.sh makes a chroot, so it must be run as root: sudo scripts/bare_machine.sh DIR" >&2; exit 1; }
[ $# = 1 ] || { echo "usage: scripts/bare_machine.sh DIR; DIR gets the machine" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
# A mount namespace of its own: whatever ends this script, no mount stays behind.
[ "${BARE_MOUNTS:-}" = own ] || BARE_MOUNTS=own exec unshare --mount "$0" "$@"

checkout=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
machine=$(cd "$1" && pwd)

if [ ! -e "$machine/complete" ]; then
  debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates bookworm "$machine" >&2
  chroot "$machine" useradd --no-create-home --shell /bin/bash newcomer
  touch "$machine/complete"
fi

rm -rf "$machine/home/newcomer"
mkdir -p "$machine/home/newcomer" "$machine/wheels"
mount -t proc proc "$machine/proc"
mount -t tmpfs tmpfs "$machine/dev/shm"
mount --bind /etc/ssl/certs "$machine/etc/ssl/certs" # behind a proxy that signs anew, a machine needs its certificate
[ -z "${WHEELS:-}" ] || mount --bind "$WHEELS" "$machine/wheels"
cp /etc/resolv.conf "$machine/etc/resolv.conf"
# Not a bind of the checkout: git refuses a repository of another user.
git -C "$checkout" bundle create --quiet "$machine/home/newcomer/geoglot.bundle" HEAD
chroot "$machine" chown -R newcomer /home/newcomer

newcomer() { # in the home of the newcomer, with nothing of this shell's environment
  chroot --userspec=newcomer "$machine" /usr/bin/env -i HOME=/home/newcomer USER=newcomer LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin PIP_FIND_LINKS=/wheels PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    bash -euc "cd; $1"
}
export -f newcomer
export machine

newcomer 'python3 --version; du -sm / --exclude=/proc 2>/dev/null | cut -f1 | sed "s/$/ MB of machine/"; git clone --quiet --config advice.detachedHead=false geoglot.bundle geoglot'

# Processors' time is that of an idle machine, too.
echo "processors: $(nproc); load before: $(cut -d' ' -f1 /proc/loadavg)"
TIMEFORMAT="== make demo, set-up and picture: %0R s (processors' time: %0U s + %0S s)"
time newcomer 'cd geoglot; make demo'
TIMEFORMAT="== make demo again, without a network: %0R s (processors' time: %0U s + %0S s)"
time unshare --net bash -euc "newcomer 'cd geoglot; make demo'"
[ -s "$machine/home/newcomer/geoglot/demo-output/map.overlay.png" ] || { echo "no picture was made" >&2; exit 1; }
newcomer 'du -sm geoglot/.venv | cut -f1 | sed "s/$/ MB of .venv/"'
