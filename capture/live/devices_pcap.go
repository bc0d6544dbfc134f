//go:build cgo && !nolive

package live

import (
	"fmt"

	"github.com/google/gopacket/pcap"
)

// devices are what libpcap can open.
func devices() ([]Interface, error) {
	list, err := pcap.FindAllDevs()
	if err != nil {
		return nil, fmt.Errorf("capture: list interfaces: %w", err)
	}
	var out []Interface
	for _, d := range list {
		out = append(out, Interface{Name: d.Name, Description: d.Description})
	}
	return out, nil
}
