//go:build unix

package privilege

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// create makes a file as a program makes its output.
func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestChown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give files away")
	}
	u := User{UID: 65534, GID: 65533}
	f := create(t, filepath.Join(t.TempDir(), "out"))
	if err := Chown(f, u); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // on a Unix
	if st.Uid != 65534 || st.Gid != 65533 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file belongs to %d:%d, mode %v", st.Uid, st.Gid, info.Mode())
	}
	if err := Chown(f, User{UID: 1, GID: 1}); err == nil {
		t.Error("another user's file was given away")
	}
}

// TestChownLeavesOthers: what may have been there before is not given away.
func TestChownLeavesOthers(t *testing.T) {
	me := User{UID: os.Getuid(), GID: os.Getgid()}
	dir := t.TempDir()
	full := create(t, filepath.Join(dir, "full"))
	if _, err := full.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := Chown(full, me); err == nil {
		t.Error("a file with something in it was given away")
	}
	linked := create(t, filepath.Join(dir, "linked"))
	if err := os.Link(linked.Name(), filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if err := Chown(linked, me); err == nil {
		t.Error("a file with another name was given away")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := Chown(null, User{UID: 65534, GID: 65534}); err != nil {
		t.Errorf("a device: %v", err)
	}
	info, err := null.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid == 65534 {
		t.Error("/dev/null was given away")
	}
}
