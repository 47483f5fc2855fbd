#!/bin/sh
# Starts and ends the processes of one workspace on this machine.
#
#   create  make the workspace's directory
#   start   start the agent in it, as the leader of a session of its own
#   stop    end the agent and all it has started
#   remove  stop, then delete the directory
#
# WARREN_PROCESS_ROOT holds one directory per workspace:
#   home/      the home directory, kept until the workspace is deleted
#   tmp/       what the workspace sees as /tmp, emptied at each start
#   agent.sh   the script that downloads and starts the agent
#   agent.log  what the agent prints
#   session    the session's id, the start time of its leader and the boot it belongs to
set -eu
umask 077

: "${WARREN_PROCESS_ROOT:?is set by the Warren server; this template does not work without it}"
: "${WORKSPACE:?names the workspace}"
workspace=$WORKSPACE
case $workspace in
*[!0-9a-f-]* | "") echo "$workspace is no workspace id" >&2 && exit 1 ;;
esac
case $WARREN_PROCESS_ROOT in
/?*) ;;
*) echo "WARREN_PROCESS_ROOT is no absolute path: $WARREN_PROCESS_ROOT" >&2 && exit 1 ;;
esac

dir=$WARREN_PROCESS_ROOT/$workspace
home=$dir/home
# Every process of the workspace has this in its environment.
marker=WARREN_PROCESS_WORKSPACE=$workspace

create() {
    mkdir -p "$home" "$dir/tmp"
}

start() {
    : "${AGENT_SCRIPT:?starts the agent}" "${AGENT_TOKEN:?is the token of the agent}"
    [ ! -e "$dir/session" ] || stop
    create
    empty "$dir/tmp"
    printf '%s\n' "$AGENT_SCRIPT" >"$dir/agent.sh"
    first_moment=${FIRST_MOMENT_TENTHS:-1}
    : >"$dir/agent.log"

    sandbox_arguments "${WORKSPACE_NAME:-workspace}"
    token=$AGENT_TOKEN
    clean_environment
    export HOME="$home" CODER_AGENT_TOKEN="$token" "$marker"
    cd "$home"

    if ! command -v bwrap >/dev/null 2>&1; then
        notice "bubblewrap (bwrap) is not installed"
        export TMPDIR="$dir/tmp"
        set -- sh "$dir/agent.sh"
    elif ! refusal=$(eval "bwrap $sandbox true" 2>&1); then
        notice "bubblewrap is installed, but this machine does not allow it ($(echo "$refusal" | head -n 1))"
        export TMPDIR="$dir/tmp"
        set -- sh "$dir/agent.sh"
    else
        echo "The workspace runs in a bubblewrap sandbox: own processes, own /tmp, read-only system, shared network."
        eval "set -- bwrap $sandbox sh \"\$dir/agent.sh\""
    fi
    # A session of its own, with nothing open that belongs to Terraform.
    setsid "$@" </dev/null >>"$dir/agent.log" 2>&1 &
    remember $!
    watch_first_moments $!
}

stop() {
    [ -d "$dir" ] || return 0
    found=
    look
    # The agent first: it runs the template's stop scripts. Then everything politely, then everything.
    agent=$(for id in $found; do echo "/proc/$id/cmdline"; done |
        xargs grep -lzxs agent /dev/null | tr -cd '0-9\n' || true)
    if [ -n "$agent" ]; then
        signal TERM $agent
        wait_for_end 100 $agent
    fi
    look
    if [ -n "$found" ]; then
        signal TERM $found
        wait_for_end 20
    fi
    tries=0
    while [ -n "$found" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then
            echo "these processes of the workspace do not end:" $found >&2
            exit 1
        fi
        signal KILL $found
        sleep 0.1
        look
    done
    rm -f "$dir/session" "$dir/agent.sh"
}

remove() {
    stop
    # Package managers like to write-protect what they unpack.
    [ ! -d "$dir" ] || chmod -R u+rwX "$dir" 2>/dev/null || true
    rm -rf "$dir"
}

notice() {
    echo "NOTICE: $1."
    echo "NOTICE: this workspace has the rights of the server's user: it can read and change all that this user can."
}

# Leaves only variables that are of use in a workspace.
clean_environment() {
    # Not from the lines of `env`: a value of several lines, such as a script, holds lines that look like variables.
    for name in $(awk 'BEGIN { for (name in ENVIRON) print name }' | grep -x '[A-Za-z_][A-Za-z0-9_]*'); do
        case $name in
        PATH | LANG | LC_* | TZ | SHELL | USER | LOGNAME) ;;
        http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY) ;;
        SSL_CERT_FILE | SSL_CERT_DIR | NIX_SSL_CERT_FILE) ;;
        *) unset "$name" 2>/dev/null || true ;;
        esac
    done
}

# Sets $sandbox to the arguments of bwrap, quoted for eval.
sandbox_arguments() {
    sandbox="--unshare-pid --unshare-ipc --unshare-uts --cap-drop ALL --proc /proc --dev /dev"
    add --hostname "$1"
    for part in /usr /opt /nix /sys; do
        [ ! -d "$part" ] || add --ro-bind "$part" "$part"
    done
    # The kernel's settings belong to the host. Root may write them even without capabilities.
    for part in /proc/sys /proc/sysrq-trigger /proc/irq /proc/bus; do
        [ ! -e "$part" ] || add --ro-bind "$part" "$part"
    done
    for part in /bin /sbin /lib /lib32 /lib64 /libx32; do
        if [ -h "$part" ]; then
            add --symlink "$(readlink "$part")" "$part"
        elif [ -d "$part" ]; then
            add --ro-bind "$part" "$part"
        fi
    done
    # Of /etc only what programs need: the rest holds the host's secrets.
    for part in passwd group hosts hostname nsswitch.conf resolv.conf host.conf gai.conf services protocols \
        ssl/certs ssl/openssl.cnf ca-certificates ca-certificates.conf pki/tls/certs pki/ca-trust crypto-policies \
        ld.so.cache ld.so.conf ld.so.conf.d alternatives localtime timezone os-release debian_version \
        profile profile.d bash.bashrc bashrc inputrc terminfo skel mime.types magic gitconfig shells java* python3* \
        perl vim emacs fonts; do
        for found in /etc/$part; do
            if [ -h "$found" ]; then
                add --ro-bind-try "$(readlink -f "$found")" "$found"
            elif [ -e "$found" ]; then
                add --ro-bind "$found" "$found"
            fi
        done
    done
    add --tmpfs /run --dir /var --dir /var/tmp --symlink ../run /var/run
    add --bind "$dir/tmp" /tmp --bind "$home" "$home" --ro-bind "$dir/agent.sh" "$dir/agent.sh" --chdir "$home"
}

add() {
    for argument in "$@"; do
        case $argument in
        *\'*) argument=$(printf '%s' "$argument" | sed "s/'/'\\\\''/g") ;;
        esac
        sandbox="$sandbox '$argument'"
    done
}

remember() {
    printf '%s %s %s\n' "$1" "$(start_time "$1")" "$(cat /proc/sys/kernel/random/boot_id)" >"$dir/session"
}

# A script that fails at once should fail the build, with its words in the log.
watch_first_moments() {
    tenths=$first_moment
    while kill -0 "$1" 2>/dev/null; do
        [ "$tenths" -gt 0 ] || return 0
        tenths=$((tenths - 1))
        sleep 0.1
    done
    echo "the agent's process ended at once; the last lines of $dir/agent.log:" >&2
    tail -n 20 "$dir/agent.log" >&2
    exit 1
}

start_time() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20 || true
}

# The session of the last start, unless its number belongs to somebody else by now.
own_session() {
    [ -r "$dir/session" ] || return 0
    read -r id started boot <"$dir/session" || return 0
    [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 0
    [ ! -e "/proc/$id" ] || [ "$(start_time "$id")" = "$started" ] || return 0
    echo "$id"
}

# Sets $found to all living processes of the workspace: those with the marker, those of its session, those found
# before, the descendants and session members of all of these, and orphans that work or write in its directory.
look() {
    marked=$(grep -lzxsF -e "$marker" /proc/[0-9]*/environ | tr -cd '0-9\n' | tr '\n' ' ' || true)
    inside=$(find /proc/[0-9]*/cwd /proc/[0-9]*/fd -maxdepth 1 -lname "$dir/*" 2>/dev/null |
        cut -d / -f 3 | sort -u | tr '\n' ' ' || true)
    adopters=$(grep -lxs -e systemd -e init /proc/[0-9]*/comm | tr -cd '0-9\n' | tr '\n' ' ' || true)
    found=$(
        cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) /\1 /' |
            awk -v marked="$marked" -v inside="$inside" -v adopters="1 $adopters" -v known="$(echo $found)" \
                -v session="$(own_session)" -v self=$$ '
                { state[$1] = $2; parent[$1] = $3; leader[$1] = $5 }
                END {
                    split(marked " " known, ids, " ")
                    for (n in ids) if (ids[n] in parent) member[ids[n]] = 1
                    split(adopters, ids, " ")
                    for (n in ids) adopter[ids[n]] = 1
                    split(inside, ids, " ")
                    for (n in ids) if (ids[n] in parent && parent[ids[n]] in adopter) member[ids[n]] = 1
                    do {
                        grown = 0
                        for (id in parent) {
                            if (id in member) continue
                            own = session != "" && leader[id] == session
                            if (own || parent[id] in member || leader[id] in member) { member[id] = 1; grown = 1 }
                        }
                    } while (grown)
                    for (id in member) if (state[id] != "Z" && id != self) print id
                }'
    )
}

signal() {
    name=$1
    shift
    [ $# = 0 ] || kill -s "$name" "$@" 2>/dev/null || true
}

# Waits up to a number of tenths of a second until processes (or all of the workspace) have ended.
wait_for_end() {
    tenths=$1
    shift
    while [ "$tenths" -gt 0 ]; do
        if [ $# = 0 ]; then
            look
            [ -n "$found" ] || return 0
        elif [ -z "$(living "$@")" ]; then
            return 0
        fi
        sleep 0.1
        tenths=$((tenths - 1))
    done
}

living() {
    for id in "$@"; do
        case $(sed 's/.*) //' "/proc/$id/stat" 2>/dev/null) in
        "" | Z*) ;;
        *) echo "$id" ;;
        esac
    done
}

empty() {
    find "$1" -mindepth 1 -maxdepth 1 -exec chmod -R u+rwX {} + -exec rm -rf {} + 2>/dev/null || true
}

case ${1:-} in
create | start | stop | remove) "$1" ;;
*) echo "usage: process.sh create|start|stop|remove" >&2 && exit 2 ;;
esac
