# What the servers of a test have in common: each runs as root in a folder of its own, and lives until standard input
# ends, so nothing is left of it, however the test ends. It tells its folder when it is up.
#
#   SERVER SNIPPETS ADDRESS PORT [INSIDE_PORT OUTSIDE_PORT]
#
# SNIPPETS is a folder with what the documentation tells people to put into the server's own files. A mail server has a
# sink each for the mail that it delivers inside and outside. Every login that has the password "secret" is good.
# shellcheck shell=bash
set -euo pipefail
umask 022
export PATH="$PATH:/usr/sbin"
[ "$(id -u)" = 0 ] || exec sudo -n "$0" "$@"

# shellcheck disable=SC2034 # for the servers
snippets=$1 address=$2 port=$3 inside=${4-} outside=${5-}

# Runs the functions that are named until standard input ends.
run() {
  folder="$(mktemp -d /tmp/mail-server.XXXXXX)"
  trap clean_up EXIT
  # Ctrl-C ends the test, which ends our standard input.
  trap '' INT
  chmod 755 "$folder"
  # What is in here is shown when the story fails.
  install -d -m 1777 "$folder/logs"
  local part
  for part; do "$part"; done
  echo "$folder"
  cat >/dev/null
}

start_sinks() {
  install -d -o postfix "$folder"/{inside,outside}
  (cd "$folder/inside" && exec smtp-sink -u postfix -d "mail-" "$address:$inside" 100) &
  (cd "$folder/outside" && exec smtp-sink -u postfix -d "mail-" "$address:$outside" 100) &
}

clean_up() {
  jobs -p | xargs -r kill
  wait
  rm -rf "$folder"
}
