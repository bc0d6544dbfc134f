package save

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// tinyDisk is a folder with room for that much; it goes with the test.
func tinyDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted, so nobody knows what a full disk does: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// When the disk is full, the file can be read to its end, and the error says why
// there is no more of it.
func TestDiskFull(t *testing.T) {
	for _, suffix := range []string{".pcapng", ".pcap"} {
		name := filepath.Join(tinyDisk(t, "64k"), "x"+suffix)
		s := mustCreate(t, Options{Name: name})
		var first error
		written := 0
		for _, b := range blocks(100) {
			if first = s.Write(b, ifaces); first != nil {
				break
			}
			written += 10
		}
		if !errors.Is(first, syscall.ENOSPC) || first.Error() != "capture: write "+name+": no space left on device" {
			t.Fatalf("the error is %v", first)
		}
		before := size(t, name)
		if err := s.Write(blocks(1)[0], ifaces); !errors.Is(err, first) {
			t.Errorf("then it is %v", err)
		}
		if err := s.Close(); !errors.Is(err, first) {
			t.Errorf("Close returns %v", err)
		}
		c := read(t, name)
		if size(t, name) != before || len(c.frames) < written || written == 0 {
			t.Errorf("%d bytes, then %d; %d frames of %d", before, size(t, name), len(c.frames), written)
		}
		wantCount(t, c, 0, len(c.frames))
	}
}

func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A ring that has no room for its next file keeps the others.
func TestDiskFullRing(t *testing.T) {
	dir := tinyDisk(t, "64k")
	s := mustCreate(t, Options{Name: filepath.Join(dir, "x.pcapng"), Ring: Ring{Packets: 50}})
	var first error
	for _, b := range blocks(100) {
		if first = s.Write(b, ifaces); first != nil {
			break
		}
	}
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, first) {
		t.Errorf("%v, and before %v", err, first)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for i, name := range names[:len(names)-1] {
		wantCount(t, read(t, name), 50*i, 50)
	}
	if len(names) < 5 {
		t.Errorf("%d files", len(names))
	}
	if size(t, names[len(names)-1]) > 0 { // else not even its head found room
		read(t, names[len(names)-1])
	}
}
