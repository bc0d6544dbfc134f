package save

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody else's file in a folder that is open to all is not written to, where
// the kernel sees to that: it may have been put there to be read.
func TestFileOfOthers(t *testing.T) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: giving a file to somebody else needs root")
	}
	if b, err := os.ReadFile("/proc/sys/fs/protected_regular"); err != nil || strings.TrimSpace(string(b)) == "0" {
		t.Skipf("SKIPPED: the kernel does not protect files (fs.protected_regular is %q)", b)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "x.pcapng")
	if err := errors.Join(os.Chmod(dir, 0o777|fs.ModeSticky), os.WriteFile(name, nil, 0o666), os.Chown(name, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	if s, err := Create(Options{Name: name}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
		if err == nil {
			_ = s.Close()
		}
	}
}
