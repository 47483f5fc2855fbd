#!/bin/sh
# Downloads the workspace agent from its server and becomes it.
set -u

CODER_AGENT_URL="${ACCESS_URL}"
CODER_AGENT_AUTH="${AUTH_TYPE}"
export CODER_AGENT_URL CODER_AGENT_AUTH

say() {
	printf '%s\n' "warren agent: $*" >&2
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/warren-agent.XXXXXX") || {
	say "cannot make a directory below ${TMPDIR:-/tmp}, which must be writable"
	exit 1
}
binary="$dir/coder"
url="${ACCESS_URL}bin/coder-${PLATFORM}"

# 0: downloaded, 1: may get better, 2: this server has none, 3: no program to download with.
download() {
	if command -v curl >/dev/null 2>&1; then
		status=$(curl -sSL --connect-timeout 15 -o "$binary" -w '%{http_code}' "$url") || return 1
		case "$status" in
		200) return 0 ;;
		404) return 2 ;;
		*)
			say "the server answered $status"
			return 1
			;;
		esac
	elif command -v wget >/dev/null 2>&1; then
		wget -q -O "$binary" "$url" || return 1
	elif command -v busybox >/dev/null 2>&1; then
		busybox wget -q -O "$binary" "$url" || return 1
	else
		return 3
	fi
}

# The first attempts follow quickly, as a server that restarts is back in seconds.
pause=1
while :; do
	download
	case $? in
	0) break ;;
	2)
		say "the server at ${ACCESS_URL} has no agent for ${PLATFORM}; use another image or platform"
		exit 1
		;;
	3)
		say "install curl, wget or busybox in this image; one of them is needed to download the agent"
		exit 1
		;;
	esac
	say "cannot download $url; trying again in $pause s"
	sleep "${WARREN_RETRY_SECONDS:-$pause}"
	pause=$((pause * 2))
	[ "$pause" -le 30 ] || pause=30
done

chmod 755 "$dir" "$binary" && ln -sf coder "$dir/warren"
exec "$binary" agent
