package save

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// file is one file that is being written. A classic one has no writer before the
// link type of its first frame is known.
type file struct {
	name string // for messages
	out  io.Writer
	disk *os.File // out, if it is to be closed; nil for standard output
	cut  bool     // it is a regular file, which can be cut back after an error

	ng      *pcapfile.NGWriter // nil for a classic file
	classic *pcapfile.Writer

	frames uint64
	first  int64 // time of the first frame in nanoseconds since the epoch, once there is one
}

// stdout is what errors call standard output.
const stdout = "standard output"

// create opens a file that nobody else may read, of which made is told if it was
// not there before. What is not a regular file, as a FIFO or a device, is left as
// it is.
func create(name string, made func(*os.File) error) (*file, error) {
	disk, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		// O_CREATE has the kernel refuse somebody else's file in a folder that is open
		// to all, such as /tmp (fs.protected_regular of proc(5)): its owner could read it.
		disk, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	case err == nil && made != nil:
		err = made(disk)
	}
	f := &file{name: name, out: disk, disk: disk}
	if err == nil {
		err = f.clear()
	}
	if err != nil {
		if disk != nil {
			_ = disk.Close() // nothing was written
		}
		return nil, fmt.Errorf("capture: create %s: %w", name, cause(err))
	}
	return f, nil
}

// clear empties a regular file, and makes it private before anything is in it.
func (f *file) clear() error {
	info, err := f.disk.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f.cut = true
	if err := f.disk.Chmod(0o600); err != nil {
		return err
	}
	return f.disk.Truncate(0)
}

// write appends frames from to to of a block.
func (f *file) write(b *capture.Block, from, to int, ifaces []capture.Interface) error {
	if from < to {
		if f.frames == 0 {
			f.first = b.Frames[from].Nanos
		}
		f.frames += uint64(to - from)
	}
	if f.ng != nil {
		return f.failed(f.ng.Write(b, from, to, ifaces))
	}
	if f.classic == nil {
		switch {
		case from < to:
			f.begin(b.Frames[from].Link)
		case len(ifaces) > 0:
			f.begin(ifaces[0].Link)
		default:
			return nil
		}
	}
	return f.failed(f.classic.Write(b, from, to))
}

// cost is how many bytes a frame takes in the file.
func (f *file) cost(rec *capture.Record) int64 {
	if f.ng != nil {
		return 32 + (int64(rec.Len)+3)&^3
	}
	return 16 + int64(rec.Len)
}

// begin begins a classic file. Its times are in nanoseconds: whether those to come
// are whole microseconds is not known, and all programs of the last ten years read
// them.
func (f *file) begin(link uint16) { f.classic = pcapfile.NewWriter(f.out, link, true) }

// flush hands everything to the kernel.
func (f *file) flush() error {
	switch {
	case f.ng != nil:
		return f.failed(f.ng.Flush())
	case f.classic != nil:
		return f.failed(f.classic.Flush())
	}
	return nil
}

// classicHead is the size of a classic file's header.
const classicHead = 24

// size is how large the file is so far, with its header in any case.
func (f *file) size() int64 {
	switch {
	case f.ng != nil:
		return f.ng.Size()
	case f.classic != nil:
		return f.classic.Size()
	}
	return classicHead
}

// failed cuts the file back to what is whole of it, if err is not nil, and says
// which file it was.
func (f *file) failed(err error) error {
	if err == nil {
		return nil
	}
	if link, ok := errors.AsType[*pcapfile.LinkError](err); ok {
		if err := f.flush(); err != nil {
			return err
		}
		return fmt.Errorf("capture: write %s: it cannot have frames of link type %d beside those of %d; use a name that ends in .pcapng",
			f.name, link.Frame, link.File)
	}
	if f.cut {
		if err2 := f.disk.Truncate(f.whole()); err2 != nil {
			return fmt.Errorf("capture: write %s: %w; its end is broken: %w", f.name, cause(err), cause(err2))
		}
	}
	return fmt.Errorf("capture: write %s: %w", f.name, cause(err))
}

// whole is how much of the file was written and is good.
func (f *file) whole() int64 {
	if f.ng != nil {
		return f.ng.Whole()
	}
	return f.classic.Whole()
}

// finish ends a good file: with its statistics, and a header if nothing ever came.
func (f *file) finish() error {
	switch {
	case f.ng != nil:
		if err := f.ng.WriteStatistics(); err != nil {
			return f.failed(err)
		}
	case f.classic == nil:
		f.begin(linkEthernet)
	}
	return f.flush()
}

// linkEthernet is LINKTYPE_ETHERNET: the link type of no frames at all.
const linkEthernet = 1

// close closes the file, unless it is standard output.
func (f *file) close() error {
	if f.disk == nil {
		return nil
	}
	if err := f.disk.Close(); err != nil {
		return fmt.Errorf("capture: close %s: %w", f.name, cause(err))
	}
	return nil
}

// cause is what went wrong at last, without what is said of it before.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// Classic reports that a name asks for classic pcap.
func Classic(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".pcap") }
