package save

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Ring says when one file ends and the next begins. The zero Ring is one file
// without end.
type Ring struct {
	Duration time.Duration // between the first frame of a file and that of the next, at least; 0 for any
	Filesize int64         // bytes after which a file is full; 0 for any
	Packets  uint64        // frames in a file; 0 for any
	Files    int           // how many are kept; 0 for all
}

// turns reports that there is more than one file.
func (r Ring) turns() bool { return r.Duration > 0 || r.Filesize > 0 || r.Packets > 0 }

// Stop says when a capture has gone on for long enough. The zero Stop is never.
type Stop struct {
	Duration time.Duration // since it began
	Filesize int64         // bytes of a file; with a Ring it is where the next file begins
	Packets  uint64        // of the whole capture
	Files    int           // that are full, of a Ring
}

// ParseRing reads the values of -b: duration:S, filesize:KB, packets:N and files:N,
// of which the last of a kind counts.
func ParseRing(specs []string) (Ring, error) {
	r, err := parse("-b", specs)
	if err == nil && r.Files > 0 && !r.turns() {
		err = fmt.Errorf("-b files:%d: say with duration:, filesize: or packets:, too, when a file ends", r.Files)
	}
	if err != nil {
		return Ring{}, err
	}
	return r, nil
}

// ParseStop reads the values of -a, which are the same.
func ParseStop(specs []string) (Stop, error) {
	r, err := parse("-a", specs)
	return Stop(r), err
}

// parse reads the values of a flag.
func parse(flag string, specs []string) (r Ring, err error) {
	for _, spec := range specs {
		if err := r.set(spec); err != nil {
			return Ring{}, fmt.Errorf("%s %s: %w", flag, spec, err)
		}
	}
	return r, nil
}

// maxKB is the largest filesize, in units of 1000 bytes: no file system has files
// that are larger.
const maxKB = math.MaxInt64 / 1000

// set reads one value.
func (r *Ring) set(spec string) (err error) {
	key, value, ok := strings.Cut(spec, ":")
	if !ok {
		return errors.New("it has no value: it is written KEY:VALUE")
	}
	switch key {
	case "duration":
		r.Duration, err = seconds(value)
	case "filesize":
		var kb uint64
		kb, err = count(value, maxKB, "kB")
		r.Filesize = int64(kb) * 1000
	case "packets":
		r.Packets, err = count(value, math.MaxInt64, "packets")
	case "files":
		var n uint64
		n, err = count(value, maxFiles, "files")
		r.Files = int(n)
	default:
		err = fmt.Errorf("there is no %q: it is one of duration, filesize, packets and files", key)
	}
	return err
}

// maxFiles is how many files dumpcap knows in a ring.
const maxFiles = 99999

// count reads a number from 1 on.
func count(s string, most uint64, unit string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > most:
		return 0, fmt.Errorf("there can be at most %d %s", most, unit)
	case err != nil || n == 0:
		return 0, fmt.Errorf("%q is no number of %s: it is a whole number from 1 on", s, unit)
	}
	return n, nil
}

// seconds reads a number of seconds, which may have a fraction.
func seconds(s string) (time.Duration, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 1e-9) { // NaN too
		return 0, fmt.Errorf("%q is no number of seconds above 0", s)
	}
	if f > math.MaxInt64/1e9-1 {
		return 0, fmt.Errorf("%s seconds are too many", s)
	}
	return time.Duration(f * 1e9), nil
}

// fileName is that of a ring's file: the number of it, and when it was made, come
// before the suffix.
func fileName(name string, number int, made time.Time) string {
	suffix := filepath.Ext(filepath.Base(name))
	if suffix == filepath.Base(name) {
		suffix = "" // of a hidden file the name is no suffix
	}
	return fmt.Sprintf("%s_%05d_%s%s", strings.TrimSuffix(name, suffix), number, made.Local().Format("20060102150405"), suffix)
}
