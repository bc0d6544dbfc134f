//go:build !linux

package privilege

import (
	"runtime"
)

// grant gives the user the right to capture: on these systems a device has it, not a
// program.
func grant(string) string {
	if runtime.GOOS == "darwin" {
		return "let yourself capture: join the group access_bpf, which the ChmodBPF package of Wireshark makes"
	}
	return "let yourself read /dev/bpf"
}

// hindrance is why that would not help; none is known here.
func hindrance(string) obstacle { return obstacle{} }
