#!/bin/sh
# Takes the pictures in docs/pictures from a real run: the demo world with a real
# Consul, Prometheus and Jaeger, one of whose instances is made slow. The charts want
# some minutes of life; PICTURES_AFTER is how many seconds it is left alone.
set -eu
cd "$(dirname "$0")/.."
home=$(mktemp -d)
export USER=ada XDG_CONFIG_HOME="$home" XDG_STATE_HOME="$home" PATH="$PWD/bin:$PATH" GCTL_CONTEXT=demo
mkdir -p "$home/gctl"
: >"$home/gctl/guide-seen" # who looks at pictures wants no guide
gctl demo --stack >"$home/demo.log" 2>&1 &
world=$!
end() {
	kill -INT "$world" 2>/dev/null || true
	wait "$world" 2>/dev/null || true
	rm -rf "$home"
}
trap end EXIT
trap 'exit 130' INT TERM
echo "waiting for the demo world"
until gctl health user >/dev/null 2>&1; do
	kill -0 "$world" 2>/dev/null || { cat "$home/demo.log" >&2; exit 1; }
	sleep 1
done
echo "letting it live for ${PICTURES_AFTER:-240} s"
sleep "${PICTURES_AFTER:-240}"
gctl fault latency user-3 900ms --ttl 15m --reason "a picture" --yes >/dev/null 2>&1
sleep 60
gctl breakers force-open user/write --ttl 10m --reason "a picture" --yes >/dev/null 2>&1
sleep 5

# picture NAME SIZE KEYS ARGS...: KEYS as internal/testkit/tty/shot has them
picture() {
	name=$1 size=$2 keys=$3
	shift 3
	echo "docs/pictures/$name.svg"
	bin/tools/shot -size "$size" -keys "$keys" -out "docs/pictures/$name.svg" -- gctl dash --window 5m "$@"
}
mkdir -p docs/pictures
picture services 124x12 'wait:metrics ✓,wait:1 open'
picture service 120x32 'wait:metrics ✓,wait:GetUser,wait:serving' --screen service/user
picture breakers 110x20 'wait:user/write' --screen breakers
picture traces 120x30 'wait:newest' --screen traces/edge
picture trace 120x30 'wait:newest,s,d,wait:sort: dur,enter,wait:critical,wait:p9' --screen traces/edge
picture invoke 120x32 'wait:metrics ✓,wait:FORM,enter,type:u-1,enter,ctrl+s,wait:Ada,wait:OK' --screen invoke/user.v1.UserService/GetUser
picture events 120x20 'wait:metrics ✓,wait:user-3' --screen events
picture why 120x32 'wait:metrics ✓,wait:user-3' --screen why/edge
