//go:build !linux && (!cgo || nolive)

package live

import (
	"errors"
	"fmt"
)

var errBuild = fmt.Errorf("capture on interfaces is libpcap's here, which this build of wirewatch is without: %w", errors.ErrUnsupported)

func open(string, settings) (handle, error) { return nil, errBuild }

func devices() ([]Interface, error) { return nil, errBuild }
