package afpacket

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pair makes two network namespaces with a veth pair between them, wwa0
// (10.9.0.1) and wwb0 (10.9.0.2), and puts the test's thread into the first.
func pair(t *testing.T) (a, b string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: interfaces and namespaces need root")
	}
	for _, tool := range []string{"ip", "tcpdump"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is missing", tool)
		}
	}
	a, b = fmt.Sprintf("ww-%d-a", os.Getpid()), fmt.Sprintf("ww-%d-b", os.Getpid())
	for _, ns := range []string{a, b} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED: no network namespaces here: %s", out)
		}
		t.Cleanup(func() { run(t, "ip netns del "+ns) })
	}
	in := "ip netns exec "
	run(t, "ip -n "+a+" link add wwa0 mtu 9000 type veth peer name wwb0 mtu 9000 netns "+b)
	for _, s := range []string{a + " wwa0 10.9.0.1", b + " wwb0 10.9.0.2"} {
		f := strings.Fields(s)
		run(t, in+f[0]+" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1") // it speaks of itself
		run(t, "ip -n "+f[0]+" addr add "+f[2]+"/24 dev "+f[1])
		run(t, "ip -n "+f[0]+" link set lo up")
		run(t, "ip -n "+f[0]+" link set "+f[1]+" up")
	}
	if err := enter(a); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// enter moves this goroutine into a namespace, with its thread, which is never
// unlocked, so that both end together.
func enter(ns string) error {
	runtime.LockOSThread()
	f, err := os.Open("/run/netns/" + ns)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// run runs a command; its words have no spaces.
func run(t *testing.T, command string) {
	t.Helper()
	words := strings.Fields(command)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", command, err, out)
	}
}
