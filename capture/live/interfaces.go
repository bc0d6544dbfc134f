package live

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// anyInterface stands for all interfaces together.
const anyInterface = "any"

// Interface is one that can be captured on.
type Interface struct {
	Name        string
	Description string // "" for none
	Addresses   []netip.Prefix
	State       State
	Loopback    bool
}

// State is whether an interface carries traffic.
type State uint8

// The states.
const (
	Unknown State = iota // it has none: "any", say
	Down
	NoCarrier // up, and nothing at the other end
	Running
)

// String is the state in a few words.
func (s State) String() string { return [...]string{"", "down", "no carrier", "up"}[s] }

// Interfaces are those that can be captured on, the ones that carry traffic
// first, in the order in which -i numbers them.
func Interfaces() ([]Interface, error) {
	list, err := devices()
	if err != nil {
		return nil, err
	}
	for i := range list {
		complete(&list[i])
	}
	slices.SortStableFunc(list, func(a, b Interface) int { return a.rank() - b.rank() })
	return list, nil
}

// rank puts what most people look for first.
func (i *Interface) rank() int {
	switch {
	case i.Name == anyInterface:
		return 2
	case i.State == Unknown:
		return 4
	case i.State != Running:
		return 3
	case i.Loopback:
		return 1
	}
	return 0
}

// complete looks up what the system knows of an interface.
func complete(i *Interface) {
	sys, err := net.InterfaceByName(i.Name)
	if err != nil {
		return
	}
	i.Loopback = sys.Flags&net.FlagLoopback != 0
	switch {
	case sys.Flags&net.FlagUp == 0:
		i.State = Down
	case sys.Flags&net.FlagRunning == 0:
		i.State = NoCarrier
	default:
		i.State = Running
	}
	addrs, err := sys.Addrs()
	if err != nil {
		return
	}
	i.Addresses = nil
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			i.Addresses = append(i.Addresses, p)
		}
	}
}

// Resolve gives the name of an interface that may be named by its number in
// Interfaces, from 1.
func Resolve(name string, list []Interface) string {
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(list) {
		if !slices.ContainsFunc(list, func(i Interface) bool { return i.Name == name }) {
			return list[n-1].Name
		}
	}
	return name
}
