# What live.sh and soak.sh share, to be sourced: a folder in memory, the sender, and a
# veth pair from the namespace $a (wwtx) to the namespace $b (wwrx), where only what
# is sent on purpose is on the line. All of it goes when the script ends.
dir=$(mktemp -d "${TMPDIR:-/dev/shm}/wwbench.XXXXXX")
a=wwa$$ b=wwb$$
cleanup() { ip netns del "$a" 2>/dev/null || true; ip netns del "$b" 2>/dev/null || true; rm -rf "$dir"; }
trap cleanup EXIT
go build -o "$dir/flood" ./bench/flood
ip netns add "$a"; ip netns add "$b"
ip link add wwtx netns "$a" type veth peer name wwrx netns "$b"
for n in "$a" "$b"; do ip netns exec "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
ip -n "$a" link set wwtx up; ip -n "$b" link set wwrx up
