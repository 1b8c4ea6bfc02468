#!/usr/bin/env bash
# Tries the Dockerfile where no container engine runs: does its steps in order, in a chroot for each
# stage, then starts the result as its USER, with its ENV and ENTRYPOINT, and runs its HEALTHCHECK
# until it holds. Wants root, debootstrap, and Node with npm and its headers on this machine.
#
# What differs from an engine: the base image is a fresh Debian of the same release with this machine's
# Node copied in, and the build sees this machine's network, npm settings and certificates. There is
# no image at the end, and no isolation but a chroot and namespaces.
#
#   deploy/try-dockerfile.sh      # STORAGE=memory, in a network of its own
#   NETWORK=host RUN_ENV='BROKER_LIST=127.0.0.1:9092 ZOOKEEPER_HOSTS=127.0.0.1:2181' deploy/try-dockerfile.sh
set -euo pipefail

# Mounts and processes that are made here vanish with these namespaces, however the script ends.
if [ "${INSIDE:-}" != yes ]; then
  [ "$(id -u)" = 0 ] || { echo "try-dockerfile.sh: must be root" >&2; exit 1; }
  exec env INSIDE=yes unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" "$@"
fi

CONTEXT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly CONTEXT
readonly RUN_ENV=${RUN_ENV:-STORAGE=memory}
readonly NETWORK=${NETWORK:-own}
readonly HEALTHY_SECONDS_MAX=60

WORK=$(mktemp -d "${TMPDIR:-/tmp}/bitacora-dockerfile-XXXXXX")
clean_up() {
  local code=$?
  umount -R -q "$WORK"/*/proc "$WORK"/*/dev 2>/dev/null || true
  # Never into what is still mounted.
  rm -rf --one-file-system "$WORK"
  exit "$code"
}
trap clean_up EXIT

# What the current stage is made of.
declare -A stage_root=()
declare -a stage_env=()
root='' stage=0 workdir=/ user=0:0 entrypoint='' healthcheck=''

say() { printf '\n== %s\n' "$*" >&2; }
fail() { echo "try-dockerfile.sh: $*" >&2; exit 1; }

# --- the base image ----------------------------------------------------------------------------------

make_base() {
  local release=$1 base="$WORK/base" mirror node_home
  say "a Debian $release with this machine's Node $(node --version)"
  mirror=$(sed -n 's/^URIs: *\([^ ]*\/debian\)\/* *$/\1/p; s/^deb [^h]*\(http[^ ]*\/debian\)\/* .*/\1/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
  debootstrap --variant=minbase "$release" "$base" ${mirror:+"$mirror"} >"$WORK/debootstrap.log" 2>&1 ||
    { tail "$WORK/debootstrap.log" >&2; fail 'debootstrap failed'; }
  # libstdc++ is what Node is linked to; the published base image has it as well.
  chroot "$base" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends libstdc++6' >/dev/null
  node_home=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  mkdir -p "$base/usr/local/include" "$base/usr/local/lib/node_modules"
  cp "$node_home/bin/node" "$base/usr/local/bin/"
  cp -a "$node_home/include/node" "$base/usr/local/include/"
  cp -a "$(npm root --global)/npm" "$base/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$base/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$base/usr/local/bin/npx"
  chroot "$base" useradd --create-home --uid 1000 --user-group --shell /bin/bash node
}

# The way to the package registry: this machine's settings of npm, and the certificates that it trusts.
lend_network() {
  cp -L /etc/resolv.conf "$1/etc/"
  npm config list --json 2>/dev/null | node -e "
    const all = JSON.parse(require('fs').readFileSync(0));
    const lent = ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'];
    for (const name of lent) if (all[name]) console.log(name + '=' + all[name]);" >"$1/etc/npmrc"
  mkdir -p "$1/usr/local/etc"
  mv "$1/etc/npmrc" "$1/usr/local/etc/npmrc"
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$1/usr/local/etc/lent-certificates.crt"
  fi
}

# --- instructions ------------------------------------------------------------------------------------

begin_stage() { # FROM image [AS name]
  local image=$1 release name=${3:-$stage}
  release=$(sed -n 's/^node:[0-9]*-\([a-z]*\).*/\1/p' <<<"$image")
  [ -n "$release" ] || fail "a base image other than node:N-RELEASE: $image"
  [ -d "$WORK/base" ] || make_base "$release"
  root="$WORK/stage-$stage"
  stage=$((stage + 1))
  cp -a "$WORK/base" "$root"
  lend_network "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  stage_root[$name]=$root
  stage_env=() workdir=/ user=0:0 entrypoint='' healthcheck=''
}

# In the stage's root, with its ENV, USER and WORKDIR; more variables before `--`. With EXEC=exec it
# takes the place of the shell that calls it.
inside() {
  local more=()
  while [ "$1" != -- ]; do more+=("$1"); shift; done
  shift
  # shellcheck disable=SC2016 # expanded by the shell in the root
  ${EXEC:-} env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    "${stage_env[@]}" "${more[@]}" \
    chroot --userspec="$user" "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$workdir" "$@"
}

run() {
  inside NODE_EXTRA_CA_CERTS=/usr/local/etc/lent-certificates.crt -- /bin/sh -c "$1"
}

copy() { # [--from=stage] source... destination
  local from=$CONTEXT owner='' to each
  while [[ $1 == --* ]]; do
    case $1 in
      --from=*) from=${stage_root[${1#--from=}]} ;;
      --chown=*) owner=${1#--chown=} ;;
      *) fail "COPY $1" ;;
    esac
    shift
  done
  to=${*: -1}
  local slash=''
  if [[ $to == */ || $# -gt 2 ]]; then slash=/; fi
  [[ $to == /* ]] || to="$workdir/$to"
  to="$root$(realpath -m "$to")"
  [ -z "$slash" ] || mkdir -p "$to"
  for each in "${@:1:$#-1}"; do
    [ -e "$from/$each" ] || fail "COPY: there is no $each"
    mkdir -p "$(dirname "$to")"
    # A folder's contents are copied, a file itself.
    if [ -d "$from/$each" ]; then mkdir -p "$to" && cp -a "$from/$each/." "$to/"; else cp -a "$from/$each" "$to"; fi
    [ -z "$owner" ] || chown -R "$owner" "$to"
  done
  [ -n "$owner" ] || chown -R 0:0 "$to"
}

json_words() { node -e 'for (const each of JSON.parse(process.argv[1])) console.log(each)' "$1"; }

instruct() {
  local word=$1 rest=$2 words
  read -r -a words <<<"$rest"
  say "$word $rest"
  case $word in
    FROM) begin_stage "${words[@]}" ;;
    RUN) run "$rest" ;;
    COPY) copy "${words[@]}" ;;
    ENV) stage_env+=("${words[@]}") ;;
    WORKDIR) workdir=$rest && mkdir -p "$root$rest" ;;
    USER) user=$rest ;;
    VOLUME) mkdir -p "$root$rest" ;;
    EXPOSE | LABEL) ;;
    HEALTHCHECK) healthcheck=${rest##*CMD } ;;
    ENTRYPOINT) entrypoint=$rest ;;
    *) fail "an instruction that this script does not know: $word" ;;
  esac
}

# Joins continued lines, drops comments and empty lines: an instruction a line.
instructions() {
  sed -e '/^[[:space:]]*#/d' "$CONTEXT/Dockerfile" |
    sed -e ':more' -e '/\\$/{N;s/\\\n[[:space:]]*/ /;b more' -e '}' | sed '/^[[:space:]]*$/d'
}

# --- the trial ---------------------------------------------------------------------------------------

while read -r word rest <&4; do instruct "$word" "$rest"; done 4< <(instructions)

rm -f "$root"/usr/local/etc/{npmrc,lent-certificates.crt}
say "the result: $(du -sh --exclude=proc --exclude=dev "$root" | cut -f 1) in all, $(du -sh "$root/opt/bitacora" | cut -f 1) of it in /opt/bitacora"

readarray -t start < <(json_words "$entrypoint")
readarray -t check < <(json_words "$healthcheck")
read -r -a given <<<"$RUN_ENV"

trial() {
  [ "$NETWORK" = host ] || ip link set lo up
  EXEC='exec' inside "${given[@]}" HOME=/home/node -- "${start[@]}" &
  local process=$! second
  for ((second = 0; second < HEALTHY_SECONDS_MAX; second++)); do
    kill -0 "$process" 2>/dev/null || { wait "$process"; fail "it ended with $?"; }
    if inside "${given[@]}" -- "${check[@]}"; then
      say "healthy after $second s, as uid $(ps -o uid= -o args= --ppid "$process" | tail -n 1)"
      kill -TERM "$process"
      wait "$process" || fail "after SIGTERM it ended with $?"
      say 'stopped by SIGTERM with 0'
      return
    fi
    sleep 1
  done
  fail "not healthy within $HEALTHY_SECONDS_MAX s"
}

say "${start[*]} with $RUN_ENV as $user, checked by ${check[*]}"
if [ "$NETWORK" = host ]; then
  trial
else
  # The doors' usual ports may be taken on this machine.
  export -f trial inside say fail
  export root workdir user RUN_ENV NETWORK HEALTHY_SECONDS_MAX
  arrays=$(declare -p stage_env start check given)
  unshare --net bash -euo pipefail -c "$arrays"$'\ntrial'
fi
