package privilege

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGrant(t *testing.T) {
	want := "let this program capture: sudo setcap cap_net_raw,cap_net_admin=eip '/opt/my tools/wirewatch'"
	if got := grant("/opt/my tools/wirewatch"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestConfinedWhy: where nothing that this process starts could capture, setcap is
// not what is recommended.
func TestConfinedWhy(t *testing.T) {
	all := status{bounding: 1<<41 - 1}
	locked := all
	locked.noNewPrivs = true
	for want, got := range map[string]obstacle{
		"":                               confined(all, 1000),
		"CAP_NET_RAW is not in the boun": confined(status{bounding: 1}, 1000),
		"root here may not capture":      confined(all, 0),
		"no_new_privs is set":            confined(locked, 1000),
	} {
		if !strings.Contains(got.why, want) || got.outside != (want != "") || want == "" && got.why != "" {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// TestUnfit: files that setcap does not help.
func TestUnfit(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "wirewatch")
	made := filepath.Join(dir, "go-build123", "b001", "exe", "wirewatch")
	for _, name := range []string{plain, made} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	if got := unfit(filepath.Join(dir, "gone")); !strings.Contains(got.why, "gone") {
		t.Errorf("a file that is gone: %+v", got)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Flags&unix.ST_NOSUID != 0 {
		t.Skipf("SKIPPED: %s is mounted nosuid: %v", dir, err)
	}
	if got := unfit(made); !strings.Contains(got.why, "go run") {
		t.Errorf("a program of go run: %+v", got)
	}
	if got := unfit(plain); got.why != "" {
		t.Errorf("a program that setcap would help: %+v", got)
	}
	if out, err := exec.Command("setcap", "cap_net_raw=ep", plain).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: setcap does not work here: %v %s", err, out)
	}
	if got := unfit(plain); !strings.Contains(got.why, "capabilities already") {
		t.Errorf("a program that has capabilities: %+v", got)
	}
}

// TestNosuid: on a file system that is mounted nosuid setcap has no effect.
func TestNosuid(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can mount")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_NOSUID, "size=64k"); err != nil {
		t.Skipf("SKIPPED: no mount: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	exe := filepath.Join(dir, "wirewatch")
	if err := os.WriteFile(exe, nil, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if got := unfit(exe); !strings.Contains(got.why, "mounted nosuid") {
		t.Errorf("got %+v", got)
	}
}
